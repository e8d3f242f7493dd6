"""The files of the wrapper are data of the package, and the search for interpreters finds them."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.wrapper import pythons
from tests.wrapper.runs import WRAPPER

FILES = ["nodejs/outrider.cjs", "python/sitecustomize.py"]
ROOT = WRAPPER.parents[2]


def test_the_folder_holds_nothing_else() -> None:
    found = (path for path in WRAPPER.rglob("*") if path.is_file() and path.suffix != ".pyc")
    assert sorted(path.relative_to(WRAPPER).as_posix() for path in found) == FILES


@pytest.mark.real
def test_a_wheel_has_them(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=60)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if name.startswith("outrider/wrapper/")]
    assert sorted(names) == [f"outrider/wrapper/{name}" for name in FILES]


def test_interpreters_are_found_on_the_path_and_below_pyenv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in ("path", "pyenv/versions/one/bin"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "path" / "python3").symlink_to(sys.executable)
    (tmp_path / "path" / "python3-config").touch()
    shim = tmp_path / "pyenv" / "versions" / "one" / "bin" / "python3.9"
    shim.write_text("#!/bin/sh\nexit 1\n")
    shim.chmod(0o755)
    monkeypatch.setenv("PATH", os.pathsep.join([str(tmp_path / "path"), str(tmp_path / "missing"), ""]))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    pythons._all.cache_clear()
    try:
        (only,) = pythons.pythons()
    finally:
        pythons._all.cache_clear()
    assert only == pythons.Python((*sys.version_info[:3],), str(Path(sys.executable).resolve()))
