"""SDKs that no environment variable points elsewhere."""

from pathlib import Path

import pytest

from tests.peers import mistral_client
from tests.servers.models import TEXT, ModelServer
from tests.wrapper.pythons import Python
from tests.wrapper.runs import PYTHON_FOLDER, Done, run, write

pytestmark = pytest.mark.real
GATEWAY = "http://127.0.0.1:4180"
SERVERS = 'SERVERS = {"global": "https://one.invalid", "eu": "https://two.invalid"}\n'
IMPORT = "from .sdkconfiguration import *\n"
# As the releases from 2.0 on, 1.x and 0.x are laid out.
NEW = {"mistralai/client/__init__.py": IMPORT, "mistralai/client/sdkconfiguration.py": SERVERS}
MIDDLE = {
    "mistralai/__init__.py": IMPORT,
    "mistralai/sdkconfiguration.py": SERVERS,
    "mistralai/client.py": "from . import SERVERS\n",
}
OLD = {"mistralai/__init__.py": "", "mistralai/client.py": "SERVERS = {}\n"}
PRINT = "import mistralai.client; print(sorted(mistralai.client.SERVERS.items()))"
REDIRECTED = f"[('eu', '{GATEWAY}'), ('global', '{GATEWAY}')]\n"


def ask(python: Python, folder: Path, files: dict[str, str], program: str = PRINT, gateway: str = GATEWAY) -> Done:
    return run([python.program, "-c", program], path=[write(folder, files)], GATEWAY=gateway)


@pytest.mark.timeout(180)
def test_a_program_on_mistrals_sdk_reaches_the_gateway() -> None:
    with ModelServer("sk-virtual") as server:
        found = mistral_client.ask("sk-virtual", PYTHONPATH=str(PYTHON_FOLDER), OUTRIDER_GATEWAY=server.url + "/")
    assert found == {"whole": TEXT, "stream": TEXT, "async": TEXT, "named": TEXT}
    assert server.models == ["m"] * 4


@pytest.mark.timeout(180)
def test_an_address_in_the_program_stays() -> None:
    with ModelServer("sk-virtual") as server, ModelServer("sk-virtual") as gateway:
        environment = {"PYTHONPATH": str(PYTHON_FOLDER), "OUTRIDER_GATEWAY": gateway.url, "SERVER_URL": server.url}
        found = mistral_client.ask("sk-virtual", **environment)
    assert found["whole"] == TEXT
    assert (server.models, gateway.models) == (["m"] * 3, ["m"]), "only what names a server of the SDK"


@pytest.mark.parametrize("files", [NEW, MIDDLE], ids=["2.0 and later", "1.x"])
def test_each_server_is_the_gateway(python: Python, tmp_path: Path, files: dict[str, str]) -> None:
    done = ask(python, tmp_path, files, gateway=GATEWAY + "/")
    assert (done.out, done.err) == (REDIRECTED, "")


@pytest.mark.parametrize(
    "changes",
    [
        {**OLD},
        {**NEW, "mistralai/client/sdkconfiguration.py": "SERVERS = []\n"},
        {**NEW, "mistralai/client/sdkconfiguration.py": "SERVERS = {}\n"},
        {**NEW, "mistralai/client/sdkconfiguration.py": "def SERVERS(): pass\nSERVERS.items = dict().items\n"},
        {**NEW, "mistralai/client/__init__.py": "SERVERS = {}\n"},
    ],
    ids=["0.x", "a list", "none", "a function", "not imported"],
)
def test_an_sdk_laid_out_differently_is_named(python: Python, tmp_path: Path, changes: dict[str, str]) -> None:
    done = ask(python, tmp_path, changes, program="import mistralai.client; print('program')")
    assert (done.code, done.out) == (0, "program\n")
    assert (
        done.err == "outrider: this release of mistralai is unknown: it does not use the gateway; the program goes on\n"
    )


def test_an_sdk_that_cannot_be_imported_fails_as_ever(python: Python, tmp_path: Path) -> None:
    done = ask(python, tmp_path, {**NEW, "mistralai/client/sdkconfiguration.py": "import missing_everywhere"})
    assert done.code == 1
    assert done.err.endswith("No module named 'missing_everywhere'\n")
    missing = ask(python, tmp_path / "empty", {}, program="import mistralai.client.sdkconfiguration")
    assert missing.err.endswith("No module named 'mistralai'\n")


def test_the_module_is_what_it_was_but_for_its_servers(python: Python, tmp_path: Path) -> None:
    program = (
        "import importlib, inspect, mistralai.client.sdkconfiguration as module\n"
        "assert type(module.__loader__).__name__ == 'SourceFileLoader'\n"
        "assert 'exec_module' not in vars(module.__loader__)\n"
        "assert inspect.getsource(module).count('invalid') == 2\n"
        "importlib.reload(module)\nprint(sorted(module.SERVERS.items()))"
    )
    assert ask(python, tmp_path, NEW, program) == Done(0, REDIRECTED, "")


def test_other_finders_are_asked(python: Python, tmp_path: Path) -> None:
    """An editable installation finds its modules by a finder of its own, and an old one has no method of today."""
    program = (
        "import sys\nfrom importlib.machinery import PathFinder\n"
        "class Old:\n    def find_module(self, name, path=None): return None\n"
        "class Own:\n    def find_spec(self, name, path=None, target=None):\n"
        f"        return PathFinder.find_spec(name, path or [{str(tmp_path / 'editable')!r}], target)\n"
        f"sys.meta_path += [Old(), Own()]\n{PRINT}"
    )
    write(tmp_path / "editable", NEW)
    assert ask(python, tmp_path / "path", {}, program) == Done(0, REDIRECTED, "")


def test_without_a_gateway_nothing_watches(python: Python, tmp_path: Path) -> None:
    done = ask(python, tmp_path, NEW, "import sys; print(sys.meta_path);" + PRINT, gateway="")
    assert "Watch" not in done.lines[0]
    assert "one.invalid" in done.lines[1]
