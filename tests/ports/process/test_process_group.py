import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from outrider.core.errors import NotFoundError
from outrider.ports.process import ProcessGroup, exit_text, kill_tree
from tests.ports.process.waiting import living

pytestmark = pytest.mark.real
FAMILY = [sys.executable, str(Path(__file__).with_name("family.py"))]


async def start_family(*options: str) -> tuple[ProcessGroup, list[int]]:
    group = await ProcessGroup.start([*FAMILY, *options])
    assert group.stdout is not None
    return group, [int(pid) for pid in (await group.stdout.readline()).split()]


async def test_pipes_carry_both_ways() -> None:
    group = await ProcessGroup.start(["cat"])
    assert group.stdin is not None
    assert group.stdout is not None
    group.stdin.write(b"hello\n")
    assert await group.stdout.readline() == b"hello\n"
    assert await group.terminate(grace=5) == -signal.SIGTERM


async def test_log_takes_output_and_errors(tmp_path: Path) -> None:
    log = tmp_path / "service.log"
    log.write_text("before\n")
    group = await ProcessGroup.start(["sh", "-c", "echo out; echo err >&2; exit 4"], log=log)
    assert await group.wait() == 4
    await group.terminate(grace=1)
    assert log.read_text() == "before\nout\nerr\n"


async def test_new_log_is_private(tmp_path: Path) -> None:
    group = await ProcessGroup.start(["true"], log=tmp_path / "new.log")
    await group.terminate(grace=5)
    assert (tmp_path / "new.log").stat().st_mode & 0o777 == 0o600


async def test_terminate_lets_the_program_end_itself() -> None:
    group = await ProcessGroup.start(["sh", "-c", "trap 'exit 5' TERM; echo ready; while :; do sleep 0.01; done"])
    assert group.stdout is not None
    await group.stdout.readline()
    assert group.exit_text == "running"
    assert await group.terminate(grace=20) == 5
    assert group.exit_text == "exit code 5"


async def test_members_get_the_grace_too(tmp_path: Path) -> None:
    """The leader dies of SIGTERM at once; its child writes something first."""
    child = (
        f"(trap 'sleep 0.2; echo saved > {tmp_path}/state; exit' TERM; echo ready; while :; do sleep 0.01; done) & wait"
    )
    group = await ProcessGroup.start(["sh", "-c", child])
    assert group.stdout is not None
    await group.stdout.readline()
    await group.terminate(grace=20)
    assert (tmp_path / "state").read_text() == "saved\n"


async def test_terminate_kills_who_ignores_it() -> None:
    group, family = await start_family("--ignore-term")
    assert len(family) == 4
    assert await group.terminate(grace=0.2) == -signal.SIGKILL
    assert group.exit_text == "killed by SIGKILL"
    assert living(family) == []


async def test_cancelled_terminate_kills_at_once() -> None:
    group, family = await start_family("--ignore-term")
    task = asyncio.create_task(group.terminate(grace=60))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert living(family) == []


async def test_terminate_after_the_end_removes_the_rest() -> None:
    group, family = await start_family("--ignore-term")
    os.kill(group.pid, signal.SIGKILL)
    assert await group.wait() == -signal.SIGKILL
    in_session = family[1:3]
    assert living(in_session) == in_session
    await group.terminate(grace=0.1)
    assert living(in_session) == []
    for pid in living(family):  # the one with a session of its own: only a guardian could have known it
        await kill_tree(pid)


async def test_a_later_group_with_the_same_number_is_spared() -> None:
    ended = await ProcessGroup.start(["true"])
    await ended.wait()
    stranger = await ProcessGroup.start(["sleep", "1000"])
    ended.pid, ended.birth = stranger.pid, stranger.birth
    await ended.terminate(grace=0.1)
    assert living([stranger.pid]) == [stranger.pid]
    assert await stranger.terminate(grace=5) == -signal.SIGTERM


async def test_wait_does_not_wait_for_pipe_holders() -> None:
    group = await ProcessGroup.start(["sh", "-c", "sleep 60 & exit 6"])
    async with asyncio.timeout(20):
        assert await group.wait() == 6
    await group.terminate(grace=1)


async def test_descriptors_are_passed_on() -> None:
    read_end, write_end = os.pipe()
    group = await ProcessGroup.start(
        [sys.executable, "-c", f"import os; os.write({write_end}, b'through')"], pass_fds=(write_end,)
    )
    await group.wait()
    assert os.read(read_end, 100) == b"through"
    os.close(read_end)
    os.close(write_end)
    await group.terminate(grace=1)


async def test_long_line_is_an_error_of_its_reader() -> None:
    group = await ProcessGroup.start(["sh", "-c", "printf %02000d 1; echo"], line_limit=1000)
    assert group.stdout is not None
    with pytest.raises(ValueError, match="limit"):
        await group.stdout.readline()
    await group.terminate(grace=1)


async def test_unknown_program(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        await ProcessGroup.start([str(tmp_path / "absent")])


@pytest.mark.parametrize(
    ("code", "text"), [(0, "exit code 0"), (-11, "killed by SIGSEGV"), (-63, "killed by signal 63")]
)
def test_exit_text(code: int, text: str) -> None:
    assert exit_text(code) == text
