"""A program in a session of its own, with all that belongs to it."""

import asyncio
import os
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Self

from outrider.ports.process import guardian
from outrider.ports.process.spawn import base_environment, checked_argv, exit_text, spawn_errors

LINE_LIMIT = 64 * 1024
_KILL_TIMEOUT = 5.0
_POLL_INTERVAL = 0.05


class _Protocol(asyncio.subprocess.SubprocessStreamProtocol):
    """Tells the end of the program itself; asyncio's own `wait` also waits until nobody holds the pipes any more."""

    def __init__(self, line_limit: int) -> None:
        loop = asyncio.get_running_loop()
        super().__init__(limit=line_limit, loop=loop)
        self.exited: asyncio.Future[None] = loop.create_future()

    def process_exited(self) -> None:
        super().process_exited()
        self.exited.set_result(None)


class ProcessGroup:
    """A program that was started, and whatever it starts. Its owner calls `terminate` in the end, in any case.

    Attributes:
        argv: What was started.
        pid: Its process id, which is also the id of its session and group.
        birth: As `ProcessInfo.birth`.
        stdin: Where to write, if it has pipes.
        stdout: Its output, if it has pipes; the owner keeps reading, or the program blocks.
        stderr: The same for its errors.
        exited: Done when the program itself has ended.
    """

    def __init__(self, transport: asyncio.SubprocessTransport, protocol: _Protocol, argv: Sequence[str]) -> None:
        process = asyncio.subprocess.Process(transport, protocol, asyncio.get_running_loop())
        stat = guardian.read_stat(process.pid)
        self.argv = list(argv)
        self.pid = process.pid
        self.birth = stat.birth if stat else None
        self.stdin, self.stdout, self.stderr = process.stdin, process.stdout, process.stderr
        self.exited = protocol.exited
        self._transport = transport
        self._left_nothing = False

    @classmethod
    async def start(
        cls,
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        log: Path | None = None,
        pass_fds: Sequence[int] = (),
        line_limit: int = LINE_LIMIT,
    ) -> Self:
        """Start a program, never through a shell.

        Args:
            argv: Program and arguments.
            env: Its whole environment; by default PATH, HOME and the like (`base_environment`), and no secrets.
            cwd: Its working folder.
            log: File that output and errors are appended to, made with mode 0600; by default both are pipes.
            pass_fds: Descriptors that it inherits under the same numbers.
            line_limit: Bytes; a longer line on a pipe is a ValueError of `readline`.

        Raises:
            InvalidConfigError: No program, or a NUL character.
            NotFoundError: No such program or folder.
            DeniedError: It may not be started.
        """
        arguments = checked_argv(argv)
        environment = base_environment() if env is None else env
        with _output(log) as output, spawn_errors(arguments, environment, cwd):
            transport, protocol = await asyncio.get_running_loop().subprocess_exec(
                lambda: _Protocol(line_limit),
                *arguments,
                stdin=subprocess.DEVNULL if log else subprocess.PIPE,
                stdout=output,
                stderr=output,
                env=environment,
                cwd=cwd,
                pass_fds=pass_fds,
                start_new_session=True,
            )
        return cls(transport, protocol, arguments)

    @property
    def exit_code(self) -> int | None:
        """Exit code, negative for a signal; None while it runs."""
        return self._transport.get_returncode()

    @property
    def exit_text(self) -> str:
        """How it ended, such as `exit code 3` or `killed by SIGKILL`; `running` before."""
        return "running" if self.exit_code is None else exit_text(self.exit_code)

    async def wait(self) -> int:
        """Wait until the program itself has ended; return its exit code, negative for a signal.

        It also looks whether the program left anything behind. If not, its pid may belong to a stranger from now on, and
        `terminate` touches nobody: so the owner waits from the start, not only when it wants to terminate.
        """
        await asyncio.shield(self.exited)
        self._left_nothing = self._left_nothing or not (self._has_group() or guardian.tree(self.pid, self.birth))
        return self._transport.get_returncode() or 0

    async def terminate(self, grace: float) -> int:
        """End the group and return the exit code: SIGTERM, then SIGKILL for whoever is left after the grace (seconds).

        Descendants that left the group are killed as by `kill_tree`. Called after the end of the program it removes what
        that left behind. When it is cancelled it kills at once.
        """
        try:
            async with asyncio.timeout(grace):
                await self._end_gently()
        except TimeoutError:
            pass
        finally:
            await asyncio.shield(self.kill())
        return await self.wait()

    async def kill(self) -> None:
        """Kill the program and its descendants, and let go of its pipes."""
        if not self._left_nothing:
            await asyncio.to_thread(guardian.kill_tree, self.pid, self.birth, timeout=_KILL_TIMEOUT)
            self._signal_group(signal.SIGKILL)  # exact, also for one that forks and ends all the time
            await self.wait()
        self.close()

    def close(self) -> None:
        """Let go of the pipes of a program that has ended."""
        self._transport.close()

    async def _end_gently(self) -> None:
        self._signal_group(signal.SIGTERM)
        await self.wait()
        while guardian.tree(self.pid, self.birth):  # noqa: ASYNC110 - no event tells of the end of a group
            await asyncio.sleep(_POLL_INTERVAL)

    def _has_group(self) -> bool:
        return self._signal_group(0)

    def _signal_group(self, number: int) -> bool:
        """Signal the group, unless its number belongs to another by now; return whether anybody was in it."""
        stat = guardian.read_stat(self.pid)
        if self._left_nothing or (stat is not None and stat.birth != self.birth):
            return False
        try:
            os.killpg(self.pid, number)
        except (ProcessLookupError, PermissionError):
            return False
        return True


@contextmanager
def _output(log: Path | None) -> Iterator[int | IO[bytes]]:
    if log is None:
        yield subprocess.PIPE
        return
    with os.fdopen(os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600), "ab") as file:
        yield file
