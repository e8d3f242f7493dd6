"""Prints what the wrapper adds to the start of each Python at hand, in milliseconds of CPU time; `python -m tests.wrapper.start_cost`."""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.wrapper.pythons import Python, pythons
from tests.wrapper.runs import PYTHON_FOLDER

RUNS = 60


def cpu(python: Python, environment: dict[str, str]) -> float:
    """Return the CPU time of one start and end."""
    process = subprocess.Popen([python.program, "-c", "pass"], env=environment)
    _, _, usage = os.wait4(process.pid, 0)
    process.returncode = 0
    return (usage.ru_utime + usage.ru_stime) * 1000


def measure(python: Python, scratch: Path) -> list[float]:
    """Return the least and the median of: nothing, the wrapper compiled before, the wrapper compiled at each start."""
    (scratch / "seen").mkdir(exist_ok=True)
    given = {"OUTRIDER_WRAPPER_SEEN": str(scratch / "seen"), "OUTRIDER_GATEWAY": "http://127.0.0.1:4180"}
    compiled = Path(shutil.copytree(PYTHON_FOLDER, scratch / str(python)))
    subprocess.run([python.program, "-m", "compileall", "-q", compiled], check=True)
    cases = [
        {"PYTHONDONTWRITEBYTECODE": "1"},
        {**given, "PYTHONPATH": str(compiled)},
        {**given, "PYTHONPATH": str(PYTHON_FOLDER), "PYTHONDONTWRITEBYTECODE": "1"},
    ]
    found = [[cpu(python, case) for case in cases] for _ in range(RUNS)]
    return [function(column) for column in zip(*found, strict=True) for function in (min, statistics.median)]


def main() -> None:
    """Print one line for each Python: least and median."""
    sys.stdout.write("python   bare          + compiled      + not compiled\n")
    with tempfile.TemporaryDirectory() as scratch:
        for python in pythons():
            bare, bare_median, *others = measure(python, Path(scratch))
            added = [value - (bare, bare_median)[number % 2] for number, value in enumerate(others)]
            cells = [f"{one:5.2f} {other:5.2f}" for one, other in zip(added[::2], added[1::2], strict=True)]
            sys.stdout.write(f"{python!s:8} {bare:5.2f} {bare_median:5.2f}   {'     '.join(cells)}\n")


if __name__ == "__main__":
    main()
