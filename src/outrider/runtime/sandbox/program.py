"""Where a program and what it is made of lie on this machine, so that a sandbox can let it see just that.

Nothing of the program's own is run to find that out: a virtual environment may run code of its packages at every start.
"""

import os
import re
import shutil
from collections.abc import Sequence
from pathlib import Path

import msgspec

from outrider.core.codec import decode
from outrider.core.errors import InvalidConfigError, MissingRequirementError
from outrider.ports.process import run
from outrider.runtime.sandbox.paths import PROGRAMS, covered

_ASK_SECONDS = 20.0
_PYTHON = re.compile(r"python[0-9.]*")
# A name on the path may be a script that chooses an interpreter, such as one of pyenv's: only it knows which.
_ASK = "import json,sys;print(json.dumps([sys.executable]))"
_ASKED_WITH = ("PATH", "HOME", "PYENV_ROOT", "PYENV_VERSION", "ASDF_DIR", "ASDF_DATA_DIR")
_FIRST_LINE = 256


class FoundProgram(msgspec.Struct, frozen=True):
    """A program of this machine.

    Attributes:
        argv: Its command, with an absolute path.
        needs: Folders and files that it must be able to read, besides those of the system.
        path: Folders in which it finds other programs.
    """

    argv: list[str]
    needs: list[Path]
    path: list[Path]


async def find_program(command: Sequence[str], folder: Path, search: str = "", *, field: str) -> FoundProgram:
    """Find a program on the path, or from its folder.

    Args:
        command: Program and arguments.
        folder: Where it runs.
        search: Folders in which it is looked for, in place of PATH of this process.
        field: Where the command is declared, for errors.

    Raises:
        InvalidConfigError: The command is none.
        MissingRequirementError: It is not there, or cannot be started.
    """
    name = command[0].strip()
    if not name or any("\0" in word for word in command):
        raise InvalidConfigError(
            "the command is none", path=field, found=repr(list(command))[:200],
            expected="a program and its arguments, without NUL",
        )  # fmt: skip
    path = search or os.environ.get("PATH", os.defpath)
    found = shutil.which(str(folder / name) if "/" in name else name, path=path)
    if found is None:
        raise MissingRequirementError(
            f"there is no program '{name}'", found=name, expected=f"a program in {folder}" if "/" in name else "a program on PATH",
            suggestions=_remedies(name, path),
        )  # fmt: skip
    executable = Path(found)
    if "/" not in name and _PYTHON.fullmatch(name) and _shebang(executable):
        executable = await _chosen(executable)
    needs = [one for one in dict.fromkeys(_needs(executable)) if not covered(str(one), PROGRAMS)]
    return FoundProgram(argv=[str(executable), *command[1:]], needs=needs, path=[executable.parent])


def _remedies(name: str, path: str) -> list[str]:
    if name == "python" and shutil.which("python3", path=path):
        return ["write python3"]
    return [f"install {name}, or write its path"]


async def _chosen(script: Path) -> Path:
    """Return the interpreter that a script on the path chooses; the interpreter loads no packages for that."""
    env = {name: os.environ[name] for name in _ASKED_WITH if name in os.environ}
    done = await run([str(script), "-I", "-S", "-c", _ASK], timeout=_ASK_SECONDS, env=env, cwd=Path("/"))
    if done.exit_code != 0:
        raise MissingRequirementError(
            f"{script} cannot be started", found=done.stderr.decode("utf-8", "replace").strip()[-300:] or f"exit code {done.exit_code}",
            expected="an interpreter that works", suggestions=[f"try it: {script} --version"],
        )  # fmt: skip
    return Path(decode(done.stdout, list[str])[0])


def _needs(executable: Path, *, deeper: bool = True) -> list[Path]:
    """Return what a program is made of: itself, and where it is an interpreter its libraries; of a script its interpreter too."""
    real = Path(os.path.realpath(executable))
    needs = [executable, real, *_environment(executable), *_library(real)]
    interpreter = _shebang(executable) if deeper else None
    return [*needs, *(_needs(interpreter, deeper=False) if interpreter is not None else [])]


def _environment(executable: Path) -> list[Path]:
    """Return the virtual environment that a Python stands in, and what that is made from (PEP 405)."""
    prefix = executable.parent.parent
    settings = prefix / "pyvenv.cfg"
    if executable.parent.name != "bin" or not settings.is_file():
        return []
    lines = (line.partition("=") for line in settings.read_text(errors="replace").splitlines())
    home = next((value.strip() for key, _, value in lines if key.strip() == "home"), "")
    return [prefix, *_library(Path(os.path.realpath(home)) / "python" if home else executable)]


def _library(real: Path) -> list[Path]:
    """Return the libraries beside an interpreter, where they are those of one."""
    prefix = real.parent.parent
    if real.parent.name != "bin":
        return []
    if any((prefix / "lib").glob("python*/os.py")):
        return [prefix]
    return [prefix / "lib" / "node_modules"] if (prefix / "lib" / "node_modules" / "npm").is_dir() else []


def _shebang(script: Path) -> Path | None:
    """Return the interpreter that a script names in its first line."""
    try:
        with script.open("rb") as file:
            line = file.read(_FIRST_LINE).partition(b"\n")[0]
    except OSError:
        return None
    words = line[2:].split() if line.startswith(b"#!") else []
    return Path(os.fsdecode(words[0])) if words else None
