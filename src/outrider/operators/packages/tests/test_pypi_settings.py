"""Where packages of PyPI come from, by the settings of pip and uv, with credentials and proxies."""

import asyncio
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from outrider.core.errors import InvalidConfigError, MissingRequirementError
from outrider.operators.packages.pypi import settings as pypi_settings
from outrider.operators.packages.tests.machines import Machine, pip
from outrider.operators.packages.tests.python_index import PythonIndex

SECRET = "correct-horse"


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_what_pip_comes_with_is_the_last_resort(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    (registry,) = machine.registries()
    assert registry.source == "pip's own default"
    assert registry.url.startswith("https://")
    monkeypatch.setattr(pypi_settings, "find_spec", lambda _: None)
    with pytest.raises(MissingRequirementError) as caught:
        machine.registries()
    assert caught.value.suggestions


def test_later_files_of_pip_count_more(machine: Machine) -> None:
    machine.write("etc/pip/pip.conf", pip("index-url = http://machine/", "extra-index-url = http://extra"))
    assert machine.urls() == ["extra", "machine"]
    machine.write("home/.pip/pip.conf", pip("index-url = http://old"))
    assert machine.urls() == ["extra", "old"]
    machine.write(
        "home/.config/pip/pip.conf",
        pip("index_url = http://user", "extra-index-url = http://one http://two", "   http://three"),
    )
    assert machine.urls() == ["one", "two", "three", "user"]
    machine.write("venv/pip.conf", pip("Index-URL = http://venv", "extra-index-url ="))
    assert machine.urls() == ["one", "two", "three", "venv"]
    named = machine.write("named.conf", pip("index-url = http://named"))
    assert machine.urls(PIP_CONFIG_FILE=str(named)) == ["extra", "named"]
    assert machine.urls(
        PIP_CONFIG_FILE=str(named), PIP_INDEX_URL="http://variable", PIP_EXTRA_INDEX_URL="http://x http://y"
    ) == ["x", "y", "variable"]
    assert machine.urls(PIP_CONFIG_FILE=os.devnull, PIP_INDEX_URL="http://variable") == ["variable"]
    assert machine.urls(PIP_CONFIG_FILE=str(machine.root / "none"), XDG_CONFIG_HOME=str(machine.root / "x")) == [
        "extra",
        "venv",
    ]


def test_a_section_for_installing_counts_more_than_any_file(machine: Machine) -> None:
    machine.write("etc/pip/pip.conf", pip("index-url = http://install", section="install"))
    machine.write("venv/pip.conf", pip("index-url = http://global"))
    assert machine.urls() == ["install"]


def test_uv_comes_before_pip(machine: Machine) -> None:
    machine.write("etc/pip/pip.conf", pip("index-url = http://pip", "extra-index-url = http://pip-extra"))
    machine.write("home/.config/uv/uv.toml", 'index-url = "http://user"\nextra-index-url = ["http://user-extra"]\n')
    assert machine.urls() == ["user-extra", "pip-extra", "user"]
    machine.write(
        "project/pyproject.toml",
        """
        [project]
        name = "mine"
        [[tool.uv.index]]
        name = "a"
        url = "http://a"
        [[tool.uv.index]]
        url = "http://default"
        default = true
        [[tool.uv.index]]
        name = "torch"
        url = "http://explicit"
        explicit = true
        """,
    )
    assert machine.urls() == ["a", "user-extra", "pip-extra", "default"]
    assert machine.urls(PIP_INDEX_URL="http://variable")[-1] == "variable"
    assert machine.urls(PIP_INDEX_URL="http://variable", UV_INDEX_URL="http://uv")[-1] == "uv"
    assert machine.urls(UV_INDEX_URL="http://uv", UV_DEFAULT_INDEX="name=http://new")[-1] == "new"
    assert machine.urls(UV_INDEX="http://one two=http://two", UV_EXTRA_INDEX_URL="http://three")[:4] == [
        "one",
        "two",
        "three",
        "a",
    ]


@pytest.mark.parametrize(
    "text",
    ["[tool", "tool = 1", "[tool]\nuv = 1", "[tool.uv]\nindex = 'http://x'", "[tool.uv]\nextra-index-url = 'http://x'", "[[tool.uv.index]]\nurl = 1", "\u00ff = 1", "a = " + "[" * 5000],
)  # fmt: skip
def test_settings_of_uv_that_cannot_be_read(machine: Machine, text: str) -> None:
    file = machine.write("project/pyproject.toml", text)
    with pytest.raises(InvalidConfigError) as caught:
        machine.registries()
    assert str(file) in str(caught.value)
    assert caught.value.suggestions
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(InvalidConfigError):
        machine.registries()


@pytest.mark.parametrize(
    "content",
    [
        b"index-url = http://ana:correct-horse@x",
        b"[global]\na = 1\na = 2\n",
        b"[global\n",
        b"[global]\n\xff = 1\n",
    ],
)
def test_settings_of_pip_that_cannot_be_read(machine: Machine, content: bytes) -> None:
    machine.write("venv/pip.conf", "").write_bytes(content)
    with pytest.raises(InvalidConfigError) as caught:
        machine.registries()
    assert str(machine.root / "venv/pip.conf") in str(caught.value)
    assert SECRET not in f"{caught.value} {caught.value.body()}"
    assert caught.value.__cause__ is None


@pytest.mark.real
@pytest.mark.parametrize(
    ("files", "variables"),
    [
        ({"home/.pip/pip.conf": ("global", "a")}, {}),
        ({"home/.pip/pip.conf": ("global", "a"), "home/.config/pip/pip.conf": ("global", "b")}, {}),
        ({"etc/pip/pip.conf": ("install", "a"), "home/.config/pip/pip.conf": ("global", "b")}, {}),
        ({"etc/pip/pip.conf": ("global", "a"), "named": ("global", "b"), "home/.pip/pip.conf": ("install", "c")}, {"PIP_CONFIG_FILE": "named"}),
        ({"etc/pip/pip.conf": ("global", "a"), "home/.pip/pip.conf": ("install", "c")}, {"PIP_CONFIG_FILE": "missing"}),
        ({"home/.pip/pip.conf": ("global", "a")}, {"PIP_INDEX_URL": "b"}),
        ({"home/.pip/pip.conf": ("global", "a")}, {"PIP_EXTRA_INDEX_URL": "b"}),
    ],
)  # fmt: skip
async def test_pip_itself_looks_at_the_same_indexes(
    machine: Machine, files: dict[str, tuple[str, str]], variables: dict[str, str]
) -> None:
    """The last index is the default for us, and the first one for pip, which asks all of them."""
    async with PythonIndex() as index:
        for path, (section, name) in files.items():
            keys = ("index-url", "index_url") if name == "a" else ("extra-index-url", "index-url")
            machine.write(
                path, pip(*(f"{key} = {index.root}/{name}" for key in keys[: 1 + (name != "a")]), section=section)
            )
        machine.environment |= {
            key: str(machine.root / value) if key == "PIP_CONFIG_FILE" else f"{index.root}/{value}"
            for key, value in variables.items()
        }
        command = [
            sys.executable,
            "-m",
            "pip",
            "--disable-pip-version-check",
            "install",
            "--retries=0",
            "--dry-run",
            "no-such-project",
        ]
        done = await asyncio.to_thread(
            subprocess.run, command, env=machine.environment, capture_output=True, text=True, timeout=50, check=False
        )
    said = re.search(r"Looking in indexes: (.*)", done.stdout)
    assert said is not None, done.stderr
    assert sorted(said[1].split(", ")) == sorted(one.url for one in machine.registries())
