"""Starting a confined program, and ending all of it."""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Collection, Coroutine, Sequence

from outrider.core.errors import ExecutionFailedError
from outrider.ports.process.guardian import kill_tree, read_stat
from outrider.runtime.sandbox.cgroups import Cgroup
from outrider.runtime.sandbox.doors import DoorFrame
from outrider.runtime.sandbox.launch import Launch, prepare
from outrider.runtime.sandbox.machine import Machine, detect
from outrider.runtime.sandbox.model import Grants, Level, Limits, Surroundings
from outrider.runtime.sandbox.watch import exceeded

LINE_LIMIT = 512 * 1024
_KEEPER_SECONDS = 0.5
_GONE_SECONDS = 1.0
_LAST_WORDS_SECONDS = 0.2
_POLL_SECONDS = 0.005


class _Protocol(asyncio.subprocess.SubprocessStreamProtocol):
    """Knows when the process has ended, and when all that was written has been taken from its pipes.

    `asyncio.subprocess.Process.wait` waits for both, and so for ever where nobody reads.
    """

    def __init__(self, limit: int, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(limit, loop)
        self.exited, self.drained = asyncio.Event(), asyncio.Event()
        self._outputs = {1, 2}

    def process_exited(self) -> None:
        super().process_exited()
        self.exited.set()

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:
        super().pipe_connection_lost(fd, exc)
        self._outputs.discard(fd)
        if not self._outputs:
            self.drained.set()


class Confined:
    """A started program; whoever starts it calls `kill` in the end, also when it ended by itself.

    Attributes:
        pid: Of the process in front of it: its keeper or bwrap.
        level: Name of the level that it runs at.
        stdin: Where to write.
        stdout: Its output; the owner reads it to the end, or the program blocks.
        stderr: Its log; the same.
        cgroup: Its group, where there is one.
        exceeded: The limit for which it was ended, where no cgroup holds that; else empty.
        door: Gives what listens at its door, where it has one.
    """

    def __init__(
        self, transport: asyncio.SubprocessTransport, protocol: _Protocol, launch: Launch, level: Level
    ) -> None:
        assert protocol.stdin is not None
        assert protocol.stdout is not None
        assert protocol.stderr is not None
        self.pid = transport.get_pid()
        self.level = level.label
        self.stdin, self.stdout, self.stderr = protocol.stdin, protocol.stdout, protocol.stderr
        self.cgroup: Cgroup | None = None
        self.exceeded = ""
        self.door: DoorFrame | None = None
        self._watching: asyncio.Task[None] | None = None
        stat = read_stat(self.pid)
        self._birth = stat.birth if stat else None
        self._transport, self._protocol, self._launch = transport, protocol, launch
        # A keeper must be asked, so that it can kill the rest; bwrap takes all with it.
        self._first = signal.SIGKILL if level is Level.NAMESPACED else signal.SIGTERM

    async def wait(self) -> int:
        """Wait until it has ended, and return its exit code; 128 + n for signal n."""
        await self._protocol.exited.wait()
        return self._transport.get_returncode() or 0

    async def kill(self) -> None:
        """End it with all that it ever started, within a second; may be called again.

        Raises:
            ExecutionFailedError: Some of it would not die.
        """
        if self._watching is not None:
            self._watching.cancel()
        self._signal(self._first)
        if self.cgroup is not None:
            self.cgroup.kill()
        if not await self._within(_KEEPER_SECONDS, self._protocol.exited):
            await asyncio.to_thread(kill_tree, self.pid, self._birth, timeout=_GONE_SECONDS)
            if not await self._within(_GONE_SECONDS, self._protocol.exited):
                raise _immortal({self.pid})
        await self._close()
        if self.cgroup is not None:
            await self._remove(self.cgroup)

    def watch(self, limits: Limits, names: Collection[str]) -> None:
        """Hold these limits from now on by looking at the processes."""
        self._watching = asyncio.get_running_loop().create_task(self._end_when_exceeded(limits, names))

    async def _end_when_exceeded(self, limits: Limits, names: Collection[str]) -> None:
        self.exceeded = await exceeded(self.pid, limits, names)
        self._signal(self._first)

    def _signal(self, number: signal.Signals) -> None:
        """Signal the process in front with its group: bwrap that is killed early leaves one in it that waits for ever."""
        stat = read_stat(self.pid)
        if stat is None or stat.birth == self._birth:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, number)

    async def _close(self) -> None:
        """Close all that belongs to it; what it wrote last is still read, unless the owner does not read."""
        self.stdin.close()
        await self._within(_LAST_WORDS_SECONDS, self._protocol.drained)
        self._transport.close()
        self._launch.close()
        if self.door is not None:
            self.door.close()
        # The transports of the pipes close in the next turn.
        await asyncio.sleep(0)

    async def _within(self, seconds: float, event: asyncio.Event) -> bool:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await event.wait()
        return event.is_set()

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
    surroundings: Surroundings,
    machine: Machine | None = None,
    line_limit: int = LINE_LIMIT,
) -> Confined:
    """Start a program; to be called in the thread of the event loop, with whose end the program ends too.

    Args:
        level: How it is confined; the arguments up to `machine` are those of `prepare`.
        grants: What it may reach.
        limits: Its bounds. `machine.limits` says which the kernel holds; of the others `machine.watched` are held by a look
            at the processes now and then, and the rest is not.
        program: Program and arguments.
        surroundings: Where it finds itself.
        machine: What `detect` found.
        line_limit: Bytes; a longer line on a pipe is an error of its reader.

    Raises:
        InvalidConfigError: Nothing to start, or a path that cannot be granted.
        SandboxUnavailableError: This machine cannot enforce the level or what is granted.
        ExecutionFailedError: It could not be started.
    """
    machine = machine or detect()
    cgroup, door = None, DoorFrame() if grants.door is not None else None
    try:
        cgroup = Cgroup.create(machine.cgroups, limits) if machine.cgroups.folders else None
        launch = prepare(
            level, grants, limits, program=program, surroundings=surroundings, machine=machine, cgroup=cgroup,
            door=door.guest if door is not None else None,
        )  # fmt: skip
        confined = await _uninterrupted(_spawn(launch, level, line_limit))
    except BaseException as error:
        if cgroup is not None:
            cgroup.remove()
        if door is not None:
            door.close()
        if isinstance(error, OSError):
            raise ExecutionFailedError(f"sandbox: {program[0]} could not be started: {error}") from error
        raise
    if door is not None:
        confined.door = door
        door.handed_over()
    if watched := machine.watched(level):
        confined.watch(limits, watched)
    if cgroup is not None:
        confined.cgroup = cgroup
        await _admit(confined, cgroup)
    return confined


async def _uninterrupted(spawning: Coroutine[None, None, Confined]) -> Confined:
    """Finish what was begun, also when cancelled: asyncio waits for ever on a process that it closes while starting it."""
    task = asyncio.ensure_future(spawning)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task})
        if not task.cancelled() and task.exception() is None:
            await task.result().kill()
        raise


async def _admit(confined: Confined, cgroup: Cgroup) -> None:
    """Put the process in front into the group, beside the start of the launcher, which joins by itself.

    The first to join waits for the whole machine: beginning now saves the launcher some 10 ms of it.
    """
    try:
        await asyncio.to_thread(cgroup.admit, confined.pid)
    except asyncio.CancelledError:
        await confined.kill()
        raise


async def _spawn(launch: Launch, level: Level, line_limit: int) -> Confined:
    """Do what `create_subprocess_exec` does, with a protocol and a transport of our own."""
    loop, pipe = asyncio.get_running_loop(), asyncio.subprocess.PIPE
    try:
        transport, protocol = await loop.subprocess_exec(
            lambda: _Protocol(line_limit, loop),
            *launch.argv, env=launch.env, pass_fds=launch.inherited, start_new_session=True, cwd="/",
            stdin=pipe, stdout=pipe, stderr=pipe,
        )  # fmt: skip
    except OSError:
        launch.close()
        raise
    launch.spawned()
    return Confined(transport, protocol, launch, level)


def _immortal(pids: set[int]) -> ExecutionFailedError:
    return ExecutionFailedError(
        "sandbox: some processes of the program would not die",
        found=f"pids {', '.join(map(str, sorted(pids)))}",
        suggestions=["look for state D: ps -o pid,user,stat,args"],
    )
