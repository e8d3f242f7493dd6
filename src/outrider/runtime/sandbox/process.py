"""Starting a confined program, and ending all of it."""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from outrider.core.errors import ExecutionFailedError
from outrider.runtime.sandbox.cgroups import Cgroup
from outrider.runtime.sandbox.launch import Launch, prepare
from outrider.runtime.sandbox.machine import Machine, detect
from outrider.runtime.sandbox.model import Grants, Level, Limits

LINE_LIMIT = 512 * 1024
_KEEPER_SECONDS = 0.5
_GONE_SECONDS = 1.0
_LAST_WORDS_SECONDS = 0.2
_POLL_SECONDS = 0.005


class _Protocol(asyncio.subprocess.SubprocessStreamProtocol):
    """Knows when all that the program wrote has been taken from its pipes."""

    def __init__(self, limit: int, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(limit, loop)
        self.drained = asyncio.Event()
        self._outputs = {1, 2}

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:
        super().pipe_connection_lost(fd, exc)
        self._outputs.discard(fd)
        if not self._outputs:
            self.drained.set()


class _Ends(NamedTuple):
    process: asyncio.subprocess.Process
    transport: asyncio.SubprocessTransport
    protocol: _Protocol
    handle: int


class Confined:
    """A started program; whoever starts it calls `kill` in the end, also when it ended by itself.

    Attributes:
        pid: Of the process in front of it: its keeper or bwrap.
        level: Name of the level that it runs at.
        stdin: Where to write.
        stdout: Its output; the owner reads it to the end, or the program blocks.
        stderr: Its log; the same.
        cgroup: Its group, where there is one.
    """

    def __init__(self, ends: _Ends, launch: Launch, *, level: Level, cgroup: Cgroup | None) -> None:
        process = ends.process
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        self.pid = process.pid
        self.level = level.label
        self.stdin, self.stdout, self.stderr = process.stdin, process.stdout, process.stderr
        self.cgroup = cgroup
        self._process = process
        self._ends = ends
        self._launch = launch
        # A handle cannot hit another process; `Process.kill` would also take the exit code from the event loop.
        self._handle = ends.handle
        # A keeper must be asked, so that it can kill the rest; bwrap takes all with it.
        self._first = signal.SIGKILL if level is Level.NAMESPACED else signal.SIGTERM

    async def wait(self) -> int:
        """Wait until it has ended, and return its exit code; 128 + n for signal n."""
        return await self._process.wait()

    async def kill(self) -> None:
        """End it with all that it ever started, within a second; may be called again.

        Raises:
            ExecutionFailedError: Some of it would not die.
        """
        self._signal(self._first)
        if self.cgroup is not None:
            self.cgroup.kill()
        if not await self._ended(_KEEPER_SECONDS):
            self._signal(signal.SIGKILL)
            if not await self._ended(_GONE_SECONDS):
                raise _immortal({self.pid})
        await self._close()
        if self.cgroup is not None:
            await self._remove(self.cgroup)

    async def _ended(self, within: float) -> bool:
        try:
            async with asyncio.timeout(within):
                await self._process.wait()
        except TimeoutError:
            return False
        return True

    def _signal(self, number: signal.Signals) -> None:
        if self._handle >= 0:
            try:
                signal.pidfd_send_signal(self._handle, number)
            except ProcessLookupError:
                return

    async def _close(self) -> None:
        """Close all that belongs to it; what it wrote last is still read, unless the owner does not read."""
        self.stdin.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LAST_WORDS_SECONDS):
                await self._ends.protocol.drained.wait()
        self._ends.transport.close()
        self._launch.close()
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1
        # The transports of the pipes close in the next turn.
        await asyncio.sleep(0)

    async def _remove(self, cgroup: Cgroup) -> None:
        end = time.monotonic() + _GONE_SECONDS
        while not cgroup.remove():
            if time.monotonic() > end:
                raise _immortal(cgroup.pids())
            cgroup.kill()
            await asyncio.sleep(_POLL_SECONDS)


async def start(
    level: Level,
    grants: Grants,
    limits: Limits,
    *,
    program: Sequence[str],
    work_dir: Path,
    read_only: Sequence[Path] = (),
    env: Mapping[str, str] | None = None,
    machine: Machine | None = None,
    line_limit: int = LINE_LIMIT,
) -> Confined:
    """Start a program; to be called in the thread of the event loop, with whose end the program ends too.

    Args:
        level: How it is confined; the arguments up to `machine` are those of `prepare`.
        grants: What it may reach.
        limits: Its bounds; those that need a cgroup hold where `machine.limits` says so.
        program: Program and arguments.
        work_dir: Its working folder.
        read_only: Folders that it may read.
        env: Its environment.
        machine: What `detect` found.
        line_limit: Bytes; a longer line on a pipe is an error of its reader.

    Raises:
        InvalidConfigError: Nothing to start, or a path that cannot be granted.
        SandboxUnavailableError: This machine cannot enforce the level or what is granted.
        ExecutionFailedError: It could not be started.
    """
    machine = machine or detect()
    cgroup = Cgroup.create(machine.cgroups, limits) if machine.cgroups.folders else None
    try:
        launch = prepare(
            level, grants, limits, program=program, work_dir=work_dir, read_only=read_only, env=env, machine=machine,
            cgroup=cgroup,
        )  # fmt: skip
        ends = await _spawn(launch, line_limit)
    except BaseException:
        if cgroup is not None:
            cgroup.kill()
            cgroup.remove()
        raise
    confined = Confined(ends, launch, level=level, cgroup=cgroup)
    if cgroup is not None:
        await _admit(confined, cgroup)
    return confined


async def _admit(confined: Confined, cgroup: Cgroup) -> None:
    """Put the process in front into the group, beside the start of the launcher, which joins by itself.

    The first to join waits for the whole machine: beginning now saves the launcher some 10 ms of it.
    """
    try:
        await asyncio.to_thread(cgroup.admit, confined.pid)
    except asyncio.CancelledError:
        await confined.kill()
        raise


async def _spawn(launch: Launch, line_limit: int) -> _Ends:
    """Do what `create_subprocess_exec` does, and keep the transport, which only so can be closed."""
    loop, pipe = asyncio.get_running_loop(), asyncio.subprocess.PIPE
    transport = None
    try:
        transport, protocol = await loop.subprocess_exec(
            lambda: _Protocol(line_limit, loop),
            *launch.argv, env=launch.env, pass_fds=launch.pass_fds, start_new_session=True, cwd="/",
            stdin=pipe, stdout=pipe, stderr=pipe,
        )  # fmt: skip
        handle = _handle(transport.get_pid())
    except BaseException as error:
        # Without the other end of its pipe the program ends by itself, if it was started at all.
        launch.close()
        if transport is not None:
            transport.close()
        if isinstance(error, OSError):
            raise ExecutionFailedError(f"sandbox: {launch.argv[0]} could not be started: {error.strerror}") from error
        raise
    launch.spawned()
    return _Ends(asyncio.subprocess.Process(transport, protocol, loop), transport, protocol, handle)


def _handle(pid: int) -> int:
    """Return a descriptor for the process, -1 if it has ended already."""
    try:
        return os.pidfd_open(pid)
    except ProcessLookupError:
        return -1


def _immortal(pids: set[int]) -> ExecutionFailedError:
    return ExecutionFailedError(
        "sandbox: some processes of the program would not die",
        found=f"pids {', '.join(map(str, sorted(pids)))}",
        suggestions=["look for state D: ps -o pid,user,stat,args"],
    )
