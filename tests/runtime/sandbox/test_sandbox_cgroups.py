"""The real hierarchies of this machine, as far as this user may write them."""

import os
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from outrider.runtime.sandbox.cgroup_facts import KILL, CgroupFacts, find_cgroups
from outrider.runtime.sandbox.cgroups import Cgroup, remove_stale
from outrider.runtime.sandbox.model import MIB, Limits
from tests.ports.process.waiting import until

pytestmark = pytest.mark.real
SLEEPER = ["sh", "-c", "read go; sleep 1000 & setsid sleep 1000 & wait"]


@pytest.fixture(scope="module")
def facts() -> CgroupFacts:
    return find_cgroups()


@pytest.fixture
async def group(facts: CgroupFacts) -> AsyncIterator[Cgroup]:
    """A real group; without the right to make one, a group without folders."""
    made = Cgroup.create(facts, Limits(memory=32 * MIB, pids=5, cpu=0.5)) if facts.folders else Cgroup([])
    yield made
    made.kill()
    await until(made.remove)


def joined(group: Cgroup) -> subprocess.Popen[bytes]:
    """Start a process with two descendants in the group."""
    process = subprocess.Popen(SLEEPER, stdin=subprocess.PIPE)
    group.admit(process.pid)
    assert process.stdin is not None
    process.stdin.write(b"\n")
    process.stdin.close()
    return process


async def test_facts_hold(facts: CgroupFacts, group: Cgroup) -> None:
    assert bool(group.folders) is bool(facts.folders)
    for name, file in (("memory", "memory.limit_in_bytes"), ("pids", "pids.max"), ("cpu", "cpu.cfs_quota_us")):
        if facts.enforces(name) and facts.version == 1:
            folder = Path(facts.folders[name]) / group.folders[0].name
            assert (folder / file).read_text().strip() in (str(32 * MIB), "7", "500000")


async def test_kill_reaches_all_of_it(group: Cgroup) -> None:
    process = joined(group)
    if group.folders:
        await until(lambda: len(group.pids()) == 3)
    else:
        process.kill()
    group.kill()
    assert process.wait(10) == -9
    await until(lambda: group.pids() == set())
    assert group.remove()


async def test_kill_in_one_step(facts: CgroupFacts) -> None:
    """Version 2 alone; it is there beside version 1 too."""
    only = CgroupFacts(0, {KILL: facts.folders[KILL]}) if KILL in facts.folders else CgroupFacts()
    group = Cgroup.create(only, Limits()) if only.folders else Cgroup([])
    process = joined(group)
    if group.folders:
        await until(lambda: len(group.pids()) == 3)
        (group.folders[0] / "cgroup.kill").write_text("1")
    else:
        process.kill()
    assert process.wait(10) == -9
    await until(group.remove)


async def test_a_group_with_processes_stays(group: Cgroup) -> None:
    process = joined(group)
    try:
        assert group.remove() is not bool(group.folders)
        assert all(folder.exists() for folder in group.folders)
    finally:
        process.kill()
        process.wait()


async def test_groups_of_the_dead_are_removed_and_those_of_the_living_not(facts: CgroupFacts, group: Cgroup) -> None:
    namespace = Path("/proc/self/ns/pid").stat().st_ino
    bases = [Path(base) for base in dict.fromkeys(facts.folders.values())]
    dead = Cgroup([base / f"outrider-host-{namespace}-{os.getpid()}-1-x" for base in bases])
    for folder in dead.folders:
        folder.mkdir()
    process = joined(dead)
    if not bases:
        process.kill()
    remove_stale(facts)
    assert process.wait(10) == -9
    await until(lambda: gone(facts, dead))
    assert all(folder.exists() for folder in group.folders)


def gone(facts: CgroupFacts, dead: Cgroup) -> bool:
    """Try once more: a group can be removed a moment after its last process ended."""
    remove_stale(facts)
    return not any(folder.exists() for folder in dead.folders)
