"""Programs that end when this process ends, however it ends.

A guardian process stands between (see guardian.py). It holds the read end of a pipe, the lifeline, whose write end only this
process holds; when that is closed, by us or by the kernel because we were killed, everything below the guardian is killed.
A child made by `os.fork` without `exec` would inherit the write end: start programs in no other way than through this port.

The other way round: when the guardian itself is killed, nothing kills its command. The command finds in OUTRIDER_LIFELINE the
number of a descriptor that reaches its end then; it takes the variable out of its environment and passes the number to
`watch_lifeline`.
"""

import asyncio
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from outrider.ports.process import guardian
from outrider.ports.process.group import LINE_LIMIT, ProcessGroup
from outrider.ports.process.spawn import base_environment, checked_argv, not_found

_GUARDIAN = Path(guardian.__file__)
# The guardian gives up on processes that do not die (state D) after 10 s of its own.
_GUARDIAN_TIMEOUT = 12.0


class GuardedGroup(ProcessGroup):
    """A guardian and its command; exit code and pipes are those of the command, pid and group those of the guardian."""

    _lifeline = -1

    async def kill(self) -> None:
        """Cut the lifeline, which kills all below the guardian, and wait for the guardian to end."""
        self.cut_lifeline()
        try:
            async with asyncio.timeout(_GUARDIAN_TIMEOUT):
                await self.wait()
        except TimeoutError:
            pass
        finally:
            await super().kill()

    def hold_lifeline(self, descriptor: int) -> None:
        """Become the owner of the write end."""
        self._lifeline = descriptor

    def cut_lifeline(self) -> None:
        """Close the write end."""
        if self._lifeline != -1:
            os.close(self._lifeline)
            self._lifeline = -1


async def spawn_guarded(
    argv: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    log: Path | None = None,
    pass_fds: Sequence[int] = (),
    line_limit: int = LINE_LIMIT,
) -> GuardedGroup:
    """Start a program so that it and all its descendants are killed when this process ends, even by SIGKILL.

    Arguments and errors are those of `ProcessGroup.start`. SIGTERM of `terminate` reaches the command only, not its group.
    """
    arguments = checked_argv(argv)
    environment = base_environment() if env is None else env
    _check_program(arguments[0], environment, cwd)
    lifeline, own_end = os.pipe()
    try:
        group = await GuardedGroup.start(
            [sys.executable, "-I", "-S", str(_GUARDIAN), "--lifeline", str(lifeline), "--", *arguments],
            env=environment,
            cwd=cwd,
            log=log,
            pass_fds=(lifeline, *pass_fds),
            line_limit=line_limit,
        )
    except BaseException:
        os.close(own_end)
        raise
    finally:
        os.close(lifeline)
    group.hold_lifeline(own_end)
    return group


def watch_lifeline(loop: asyncio.AbstractEventLoop, descriptor: int, callback: Callable[[], None]) -> None:
    """Call back once when the other end of a lifeline is closed, and keep the descriptor from our own children.

    Args:
        loop: The running loop.
        descriptor: Read end, for example from OUTRIDER_LIFELINE.
        callback: Ends this process and what it started.
    """

    def ended() -> None:
        if os.read(descriptor, 1) == b"":
            loop.remove_reader(descriptor)
            os.close(descriptor)
            callback()

    os.set_inheritable(descriptor, False)
    loop.add_reader(descriptor, ended)


def _check_program(program: str, environment: Mapping[str, str], cwd: Path | None) -> None:
    """Tell here and now what the guardian could only write to the log."""
    folders = [""] if "/" in program else environment.get("PATH", os.defpath).split(os.pathsep)
    if not any(os.access(Path(cwd or ".", folder, program), os.X_OK) for folder in folders):
        raise not_found(program, environment)
