"""Where a program and what it is made of lie on this machine, so that a sandbox can let it see just that."""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import msgspec

from outrider.core.codec import decode
from outrider.core.errors import MissingRequirementError
from outrider.ports.process import run
from outrider.runtime.sandbox.paths import PROGRAMS, covered

_ASK_SECONDS = 20.0
# A name on the path may be a script that chooses an interpreter: the interpreter itself knows where it is.
_ASK_PYTHON = "import json,sys;print(json.dumps([sys.executable,sys.prefix,sys.base_prefix]))"
_ASK_NODE = "console.log(JSON.stringify([process.execPath]))"


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


async def find_program(command: Sequence[str], folder: Path, search: str = "") -> FoundProgram:
    """Find a program on the path, or from its folder.

    Args:
        command: Program and arguments.
        folder: Where it runs.
        search: Folders in which it is looked for, in place of PATH of this process.

    Raises:
        MissingRequirementError: It is not there, or cannot be started.
    """
    name = command[0]
    path = search or os.environ.get("PATH", os.defpath)
    found = shutil.which(str(folder / name) if "/" in name else name, path=path)
    if found is None:
        raise MissingRequirementError(
            f"there is no program '{name}'", found=name, expected=f"a program in {folder}" if "/" in name else "a program on PATH",
            suggestions=_remedies(name, path),
        )  # fmt: skip
    told = await _ask(Path(found), folder)
    executable = Path(told[0] if told else found)
    needs = [*map(Path, told[1:]), *_around(executable)]
    return FoundProgram(
        argv=[str(executable), *command[1:]],
        needs=[one for one in dict.fromkeys(needs) if not covered(str(one), PROGRAMS)],
        path=[executable.parent],
    )


def _remedies(name: str, path: str) -> list[str]:
    if name == "python" and shutil.which("python3", path=path):
        return ["write python3"]
    return [f"install {name}, or write its path"]


async def _ask(program: Path, folder: Path) -> list[str]:
    """Ask an interpreter where it is; nothing where it is none that can be asked."""
    if program.name.startswith("python"):
        argv = [str(program), "-I", "-c", _ASK_PYTHON]
    elif program.name in ("node", "nodejs"):
        argv = [str(program), "-e", _ASK_NODE]
    else:
        return []
    done = await run(argv, timeout=_ASK_SECONDS, env=os.environ, cwd=folder)
    if done.exit_code != 0:
        raise MissingRequirementError(
            f"{program} cannot be started", found=done.stderr.decode("utf-8", "replace").strip()[-300:] or f"exit code {done.exit_code}",
            expected="an interpreter that works", suggestions=[f"try it: {program} --version"],
        )  # fmt: skip
    return decode(done.stdout, list[str])


def _around(executable: Path) -> list[Path]:
    """Return what belongs to a program: the folder that its `bin` stands in, at each end of a link."""
    ends = (executable, Path(os.path.realpath(executable)))
    return [path.parent.parent if path.parent.name in ("bin", "sbin") else path for path in ends]
