"""Which indexes uv and pip are told of, with which credentials, and what of it cannot be heeded."""

import asyncio
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

from outrider.core.errors import InvalidConfigError, UnsupportedError
from outrider.core.secrets import SecretValue
from outrider.operators.packages.registries.registry import basic
from outrider.operators.packages.tests.machines import Machine, pip
from outrider.operators.packages.tests.python_index import PythonIndex
from tests.peers.environments import PROGRAMS, install

_PLACES = (("project/uv.toml", "index"), ("project/pyproject.toml", "tool.uv.index"))


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_uv_reads_the_file_that_a_variable_names_and_no_other(machine: Machine) -> None:
    machine.write("project/pyproject.toml", '[[tool.uv.index]]\nurl = "http://project"\ndefault = true\n')
    machine.write("home/.config/uv/uv.toml", 'extra-index-url = ["http://user"]\n')
    named = machine.write("x.toml", '[[index]]\nname = "corp"\nurl = "http://corp"\ndefault = true\n')
    assert machine.urls() == ["user", "project"]
    assert machine.urls(UV_CONFIG_FILE=str(named)) == ["corp"]
    assert machine.urls(UV_NO_CONFIG="1", PIP_INDEX_URL="http://pip") == ["pip"]
    with pytest.raises(InvalidConfigError, match="UV_CONFIG_FILE: there is no such file"):
        machine.registries(UV_CONFIG_FILE=str(machine.root / "none.toml"))


def test_settings_of_uv_are_those_of_the_nearest_folder_above_and_uv_toml_counts_alone(machine: Machine) -> None:
    machine.write("pyproject.toml", '[[tool.uv.index]]\nurl = "http://above"\ndefault = true\n')
    machine.write("project/pyproject.toml", "[project]\nname = 'of-no-uv'\n")
    assert machine.urls() == ["above"]
    machine.write("uv.toml", 'index-url = "http://file"\n')
    assert machine.urls() == ["file"]


@pytest.mark.parametrize(
    ("index", "variables", "expected"),
    [
        ("corp=http://h/s", {"UV_INDEX_CORP_USERNAME": "cu", "UV_INDEX_CORP_PASSWORD": "cp"}, basic("cu", "cp")),
        ("my-corp.1=http://h/s", {"UV_INDEX_MY_CORP_1_PASSWORD": "cp"}, basic("", "cp")),
        ("corp=http://a:b@h/s", {"UV_INDEX_CORP_USERNAME": "cu", "UV_INDEX_CORP_PASSWORD": "cp"}, basic("a", "b")),
        ("http://h/s", {"UV_INDEX__USERNAME": "cu"}, basic("machine", "known")),
        ("corp=http://h/s", {}, basic("machine", "known")),
    ],
)
def test_credentials_of_a_named_index(
    machine: Machine, index: str, variables: dict[str, str], expected: SecretValue
) -> None:
    machine.write("netrc", "machine h login machine password known\n")
    assert machine.registries(UV_INDEX=index, **variables)[0].authorization == expected


def test_an_index_that_is_shown_no_credentials(machine: Machine) -> None:
    machine.write("netrc", "machine h login machine password known\n")
    machine.write("project/uv.toml", '[[index]]\nurl = "http://h/"\ndefault = true\nauthenticate = "never"\n')
    assert machine.registries()[0].authorization is None


@pytest.mark.parametrize(
    ("file", "text", "variables", "found"),
    [
        ("project/uv.toml", "", {"PIP_NO_INDEX": "1"}, "PIP_NO_INDEX"),
        ("venv/pip.conf", "[install]\nno-index = true\n", {}, "no-index"),
        ("venv/pip.conf", "[global]\nfind-links = /usr\n", {}, "find-links"),
        ("venv/pip.conf", "", {"PIP_FIND_LINKS": "/x https://links.test"}, "PIP_FIND_LINKS"),
        ("venv/pip.conf", "", {"UV_FIND_LINKS": "/usr"}, "UV_FIND_LINKS"),
        ("venv/pip.conf", "", {"PIP_CLIENT_CERT": "/x"}, "PIP_CLIENT_CERT"),
        ("venv/pip.conf", "", {"SSL_CLIENT_CERT": "/x"}, "SSL_CLIENT_CERT"),
        ("project/uv.toml", "no-index = true", {}, "no-index"),
        ("project/uv.toml", "find-links = ['/usr']", {}, "find-links"),
        ("project/uv.toml", "[[index]]\nurl = 'http://x'\nformat = 'flat'", {}, 'index.format = "flat"'),
        ("project/pyproject.toml", "[tool.uv.pip]\nindex-url = 'http://x'", {}, "pip.index-url"),
    ],
)
def test_what_cannot_be_heeded_is_refused(
    machine: Machine, file: str, text: str, variables: dict[str, str], found: str
) -> None:
    path = machine.write(file, text)
    with pytest.raises(UnsupportedError) as caught:
        machine.registries(**variables)
    assert caught.value.found == found
    assert (found if variables else str(path)) in caught.value.message
    assert caught.value.suggestions


def test_what_is_switched_off_is_not_refused(machine: Machine) -> None:
    machine.write("venv/pip.conf", "[global]\nno-index = false\n")
    assert machine.urls(PIP_INDEX_URL="http://i", PIP_NO_INDEX="0") == ["i"]


def test_a_folder_of_links_without_a_file_has_nothing(machine: Machine) -> None:
    empty = machine.root / "empty"
    empty.mkdir()
    variables = {"PIP_FIND_LINKS": f"{empty} /nowhere", "UV_FIND_LINKS": str(empty)}
    assert machine.urls(PIP_INDEX_URL="http://i", **variables) == ["i"]
    (empty / "web-1-py3-none-any.whl").write_text("")
    with pytest.raises(UnsupportedError):
        machine.registries(**variables)


def test_a_proxy_of_pip(machine: Machine) -> None:
    machine.write("venv/pip.conf", pip("proxy = http://file:1"))
    assert machine.registries(PIP_INDEX_URL="http://i", http_proxy="http://other:1")[0].proxy == "http://file:1"
    assert machine.registries(PIP_INDEX_URL="http://i", PIP_PROXY="http://told:1")[0].proxy == "http://told:1"


@pytest.mark.real
@pytest.mark.parametrize("seed", range(6))
async def test_uv_itself_shows_the_same_credentials_to_the_same_indexes(machine: Machine, seed: int) -> None:
    random = Random(seed)
    async with PythonIndex() as index:
        machine.environment |= _drawn_settings(machine, random, index.root)
        command = [
            str(install("uv", PROGRAMS["uv"]) / "uv"),
            "pip",
            "compile",
            "--no-cache",
            "--python",
            sys.executable,
            "-",
        ]
        done = await asyncio.to_thread(
            subprocess.run, command, env=machine.environment, cwd=machine.project, input="no-such-project", capture_output=True,
            text=True, timeout=50, check=False,
        )  # fmt: skip
        asked = [(seen.path.split("/")[1], seen.headers.get("authorization")) for seen in index.requests]
    ours = [
        (one.url.rpartition("/")[2], one.authorization.reveal() if one.authorization else None)
        for one in machine.registries()
    ]
    # It asks without credentials first where only a file of the user has some.
    assert asked[-1:] == ours, done.stderr


def _drawn_settings(machine: Machine, random: Random, root: str) -> dict[str, str]:
    """Write files of uv, and return variables."""

    def entry(number: int, table: str) -> str:
        return f'[[{table}]]\nname = "n-{number}"\nurl = "{root}/{number}"\ndefault = true\n'

    for number, (path, table) in enumerate(_PLACES):
        if random.random() < 0.5:
            machine.write(path, entry(number, table))
    machine.write("netrc", "machine 127.0.0.1 login l password p\n" if random.random() < 0.5 else "")
    variables = {"UV_DEFAULT_INDEX": f"n-9={root}/9"}
    if random.random() < 0.4:
        variables = {"UV_CONFIG_FILE": str(machine.write("x.toml", entry(8, "index")))}
    elif random.random() < 0.6:
        machine.write("home/.config/uv/uv.toml", entry(7, "index"))
        variables = {}
    # What it shows to one index it shows to all of that host.
    if random.random() < 0.5:
        variables |= {f"UV_INDEX_N_{number}_PASSWORD": "secret" for number in range(10)}
    return variables
