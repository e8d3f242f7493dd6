"""Nothing of a program outlives its end, its kill, or the agent."""

import asyncio
import itertools
import os
import secrets
import signal
import sys
from pathlib import Path

import msgspec
import pytest

from outrider.core.errors import ExecutionFailedError
from outrider.ports.process.guardian import all_stats
from outrider.runtime.sandbox.cgroup_facts import CgroupFacts
from outrider.runtime.sandbox.cgroups import Cgroup, remove_stale
from outrider.runtime.sandbox.launch import prepare
from outrider.runtime.sandbox.machine import Machine
from outrider.runtime.sandbox.model import Grants, Level, Limits, Surroundings
from tests.ports.process.waiting import until
from tests.runtime.sandbox.box import Box, offered

pytestmark = pytest.mark.real
LEVELS = [Level.NONE, *offered()]
AGENT = Path(__file__).with_name("agent.py")
# Five descendants, four of which left its session or its tree; none heeds SIGTERM.
SURVIVORS = """
import signal, time
for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
    signal.signal(number, signal.SIG_IGN)
def sleeper():
    os.execv("/bin/sh", ["sh", "-c", "trap '' TERM HUP; while :; do sleep 1; done", "{token}"])
def fork(*steps):
    if os.fork() == 0:
        for step in steps:
            step()
        sleeper()
def twice():
    if os.fork():
        os._exit(0)
fork()
fork(os.setsid)
fork(twice)
fork(os.setsid, twice)
fork(twice, os.setsid, twice)
"""
READY = "print('ready', flush=True)\n"


def with_token(token: str) -> list[int]:
    """Return the processes that have the token among their arguments."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and token.encode() in (entry / "cmdline").read_bytes().split(b"\0"):
                found.append(int(entry.name))
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


@pytest.fixture(params=["cgroup", "no cgroup"])
def either(request: pytest.FixtureRequest, box: Box) -> Box:
    """With cgroups, where there are any, and without."""
    if request.param == "no cgroup":
        box.machine = without_cgroups(box.machine)
    return box


def without_cgroups(machine: Machine) -> Machine:
    return msgspec.structs.replace(machine, cgroups=CgroupFacts())


@pytest.mark.parametrize("level", LEVELS, ids=lambda level: level.label)
async def test_kill_ends_all_descendants(either: Box, level: Level) -> None:
    token = secrets.token_hex(8)
    confined = await either.start(level, SURVIVORS.replace("{token}", token) + READY + "time.sleep(1000)")
    assert await confined.stdout.readline() == b"ready\n", await confined.stderr.read()
    await until(lambda: len(with_token(token)) == 5)
    begun = asyncio.get_running_loop().time()
    await confined.kill()
    await until(lambda: with_token(token) == [], within=1 + begun - asyncio.get_running_loop().time())
    await confined.kill()


@pytest.mark.parametrize("level", LEVELS, ids=lambda level: level.label)
async def test_its_own_end_ends_all_descendants(either: Box, level: Level) -> None:
    token = secrets.token_hex(8)
    source = SURVIVORS.replace("{token}", token) + READY + "sys.stdin.readline()\nsys.exit(5)"
    confined = await either.start(level, source)
    await confined.stdout.readline()
    await until(lambda: len(with_token(token)) == 5)
    confined.stdin.write(b"end\n")
    assert await confined.wait() == 5
    await until(lambda: with_token(token) == [], within=1)


@pytest.mark.parametrize("level", LEVELS, ids=lambda level: level.label)
async def test_nothing_is_left_a_second_after_kill_9_of_the_agent(level: Level, either: Box, tmp_path: Path) -> None:
    token = secrets.token_hex(8)
    plugin = either.plugin / "plugin.py"
    plugin.write_text("import os, sys\n" + SURVIVORS.replace("{token}", token) + READY + "time.sleep(1000)")
    options = [level.label, str(plugin), str(either.work), "cgroup" if either.machine.cgroups.folders else "none"]
    agent = await asyncio.create_subprocess_exec(sys.executable, str(AGENT), *options, stdout=asyncio.subprocess.PIPE)
    assert agent.stdout is not None
    assert await agent.stdout.readline() == b"ready\n"
    await until(lambda: len(with_token(token)) == 5)
    agent.send_signal(signal.SIGKILL)
    assert await until(lambda: with_token(token) == [], within=1.0) < 1
    await agent.wait()
    await until(lambda: groups_of(agent.pid, either.machine) == [])


def groups_of(pid: int, machine: Machine) -> list[Path]:
    """Clean up as the next agent does, and return what is left."""
    remove_stale(machine.cgroups)
    return [folder for base in machine.cgroups.folders.values() for folder in Path(base).glob(f"*-{pid}-*")]


@pytest.mark.parametrize("level", offered(), ids=lambda level: level.label)
async def test_a_fork_bomb_does_not_outrun_kill(either: Box, level: Level) -> None:
    token = secrets.token_hex(8)
    source = f"""
    import threading
    def bomb():
        while True:
            try:
                if os.fork() == 0:
                    os.setsid()
            except OSError:
                continue
    if os.fork() == 0:
        os.setsid()
        threading.Thread(target=os.execv, args=("/bin/sh", ["sh", "-c", "while :; do (setsid sh -c : {token} &) ; done", "{token}"])).start()
    print("ready", flush=True)
    bomb()
    """
    confined = await either.start(level, source, limits=Limits(pids=24))
    await confined.stdout.readline()
    await confined.kill()
    await until(lambda: with_token(token) == [], within=1)


@pytest.mark.parametrize("level", offered(), ids=lambda level: level.label)
async def test_it_cannot_signal_its_keeper(box: Box, level: Level) -> None:
    source = """
    import signal
    attempt(lambda: os.kill(os.getppid(), signal.SIGKILL))
    attempt(lambda: os.killpg(os.getpgid(os.getppid()), signal.SIGKILL))
    attempt(lambda: os.kill(-1, 0))
    """
    outcomes = (await box.run(level, source)).output.split()
    assert "possible" not in outcomes[:1]
    assert len(outcomes) == 3


@pytest.mark.parametrize("level", LEVELS, ids=lambda level: level.label)
async def test_orphans_are_reaped(box: Box, level: Level) -> None:
    source = """
    import time
    children = []
    for _ in range(5):
        middle = os.fork()
        if middle == 0:
            if os.fork():
                os._exit(0)
            time.sleep(0.1)
            os._exit(0)
        os.waitpid(middle, 0)
    print("ready", flush=True)
    sys.stdin.read()
    """
    confined = await box.start(level, source)
    await confined.stdout.readline()
    await until(lambda: len(tree(confined.pid)) <= (3 if level is Level.NAMESPACED else 2))


def tree(root: int) -> list[int]:
    """Return the process and all below it, zombies too."""
    stats, found = all_stats(), [root]
    for pid in found:
        found += [stat.pid for stat in stats if stat.ppid == pid]
    return found


@pytest.mark.parametrize("level", LEVELS, ids=lambda level: level.label)
@pytest.mark.parametrize(("source", "status"), [("sys.exit(3)", 3), ("os.kill(os.getpid(), 9)", 137), ("", 0)])
async def test_exit_codes(box: Box, level: Level, source: str, status: int) -> None:
    assert (await box.run(level, source)).status == status


@pytest.mark.parametrize("level", LEVELS, ids=lambda level: level.label)
async def test_the_end_of_its_input_is_seen(box: Box, level: Level) -> None:
    found = await box.run(level, "print(len(sys.stdin.read()))", given=b"x" * 200_000)
    assert found.output == "200000"


@pytest.mark.parametrize("level", LEVELS, ids=lambda level: level.label)
async def test_it_does_not_start_without_its_agent(box: Box, level: Level) -> None:
    """The agent may die before its death would be signalled: the closed pipe tells."""
    launch = prepare(
        level,
        Grants(),
        Limits(),
        program=["sh", "-c", "echo started"],
        surroundings=Surroundings(work_dir=box.work),
        machine=box.machine,
    )
    specification, *_ = launch.pass_fds
    keep = os.dup(specification)
    launch.argv[-1] = str(keep)
    launch.close()
    pipe = asyncio.subprocess.PIPE
    started = await asyncio.create_subprocess_exec(
        *launch.argv, env=launch.env, pass_fds=[keep], stdout=pipe, stderr=pipe
    )
    os.close(keep)
    assert (await started.communicate())[0] == b""
    assert started.returncode == 127


async def test_groups_are_removed(box: Box) -> None:
    for level in LEVELS:
        confined = await box.start(level, "sys.stdin.read()")
        group = confined.cgroup
        assert (group is not None) is bool(box.machine.cgroups.folders)
        await confined.kill()
        assert group is None or not any(folder.exists() for folder in group.folders)


class Immortal(Cgroup):
    """A group with a process that the kernel does not let go."""

    def remove(self) -> bool:
        return False

    def pids(self) -> set[int]:
        return {4_194_305}


async def test_a_group_that_will_not_end_is_an_error(box: Box) -> None:
    confined = await box.start(Level.NONE, "")
    true_group, confined.cgroup = confined.cgroup, Immortal([])
    with pytest.raises(ExecutionFailedError, match="would not die") as caught:
        await confined.kill()
    assert caught.value.found == "pids 4194305"
    confined.cgroup = true_group


async def test_what_cannot_be_started_leaves_nothing(box: Box) -> None:
    broken = msgspec.structs.replace(box.machine, bubblewrap="/nonexistent/bwrap")
    before = sorted(Path("/proc/self/fd").iterdir())
    with pytest.raises(ExecutionFailedError, match=r"could not be started: .*/nonexistent/bwrap"):
        await box.start(Level.NAMESPACED, "", machine=msgspec.structs.replace(broken, landlock=7))
    assert sorted(Path("/proc/self/fd").iterdir()) == before
    assert groups_of(os.getpid(), box.machine) == []


@pytest.mark.parametrize("level", LEVELS, ids=lambda level: level.label)
async def test_a_start_that_is_cancelled_leaves_nothing(box: Box, level: Level) -> None:
    """Wherever it is: turn by turn of the event loop, until it had no time left to be cancelled."""
    for turns in itertools.count():
        before = set(children())
        task = asyncio.create_task(box.start(level, "sys.stdin.read()"))
        for _ in range(turns):
            await asyncio.sleep(0)
        if task.done():
            break
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await only(before)
    await box.close()
    await until(lambda: groups_of(os.getpid(), box.machine) == [])


async def only(before: set[int]) -> None:
    await until(lambda: set(children()) <= before)


def children() -> list[int]:
    return [stat.pid for stat in all_stats() if stat.ppid == os.getpid()]


@pytest.mark.parametrize("level", LEVELS, ids=lambda level: level.label)
async def test_an_early_kill_leaves_nothing(either: Box, level: Level) -> None:
    """bwrap makes its namespace in steps, and one of its processes waits for the other."""
    groups = set()
    for _ in range(20):
        confined = await either.start(level, "sys.stdin.read()")
        groups.add(confined.pid)
        await confined.kill()
    await until(lambda: not any(stat.group in groups or stat.session in groups for stat in all_stats()))


@pytest.mark.parametrize("level", LEVELS, ids=lambda level: level.label)
async def test_kill_does_not_need_a_reader(box: Box, level: Level) -> None:
    confined = await box.start(level, "while True: sys.stdout.write('x' * 65536)", line_limit=1024)
    await confined.stdout.readexactly(1)
    begun = asyncio.get_running_loop().time()
    await confined.kill()
    assert asyncio.get_running_loop().time() - begun < 1
    assert await confined.wait() != 0


async def test_a_group_that_cannot_be_made_is_an_error(box: Box, tmp_path: Path) -> None:
    folders = {"memory": str(tmp_path), "pids": str(tmp_path / "absent")}
    broken = msgspec.structs.replace(box.machine, cgroups=CgroupFacts(1, folders))
    with pytest.raises(ExecutionFailedError, match=r"could not be started: .*absent"):
        await box.start(Level.NONE, "", machine=broken)
    assert list(tmp_path.iterdir()) == []
