"""Every CPython at hand: those on PATH, those of pyenv, and the one that runs the tests."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from msgspec import Struct

OLDEST = (3, 6)
_NAME = re.compile(r"python\d(\.\d+)?")
_QUESTION = "import sys; print('%s %d %d %d' % (('PyPy' in sys.version,) + sys.version_info[:3]))"


class Python(Struct, frozen=True, order=True):
    """An interpreter.

    Attributes:
        version: With its third number.
        program: Its file, with every link followed.
    """

    version: tuple[int, int, int]
    program: str

    def __str__(self) -> str:
        return ".".join(map(str, self.version))

    @property
    def can_be_safe(self) -> bool:
        """Whether it knows -P."""
        return self.version >= (3, 11)


def pythons() -> list[Python]:
    """Return those for which the wrapper is made, the oldest first."""
    return [python for python in _all() if python.version >= OLDEST]


def old_pythons() -> list[Python]:
    """Return those in which the wrapper does nothing."""
    return [python for python in _all() if python.version < OLDEST]


@cache
def _all() -> list[Python]:
    programs = {str(path.resolve()) for path in _candidates() if os.access(path, os.X_OK) and not _is_script(path)}
    return sorted(python for python in map(_ask, programs) if python is not None)


def _candidates() -> Iterator[Path]:
    yield Path(sys.executable)
    folders = [Path(folder) for folder in os.environ.get("PATH", "").split(os.pathsep) if folder]
    if "PYENV_ROOT" in os.environ:
        folders += (Path(os.environ["PYENV_ROOT"]) / "versions").glob("*/bin")
    for folder in folders:
        if folder.is_dir():
            yield from (path for path in folder.iterdir() if _NAME.fullmatch(path.name) and path.is_file())


def _is_script(path: Path) -> bool:
    """Tell whether this only starts an interpreter that is elsewhere, as the shims of pyenv do."""
    with path.open("rb") as file:
        return file.read(2) == b"#!"


def _ask(program: str) -> Python | None:
    command = [program, "-E", "-S", "-c", _QUESTION]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    if done.returncode != 0 or not done.stdout.startswith("False "):
        return None
    major, minor, micro = map(int, done.stdout.split()[1:])
    return Python((major, minor, micro), program)
