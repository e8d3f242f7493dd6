"""What the first process of a PID namespace does: start programs, and reap whatever ends, also what others have left behind.

asyncio's own way of starting programs waits for each by its number, which goes wrong where everything is reaped.
"""

import asyncio
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from outrider.ports.process.spawn import exit_text

_POLL = 0.02


class Init:
    """Starts and reaps processes; the running loop must be that of the main thread.

    Args:
        ended: Is told of each program that was started here and has ended: its name and how it ended.
    """

    def __init__(self, ended: Callable[[str, str], None]) -> None:
        self._ended = ended
        self._names: dict[int, str] = {}
        self._awaited: dict[int, asyncio.Future[int]] = {}
        self._loop = asyncio.get_running_loop()
        self._loop.add_signal_handler(signal.SIGCHLD, self._reap)

    def start(self, name: str, argv: Sequence[str], *, log: Path, env: Mapping[str, str]) -> int:
        """Start a program in a session of its own and return its process id.

        Args:
            name: By which its end is told.
            argv: Program, with its path, and arguments.
            log: File that its output and errors are appended to.
            env: Its whole environment.

        Raises:
            OSError: It cannot be started.
        """
        output = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            pid = os.posix_spawn(
                argv[0], list(argv), dict(env), setsid=True,
                file_actions=[(os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0), (os.POSIX_SPAWN_DUP2, output, 1), (os.POSIX_SPAWN_DUP2, output, 2)],
            )  # fmt: skip
        finally:
            os.close(output)
        self._names[pid] = name
        return pid

    async def run(self, argv: Sequence[str], *, log: Path, env: Mapping[str, str]) -> int:
        """Run a program to its end and return its exit code, negative for a signal; arguments and errors as for `start`."""
        ended: asyncio.Future[int] = self._loop.create_future()
        pid = self.start("", argv, log=log, env=env)
        self._awaited[pid] = ended
        return await ended

    def pid(self, name: str) -> int | None:
        """Return the process id of a program that runs; None where it does not."""
        return next((pid for pid, known in self._names.items() if known == name), None)

    async def end_all(self, grace: float) -> None:
        """Ask all programs to end, and kill every process of the namespace that is left after the grace (seconds)."""
        self._ended = lambda *_: None
        for pid in self._names:
            os.kill(pid, signal.SIGTERM)
        end = self._loop.time() + grace
        while self._names and self._loop.time() < end:  # noqa: ASYNC110 - bounded by the grace
            await asyncio.sleep(_POLL)
        try:
            os.kill(-1, signal.SIGKILL)  # of this namespace, but for this process
        except ProcessLookupError:
            return
        await asyncio.sleep(0.05)
        self._reap()

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            name, code = self._names.pop(pid, None), os.waitstatus_to_exitcode(status)
            awaited = self._awaited.pop(pid, None)
            if awaited is not None:
                if not awaited.done():
                    awaited.set_result(code)
            elif name is not None:
                self._ended(name, exit_text(code))
