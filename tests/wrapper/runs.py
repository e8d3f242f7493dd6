"""Starts programs that know nothing of the wrapper, with and without it."""

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

WRAPPER = Path(__file__).resolve().parents[2] / "src" / "outrider" / "wrapper"
PYTHON_FOLDER = WRAPPER / "python"
NODE_FILE = WRAPPER / "nodejs" / "outrider.cjs"
SECONDS = 40


class Done(Struct):
    """How a program ended."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        """What it printed."""
        return self.out.splitlines()


def write(folder: Path, files: dict[str, str]) -> Path:
    """Write files below a folder and return it."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def start(command: Sequence[str | Path], environment: dict[str, str], cwd: Path | None = None) -> Done:
    """Run a program to its end; it has nothing else in its environment."""
    base = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        command, env={**base, **environment}, cwd=cwd, capture_output=True, text=True, timeout=SECONDS, check=False
    )
    return Done(done.returncode, done.stdout, done.stderr)


def run(
    command: Sequence[str | Path], *, path: Sequence[Path] = (), wrapped: bool = True, cwd: Path | None = None,
    **variables: object,
) -> Done:  # fmt: skip
    """Run a program in Python.

    Args:
        command: The interpreter or a console script, and arguments.
        path: What PYTHONPATH had before.
        wrapped: Whether the wrapper comes first on it.
        cwd: Where the program starts.
        variables: Further ones, for the wrapper without OUTRIDER_.
    """
    pieces = [str(piece) for piece in ([PYTHON_FOLDER] if wrapped else []) + list(path)]
    names = {name if name.startswith("PYTHON") else f"OUTRIDER_{name}": str(value) for name, value in variables.items()}
    return start(command, {"PYTHONPATH": os.pathsep.join(pieces), **names} if pieces else names, cwd)


def run_node(command: Sequence[str | Path], *, file: Path = NODE_FILE, **variables: object) -> Done:
    """Run a program in Node.js with the wrapper."""
    names = {f"OUTRIDER_{name}": str(value) for name, value in variables.items()}
    return start(["node", *command], {"NODE_OPTIONS": f'--require "{file}"', **names})


def hooks(*files: Path) -> str:
    """Join them as the wrapper expects them."""
    return os.pathsep.join(map(str, files))
