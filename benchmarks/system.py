"""What the operating system knows: processes as in /proc (proc(5)), ports, time."""

import os
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

POLL_SECONDS = 0.02
KIB_PER_MB = 1000 * 1000 / 1024


def descendants(pid: int) -> list[int]:
    """Return the processes below one, parents before their children."""
    children: dict[int, list[int]] = defaultdict(list)
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                # The name in parentheses may hold blanks; the state and the parent follow it.
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue  # it ended while we looked
            children[int(fields[1])].append(int(entry.name))
    found = list(children[pid])
    for process in found:
        found.extend(children[process])
    return found


def rss_mb(pid: int) -> float:
    """Return the resident memory of a process in MB (10^6 bytes)."""
    return _field(Path(f"/proc/{pid}/status"), "VmRSS:") / KIB_PER_MB


def pss_mb(pid: int) -> float:
    """Return the memory of a process in MB, pages that several share divided among them."""
    return _field(Path(f"/proc/{pid}/smaps_rollup"), "Pss:") / KIB_PER_MB


def _field(path: Path, name: str) -> int:
    return next(int(line.split()[1]) for line in path.read_text().splitlines() if line.startswith(name))


def wait_until(holds: Callable[[], bool], seconds: float, what: str) -> None:
    """Wait for a condition.

    Raises:
        TimeoutError: It did not hold in time.
    """
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {seconds:g} s: {what}")
        time.sleep(POLL_SECONDS)


def cpu_seconds(pid: int) -> float:
    """Return the processor time, user and system, of a process and of those below it that are alive."""
    ticks = 0
    for process in (pid, *descendants(pid)):
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")
