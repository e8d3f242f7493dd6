from pathlib import Path

import pytest

from outrider.ports.process.guardian import all_stats
from outrider.runtime.sandbox.model import Level
from tests.runtime.sandbox.box import Box, offered

pytestmark = pytest.mark.real
LIMIT_KIB = 12 * 1024
# What the guest SDK imports.
HOST = "import json, queue, threading\nprint('ready', flush=True)\nsys.stdin.read()"


def family(root: int) -> list[int]:
    stats, found = all_stats(), [root]
    for pid in found:
        found += [stat.pid for stat in stats if stat.ppid == pid]
    return found


def proportional_kib(pid: int) -> int:
    """Return the proportional set size of a process; proc_pid_smaps(5)."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))


@pytest.mark.parametrize("level", offered(), ids=lambda level: level.label)
async def test_an_idle_python_host_is_small(box: Box, level: Level) -> None:
    confined = await box.start(level, HOST)
    await confined.stdout.readline()
    sizes = {pid: proportional_kib(pid) for pid in family(confined.pid)}
    assert sum(sizes.values()) < LIMIT_KIB, sizes
