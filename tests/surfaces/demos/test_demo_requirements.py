import sys
from pathlib import Path

import pytest

from outrider.core.errors import MissingRequirementError
from outrider.surfaces.cli.demos import requirements


def interpreter(folder: Path, *, sdk: bool) -> Path:
    """Make a Python of which is known whether it has the SDK."""
    folder.mkdir()
    program = folder / "python3"
    program.write_text(f"#!/bin/sh\nexit {0 if sdk else 1}\n")
    program.chmod(0o755)
    return folder


@pytest.fixture
def extras(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requirements, "_EXTRAS", {"memory": []})


@pytest.fixture
def chooses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take a script on the path for the interpreter that it is, not for one that chooses another."""
    monkeypatch.setattr("outrider.runtime.sandbox.program._shebang", lambda _: None)


@pytest.mark.usefixtures("extras", "chooses")
async def test_the_python_on_the_path_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = str(interpreter(tmp_path / "one", sdk=True))
    monkeypatch.setenv("PATH", path)
    assert await requirements.search_path("python3") == path


@pytest.mark.usefixtures("extras", "chooses")
async def test_else_what_was_installed_beside_outrider_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, beside = interpreter(tmp_path / "one", sdk=False), interpreter(tmp_path / "two", sdk=True)
    monkeypatch.setenv("PATH", str(path))
    monkeypatch.setattr(sys, "executable", str(beside / "python3"))
    assert await requirements.search_path("python3") == f"{beside}:{path}"


@pytest.mark.usefixtures("chooses")
async def test_all_that_is_missing_is_told_in_one_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requirements, "_EXTRAS", {"sidecar": ["no_such_module"], "memory": ["no_such_module"]})
    monkeypatch.setattr(sys, "executable", "/env/bin/python")
    monkeypatch.setenv("PATH", str(interpreter(tmp_path / "one", sdk=False)))
    with pytest.raises(MissingRequirementError) as raised:
        await requirements.search_path("python3")
    assert raised.value.suggestions == ["install: /env/bin/python -m pip install 'outrider[sidecar,memory]' openai"]
