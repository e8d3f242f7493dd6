"""The process table, from /proc: facts, signals that cannot hit a stranger, and whole trees killed."""

import asyncio
import os
import pwd
import signal
import time
from pathlib import Path

import msgspec

from outrider.core.errors import DeniedError, ExecutionFailedError, NotFoundError, UnsupportedError
from outrider.ports.process import guardian

_KILL_TIMEOUT = 5.0
_PROC = Path("/proc")


class ProcessInfo(msgspec.Struct, frozen=True):
    """Facts of one process.

    Attributes:
        argv: Empty for threads of the kernel and for zombies.
        state: One letter of proc_pid_stat(5): R, S, D, Z, T, ...
        rss: Resident memory in bytes.
        cpu_seconds: User and system time.
        started: Wall time, seconds since the epoch; it moves when somebody sets the clock.
        birth: Ticks from the machine's start to the start of the process; never changes, and tells it from a later
            process with the same pid.
        user: Name of its user, the number where there is no name.
    """

    pid: int
    ppid: int
    name: str
    argv: list[str]
    state: str
    rss: int
    cpu_seconds: float
    started: float
    birth: int
    user: str


class _Units:
    """What turns numbers of the kernel into ours; read once per listing."""

    def __init__(self) -> None:
        self.tick = 1 / os.sysconf("SC_CLK_TCK")
        self.page = os.sysconf("SC_PAGE_SIZE")
        self.boot = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)
        self._users: dict[int, str] = {}

    def user(self, uid: int) -> str:
        if uid not in self._users:
            try:
                self._users[uid] = pwd.getpwuid(uid).pw_name
            except KeyError:
                self._users[uid] = str(uid)
        return self._users[uid]


def list_processes() -> list[ProcessInfo]:
    """Return the facts of every process that this user may see, by pid.

    Raises:
        UnsupportedError: There is no /proc.
    """
    units = _Units()
    try:
        found = [_facts(stat, units) for stat in guardian.all_stats()]
    except FileNotFoundError as error:
        raise UnsupportedError("this system has no /proc", expected="Linux") from error
    return sorted((info for info in found if info is not None), key=lambda info: info.pid)


def process(pid: int, *, birth: int | None = None) -> ProcessInfo:
    """Return the facts of one process.

    Args:
        pid: Its number.
        birth: As `ProcessInfo.birth`; a process that has the number now and was born at another time is not it.

    Raises:
        NotFoundError: There is none.
    """
    stat = guardian.read_stat(pid)
    info = _facts(stat, _Units()) if stat is not None and birth in (None, stat.birth) else None
    if info is None:
        raise _gone(pid)
    return info


def send_signal(pid: int, number: signal.Signals, *, birth: int) -> None:
    """Send a signal to this very process, never to a later one with the same pid.

    Raises:
        NotFoundError: It is gone.
        DeniedError: It belongs to another user.
    """
    try:
        handle = os.pidfd_open(pid)
        try:
            process(pid, birth=birth)  # the handle is open: from here on it means the same process
            signal.pidfd_send_signal(handle, number)
        finally:
            os.close(handle)
    except ProcessLookupError as error:
        raise _gone(pid) from error
    except PermissionError as error:
        raise DeniedError(
            f"process {pid} may not be signalled", found=f"pid {pid}", expected="a process of the same user"
        ) from error


async def kill_tree(pid: int, *, birth: int | None = None, timeout: float = _KILL_TIMEOUT) -> None:
    """Kill a process and all its descendants, those that called setsid too, until none is left.

    A descendant whose parents all ended before the call is found only by its session or process group; where that is not
    enough, start the program with `spawn_guarded`.

    Args:
        pid: Root of the tree; gone already is no error.
        birth: As `ProcessInfo.birth`; by default that of the process that has the pid now.
        timeout: Seconds.

    Raises:
        ExecutionFailedError: Some are still there after the timeout; it names them.
    """
    if birth is None:
        stat = guardian.read_stat(pid)
        birth = stat.birth if stat else None
    left = await asyncio.to_thread(guardian.kill_tree, pid, birth, timeout=timeout)
    if left:
        raise ExecutionFailedError(
            f"of the tree of process {pid} some would not die within {timeout:g} s",
            found=f"pids {', '.join(map(str, left))}",
            suggestions=["look for processes of other users or in state D: ps -o pid,user,stat,args"],
        )


def _facts(stat: guardian.Stat, units: _Units) -> ProcessInfo | None:
    folder = _PROC / str(stat.pid)
    try:
        argv = (folder / "cmdline").read_bytes()
        user = units.user(folder.stat().st_uid)
    except (FileNotFoundError, ProcessLookupError):
        return None
    return ProcessInfo(
        pid=stat.pid,
        ppid=stat.ppid,
        name=stat.name,
        argv=[part.decode("utf-8", "replace") for part in argv.rstrip(b"\0").split(b"\0")] if argv else [],
        state=stat.state,
        rss=stat.rss * units.page,
        cpu_seconds=stat.cpu * units.tick,
        started=units.boot + stat.birth * units.tick,
        birth=stat.birth,
        user=user,
    )


def _gone(pid: int) -> NotFoundError:
    return NotFoundError(
        f"there is no process {pid} any more", found=f"pid {pid}", suggestions=["list the processes again"]
    )
