"""Packages of Python and npm resolved on the real registries, with uv and npm doing the same.

Both sides have filled caches and ask nobody; the one with an empty cache asks the registries. A command is timed with its start.
"""

import asyncio
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

from benchmarks.figures import Figure, main
from outrider.operators.packages.resolving.outcomes import Resolved
from outrider.operators.packages.resolving.questions import Question
from outrider.ports.clock import SystemClock
from tests.peers.environments import PROGRAMS, install

PYTHON_SET = (
    "jupyter",
    "pandas",
    "scikit-learn",
    "matplotlib",
    "fastapi",
    "sqlalchemy",
    "requests",
    "pytest",
    "mypy",
    "black",
)
BOTO_SET = ("boto3", "urllib3<1.25", "botocore", "s3fs")
PYTHON = "3.11"
ROUNDS = 5
# Bars: milliseconds within a process, seconds, MB; and how many times uv's time the command may take.
INSIDE, BOTO, TREE, TREE_MB, TIMES_UV = 50.0, 1.0, 2.0, 150.0, 2.0
_SECONDS = 600


class Took(NamedTuple):
    """The shortest of some runs, in seconds, and what the last one said."""

    seconds: float
    said: str


def measure(quick: bool = False) -> list[Figure]:
    """Measure Python, then npm."""
    with tempfile.TemporaryDirectory() as folder:
        return [*_python(Path(folder), quick), *([] if quick else _npm(Path(folder)))]


def _python(folder: Path, quick: bool) -> list[Figure]:
    environment = {**os.environ, "XDG_CACHE_HOME": str(folder / "cache")}
    question = [sys.executable, "-m", "outrider", "pip", "resolve", *PYTHON_SET, "--python", PYTHON]
    cold = _run(question, environment)
    ours = _run([*question, "--offline"], environment, ROUNDS)
    given, uv = folder / "set.in", install("uv", PROGRAMS["uv"]) / "uv"
    given.write_text("\n".join(PYTHON_SET))
    theirs = [str(uv), "pip", "compile", "--no-config", "--cache-dir", str(folder / "uv"), "--python-version", PYTHON,
              "--quiet", "--no-annotate", "--no-header", "--no-emit-index-url", str(given)]  # fmt: skip
    uv_cold = _run(theirs, environment)
    uv_warm = _run([*theirs, "--offline"], environment, ROUNDS)
    # Which extras were asked of a package, uv does not say.
    same = {re.sub(r"\[.*\]|  #.*", "", line) for line in ours.said.split("\n")} == set(uv_warm.said.split("\n"))
    inside = [_inside("pypi", PYTHON_SET, folder / "cache") for _ in range(ROUNDS)]
    figures = [
        Figure(name=f"{len(PYTHON_SET)} projects of Python, empty cache", value=cold.seconds, unit="s", rival=uv_cold.seconds),
        Figure(
            name="the same from the cache, as a command", value=ours.seconds, unit="s", bar=TIMES_UV * uv_warm.seconds,
            rival=uv_warm.seconds,
        ),
        Figure(name="the same, pins that differ from uv's", value=0.0 if same else 1.0, unit="", bar=0.0),
        Figure(name="the same within a process", value=min(one[0] for one in inside) * 1000, unit="ms", bar=INSIDE),
    ]  # fmt: skip
    if not quick:
        _run([sys.executable, "-m", "outrider", "pip", "resolve", *BOTO_SET, "--python", PYTHON], environment)
        boto, _ = _inside("pypi", BOTO_SET, folder / "cache")
        figures.append(Figure(name="boto3 with an old urllib3, from the cache", value=boto, unit="s", bar=BOTO))
    return figures


def _npm(folder: Path) -> list[Figure]:
    environment = {**os.environ, "XDG_CACHE_HOME": str(folder / "cache")}
    _run([sys.executable, "-m", "outrider", "npm", "resolve", "react-scripts"], environment)
    before = time.process_time()
    _, count = _inside("npm", ("react-scripts",), folder / "cache")
    cpu = time.process_time() - before
    rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    rival: float | None = None
    if npm := shutil.which("npm"):
        project = folder / "project"
        project.mkdir()
        command = [npm, "install", "react-scripts", "--package-lock-only", "--no-audit", "--no-fund", "--ignore-scripts", "--cache", str(folder / "npm")]  # fmt: skip
        _run(command, environment, folder=project)
        for name in ("package.json", "package-lock.json"):
            (project / name).unlink()
        rival = _run([*command, "--offline"], environment, folder=project).seconds
    return [
        Figure(name=f"react-scripts from the cache, {count} packages, CPU", value=cpu, unit="s", bar=TREE, rival=rival),
        Figure(name="the same, RSS of this process", value=rss, unit="MB", bar=TREE_MB),
    ]


def _inside(ecosystem: str, packages: Sequence[str], cache: Path) -> tuple[float, int]:
    """Return the seconds of a question within this process, and how many packages are the answer."""
    clock = SystemClock()
    question = Question(
        packages=list(packages), target=PYTHON if ecosystem == "pypi" else "", offline=True, folder=Path("/"), environment=os.environ,
        cache=cache / "outrider" / "packages", clock=clock, deadline=clock.monotonic() + _SECONDS,
    )  # fmt: skip
    session = import_module(f"outrider.operators.packages.{ecosystem}.session")
    began = time.perf_counter()
    answer = asyncio.run(session.resolve(question))
    took = time.perf_counter() - began
    assert isinstance(answer, Resolved), answer
    return took, len(answer.packages)


def _run(command: Sequence[str], environment: Mapping[str, str], rounds: int = 1, folder: Path | None = None) -> Took:
    best, said = float("inf"), ""
    for _ in range(rounds):
        began = time.perf_counter()
        done = subprocess.run(
            command, env=environment, cwd=folder, capture_output=True, text=True, check=True, timeout=_SECONDS
        )
        best, said = min(best, time.perf_counter() - began), done.stdout.strip()
    return Took(best, said)


if __name__ == "__main__":
    main(__doc__ or "", measure)
