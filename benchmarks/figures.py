"""What a benchmark found, the machine it was found on, and the table that shows both."""

import argparse
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

CHECKOUT = Path(__file__).resolve().parent.parent
FSYNC_ROUNDS = 200
# The commits of a load of 50 events a second are about as far apart; without a pause a disk seems up to three times faster.
FSYNC_PAUSE_SECONDS = 0.005
PAGE = bytes(4096)


class Figure(msgspec.Struct, kw_only=True):
    """One measured figure.

    Attributes:
        bar: The highest value that is good enough; without one the figure is only for information.
        rival: The same figure of ansible-rulebook, found in the same run.
    """

    name: str
    value: float
    unit: str
    bar: float | None = None
    rival: float | None = None

    @property
    def ratio(self) -> float | None:
        """How many times smaller ours is than the rival's."""
        return self.rival / self.value if self.rival is not None and self.value else None

    @property
    def verdict(self) -> str:
        """PASS, MISSED, or nothing where there is no bar."""
        if self.bar is None:
            return ""
        return "PASS" if self.value <= self.bar else "MISSED"


class Machine(msgspec.Struct, kw_only=True):
    """Where the figures come from."""

    cores: int
    kernel: str
    python: str
    load: float
    fsync_ms: float


Measure = Callable[[bool], Sequence[Figure]]


def machine(folder: Path) -> Machine:
    """Describe this machine and the disk below a folder."""
    return Machine(
        cores=len(os.sched_getaffinity(0)),
        kernel=platform.release(),
        python=platform.python_version(),
        load=os.getloadavg()[0],
        fsync_ms=fsync_ms(folder),
    )


def fsync_ms(folder: Path) -> float:
    """Return the median milliseconds of appending 4 KiB and fdatasync, as a commit of a write-ahead log does.

    Measured at the pace of the commits that it is compared with.
    """
    took = []
    with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
        for _ in range(FSYNC_ROUNDS):
            time.sleep(FSYNC_PAUSE_SECONDS)
            began = time.perf_counter()
            file.write(PAGE)
            os.fdatasync(file.fileno())
            took.append(time.perf_counter() - began)
    return statistics.median(took) * 1000


def quantile(values: Sequence[float], share: float) -> float:
    """Return the value below which this share of the values lies (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def table(figures: Sequence[Figure]) -> str:
    """Return the figures as a table."""
    rows = [("figure", "value", "bar", "rival", "ratio", "")]
    rows += [
        (
            figure.name,
            f"{figure.value:.4g} {figure.unit}".strip(),
            f"{figure.bar:.4g}" if figure.bar is not None else "",
            f"{figure.rival:.4g}" if figure.rival is not None else "",
            f"{figure.ratio:.2f}x" if figure.ratio is not None else "",
            figure.verdict,
        )
        for figure in figures
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def described(found: Machine) -> str:
    """Return the machine as one line."""
    return (
        f"{found.cores} cores, Linux {found.kernel}, Python {found.python}, load {found.load:.1f}, "
        f"fsync p50 {found.fsync_ms:.2f} ms"
    )


def options(description: str) -> argparse.Namespace:
    """Read the command line that all programs here share."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--quick", action="store_true", help="fewer rounds: shows that it works, not what is fast")
    return parser.parse_args()


def main(description: str, measure: Measure) -> None:
    """Run one program by itself and print its figures."""
    figures = measure(options(description).quick)
    print(described(machine(Path(tempfile.gettempdir()))))
    print(table(figures))
