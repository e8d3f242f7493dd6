import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outrider.core.errors import NotFoundError
from outrider.ports.process import ProcessGroup, kill_tree, list_processes, process, send_signal
from outrider.ports.process.guardian import Stat, read_stat, tree
from tests.ports.process.waiting import living, until

FORK_LOOP = (
    "import os\nprint(flush=True)\nfor _ in range(20_000):\n    if os.fork(): os._exit(0)"  # ends by itself in the end
)
FAMILY = [sys.executable, str(Path(__file__).with_name("family.py"))]


@pytest.fixture
async def sleeper() -> AsyncIterator[ProcessGroup]:
    group = await ProcessGroup.start(["sleep", "1000"])
    yield group
    await group.terminate(grace=5)


def test_facts_of_this_process() -> None:
    info = process(os.getpid())
    assert (info.ppid, info.state) == (os.getppid(), "R")
    assert list(info.argv) == sys.orig_argv
    assert 1_000_000 < info.rss < 10_000_000_000
    assert 0 < info.cpu_seconds < 10_000


async def test_facts_of_a_child(sleeper: ProcessGroup) -> None:
    await until(lambda: process(sleeper.pid).argv != [])  # exec sets them a moment after it is known to succeed
    info = process(sleeper.pid, birth=sleeper.birth)
    assert (info.name, info.argv, info.ppid) == ("sleep", ["sleep", "1000"], os.getpid())
    assert info.user == process(os.getpid()).user
    assert abs(info.started - time.time()) < 60


async def test_listing_holds_the_child(sleeper: ProcessGroup) -> None:
    found = list_processes()
    assert [info.pid for info in found] == sorted(info.pid for info in found)
    assert (sleeper.pid, sleeper.birth) in [(info.pid, info.birth) for info in found]


def test_absent_process() -> None:
    with pytest.raises(NotFoundError, match="no process 99999999 any more"):
        process(99_999_999)


async def test_another_birth_is_another_process(sleeper: ProcessGroup) -> None:
    assert sleeper.birth is not None
    with pytest.raises(NotFoundError):
        process(sleeper.pid, birth=sleeper.birth + 1)
    with pytest.raises(NotFoundError):
        send_signal(sleeper.pid, signal.SIGKILL, birth=sleeper.birth + 1)
    await kill_tree(sleeper.pid, birth=sleeper.birth + 1)
    assert sleeper.exit_code is None
    assert living([sleeper.pid]) == [sleeper.pid]


async def test_signal_reaches_the_process(sleeper: ProcessGroup) -> None:
    assert sleeper.birth is not None
    send_signal(sleeper.pid, signal.SIGUSR1, birth=sleeper.birth)
    assert await sleeper.wait() == -signal.SIGUSR1
    with pytest.raises(NotFoundError):
        send_signal(sleeper.pid, signal.SIGUSR1, birth=sleeper.birth)


async def test_kill_tree_leaves_nobody() -> None:
    group = await ProcessGroup.start([*FAMILY, "--ignore-term"])
    assert group.stdout is not None
    family = [int(pid) for pid in (await group.stdout.readline()).split()]
    assert sorted(stat.pid for stat in tree(group.pid, group.birth)) == sorted(family)
    await kill_tree(group.pid)
    assert living(family) == []
    await group.terminate(grace=1)


async def test_kill_tree_spares_who_only_shares_the_session() -> None:
    group = await ProcessGroup.start(["sh", "-c", "sleep 1000 & echo $!; sleep 1000 & echo $!; wait"])
    assert group.stdout is not None
    first, second = [int(await group.stdout.readline()) for _ in range(2)]
    await kill_tree(first)
    assert living([group.pid, first, second]) == [group.pid, second]
    await group.terminate(grace=5)


async def test_kill_tree_of_nobody() -> None:
    await kill_tree(99_999_999)
    assert read_stat(99_999_999) is None


async def test_kill_tree_beats_a_fork_loop() -> None:
    """Each process forks and ends at once: there is hardly ever a moment at which one pid stands for the whole."""
    group = await ProcessGroup.start([sys.executable, "-c", FORK_LOOP])
    assert group.stdout is not None
    await group.stdout.readline()
    await kill_tree(group.pid, birth=group.birth)
    async with asyncio.timeout(10):
        await group.stdout.read()  # ends when nobody holds the pipe any more
    await group.terminate(grace=1)


def line(name: str) -> str:
    rest = "S 10 20 30 0 -1 4194560 1 2 3 4 500 60 7 8 20 0 9 0 123456 99 4321 18446744073709551615 1 1"
    return f"4711 ({name}) {rest}\n"


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=15))
def test_any_name_is_read(name: str) -> None:
    stat = Stat(line(name))
    assert (stat.pid, stat.name, stat.state, stat.ppid, stat.group, stat.session) == (4711, name, "S", 10, 20, 30)
    assert (stat.cpu, stat.threads, stat.birth, stat.rss) == (560, 9, 123456, 4321)


def test_zombie_with_running_threads_is_alive() -> None:
    assert Stat(line("x").replace(" S ", " Z ", 1)).alive
    assert not Stat(line("x").replace(" S ", " Z ", 1).replace(" 9 0 123456", " 1 0 123456")).alive
