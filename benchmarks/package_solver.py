"""The solver of packages on an index of 100,000 packages with a million versions; libsolv solves the same.

Seconds are of CPU. The index is in memory at both sides, its loading is not counted. libsolv is the C library of zypper, dnf and conda.
"""

import json
import resource
import shutil
import subprocess
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from random import Random
from typing import NamedTuple

from benchmarks.figures import Figure, main
from outrider.operators.packages.resolving.checking import unmet
from outrider.operators.packages.resolving.solver import solve
from outrider.operators.packages.tests.synthetic import Synthetic

COUNT, QUICK_COUNT = 100_000, 10_000
# Bars: seconds for a thousand roots and for all, and MB for all.
THOUSAND, ALL, ALL_MB = 1.0, 8.0, 500.0
RIVAL = Path(__file__).parent / "rivals" / "libsolv_index.py"
_RIVAL_SECONDS = 900


class Run(NamedTuple):
    """One question: seconds of CPU, how many packages were chosen, how many roots are at their newest, and memory in MB."""

    cpu: float
    chosen: int
    newest: int
    rss: float


def measure(quick: bool) -> list[Figure]:
    """Measure each question in a process of its own."""
    count = QUICK_COUNT if quick else COUNT
    figures = []
    for wanted in (20, 100, 1_000):
        run, rival = _ours(count, wanted), _theirs(count, wanted)
        figures.append(
            Figure(
                name=f"{wanted} roots of {count}: {run.chosen} packages, {run.newest} roots at their newest", value=run.cpu, unit="s",
                bar=THOUSAND if wanted == 1_000 and not quick else None, rival=rival.cpu if rival else None,
            )
        )  # fmt: skip
        if rival:
            figures.append(
                Figure(name="the same, roots at their newest with libsolv", value=float(rival.newest), unit="")
            )
    run = _ours(count, count)
    figures.append(Figure(name=f"all {count} at once", value=run.cpu, unit="s", bar=None if quick else ALL))
    figures.append(Figure(name="the same, RSS with the index", value=run.rss, unit="MB", bar=None if quick else ALL_MB))
    return figures


def _roots(count: int, wanted: int) -> Sequence[int]:
    return range(count) if wanted == count else Random(wanted).sample(range(count), wanted)


def _ours(count: int, wanted: int) -> Run:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as other:
        return other.submit(_solved, count, wanted).result()


def _solved(count: int, wanted: int) -> Run:
    index = Synthetic(count)
    roots = [(package, index.versions(package)[1]) for package in _roots(count, wanted)]
    began = time.process_time()
    solution = solve(index, roots)
    cpu = time.process_time() - began
    rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    assert next(unmet(index, roots, solution.chosen), None) is None
    newest = sum(solution.chosen[package] == index.versions(package)[0] - 1 for package, _ in roots)
    return Run(cpu, len(solution.chosen), newest, rss)


def _theirs(count: int, wanted: int) -> Run | None:
    python = shutil.which("python3", path="/usr/bin")
    probe = [python or "python3", "-c", "import solv"]
    if python is None or subprocess.run(probe, capture_output=True, check=False).returncode:
        print("libsolv is not measured: apt-get install python3-solv")
        return None
    index = Synthetic(count)
    lines = [
        json.dumps([index.versions(package)[0], [[other, *groups] for other, _, groups in index.needs(package)]])
        for package in range(count)
    ]
    lines.append(json.dumps(list(_roots(count, wanted))))
    done = subprocess.run(
        [python, str(RIVAL)], input="\n".join(lines), capture_output=True, text=True, check=True, timeout=_RIVAL_SECONDS
    )
    _, cpu, chosen, newest = json.loads(done.stdout)
    return Run(cpu, chosen, newest, 0.0)


if __name__ == "__main__":
    main(__doc__ or "", measure)
