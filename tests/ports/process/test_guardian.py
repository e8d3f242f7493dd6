import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from outrider.core.errors import NotFoundError
from outrider.ports.process import GuardedGroup, guardian, spawn_guarded, watch_lifeline
from tests.ports.process.waiting import alive, living, until

HERE = Path(__file__).parent
FAMILY = [sys.executable, str(HERE / "family.py"), "--orphan"]
pytestmark = pytest.mark.real


async def start_family(*options: str) -> tuple[GuardedGroup, list[int]]:
    group = await spawn_guarded([*FAMILY, *options])
    assert group.stdout is not None
    return group, [int(pid) for pid in (await group.stdout.readline()).split()]


async def test_nothing_is_left_when_the_owner_is_killed() -> None:
    owner = await asyncio.create_subprocess_exec(
        sys.executable, str(HERE / "owner.py"), FAMILY[1], stdout=subprocess.PIPE
    )
    assert owner.stdout is not None
    pids = [int(pid) for pid in (await owner.stdout.readline()).split()]
    assert len(living(pids)) == 6
    os.kill(owner.pid, signal.SIGKILL)
    assert await until(lambda: not living(pids)) < 1.0
    await owner.wait()


async def test_nothing_is_left_when_the_command_ends() -> None:
    group, family = await start_family()
    os.kill(family[0], signal.SIGUSR1)
    assert await group.wait() == -signal.SIGUSR1
    assert living(family) == []
    await group.terminate(grace=1)


@pytest.mark.parametrize("every", ["pass", "os.setsid()"])
async def test_fork_loop_does_not_get_away(every: str) -> None:
    """Each process forks and ends at once, with `setsid` it also leaves session and group each time."""
    code = f"import os\nprint(flush=True)\nfor _ in range(20_000):\n    if os.fork(): os._exit(0)\n    {every}"
    group = await spawn_guarded(["sh", "-c", f"{sys.executable} -c '{code}'; sleep 1000"])
    assert group.stdout is not None
    await group.stdout.readline()
    await group.kill()
    async with asyncio.timeout(10):
        assert await group.stdout.read() == b""  # nobody holds the pipe any more


async def test_terminate_passes_the_signal_on() -> None:
    code = "import signal,sys,time\nsignal.signal(15, lambda *_: sys.exit(9))\nprint(flush=True)\nwhile True: signal.pause()"
    group = await spawn_guarded([sys.executable, "-c", code])
    assert group.stdout is not None
    await group.stdout.readline()
    assert await group.terminate(grace=20) == 9


async def test_interrupt_is_passed_on() -> None:
    group, family = await start_family()
    os.kill(group.pid, signal.SIGINT)
    assert await group.wait() in (1, -signal.SIGINT)
    assert living(family) == []
    await group.terminate(grace=1)


async def test_terminate_kills_who_ignores_it() -> None:
    group, family = await start_family("--ignore-term")
    await group.terminate(grace=0.2)
    assert living([group.pid, *family]) == []


@pytest.mark.parametrize("code", [0, 3, 255])
async def test_exit_code_is_the_commands(code: int) -> None:
    group = await spawn_guarded(["sh", "-c", f"exit {code}"])
    assert await group.wait() == code
    await group.terminate(grace=1)


async def test_output_ends_with_the_command_that_closes_it() -> None:
    group = await spawn_guarded(["sh", "-c", "echo last; exec >&- 2>&-; exec sleep 1000"])
    assert group.stdout is not None
    assert group.stderr is not None
    assert await group.stdout.read() == b"last\n"
    assert group.exit_code is None
    await group.terminate(grace=5)


# The C library keeps these two for itself; nobody can give them another handling.
_RESERVED = 1 << 31 | 1 << 32


async def test_ignored_signals_are_not_inherited() -> None:
    group = await spawn_guarded(["grep", "SigIgn", "/proc/self/status"])
    assert group.stdout is not None
    ignored = int((await group.stdout.read()).split()[1], 16)
    assert ignored & ~_RESERVED == 0
    await group.terminate(grace=1)


async def test_signals_that_the_owner_ignores_are_not_ignored_by_the_command() -> None:
    code = (
        "import asyncio, signal; from outrider.ports.process import spawn_guarded\n"
        "for n in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP): signal.signal(n, signal.SIG_IGN)\n"
        "async def main():\n"
        "    group = await spawn_guarded(['grep', 'SigIgn', '/proc/self/status'])\n"
        "    print((await group.stdout.read()).decode()); await group.terminate(1)\n"
        "asyncio.run(main())"
    )
    done = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=subprocess.PIPE)
    ignored = int((await done.communicate())[0].split()[1], 16)
    assert ignored & ~_RESERVED == 0


async def test_command_holds_no_lifeline_but_its_own() -> None:
    code = "import os; print([n for n in range(3, 99) if os.path.exists(f'/proc/self/fd/{n}')], os.environ['OUTRIDER_LIFELINE'])"
    group = await spawn_guarded([sys.executable, "-c", code])
    assert group.stdout is not None
    descriptors, own = (await group.stdout.read()).decode().rsplit(" ", 1)
    assert descriptors == f"[{own.strip()}]"
    await group.terminate(grace=1)


async def test_command_learns_of_the_death_of_its_guardian(tmp_path: Path) -> None:
    group = await spawn_guarded([sys.executable, str(HERE / "watcher.py"), str(tmp_path / "record")])
    assert group.stdout is not None
    command = int(await group.stdout.readline())
    os.kill(group.pid, signal.SIGKILL)
    await until(lambda: not alive(command))
    assert (tmp_path / "record").read_text() == "the guardian is gone"
    await group.terminate(grace=1)


async def test_unknown_program_is_named_at_once(tmp_path: Path) -> None:
    for program in ("no-such-program", str(tmp_path / "absent")):
        with pytest.raises(NotFoundError, match="was not found"):
            await spawn_guarded([program])


async def test_watch_lifeline_calls_back_once() -> None:
    read_end, write_end = os.pipe()
    ended = asyncio.Event()
    watch_lifeline(asyncio.get_running_loop(), read_end, ended.set)
    os.write(write_end, b"x")
    await asyncio.sleep(0)
    assert not ended.is_set()
    os.close(write_end)
    await ended.wait()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(read_end)


def run_guardian(*arguments: str) -> "subprocess.CompletedProcess[str]":
    argv = [sys.executable, "-I", "-S", str(guardian.__file__), *arguments]
    return subprocess.run(argv, capture_output=True, text=True, timeout=20, check=False)


@pytest.mark.parametrize(
    "arguments", [[], ["--lifeline", "x", "--", "true"], ["--lifeline", "3", "true"], ["--lifeline", "3", "--"]]
)
def test_usage(arguments: list[str]) -> None:
    done = run_guardian(*arguments)
    assert (done.returncode, done.stderr[:6]) == (2, "usage:")


def test_command_that_cannot_run() -> None:
    read_end, write_end = os.pipe()
    argv = [sys.executable, "-I", "-S", str(guardian.__file__), "--lifeline", str(read_end), "--", "/absent"]
    done = subprocess.run(argv, pass_fds=(read_end,), capture_output=True, text=True, timeout=20, check=False)
    assert (done.returncode, done.stderr) == (127, "guardian: cannot run /absent: No such file or directory\n")
    os.close(read_end)
    os.close(write_end)
