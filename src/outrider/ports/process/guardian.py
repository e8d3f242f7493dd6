"""Runs one command and sees to it that nothing of it outlives its owner.

    python -I -S guardian.py --lifeline FD -- COMMAND...

The guardian makes itself the reaper of all its descendants (PR_SET_CHILD_SUBREAPER), so that none can leave its tree, neither
by setsid nor by a double fork. SIGTERM and SIGINT are passed on to the command. When the lifeline, a pipe whose write end
only the owner holds, reaches its end, or the command ends, every descendant is killed; then the guardian ends as the
command did. The command finds in OUTRIDER_LIFELINE a descriptor that reaches its end when the guardian dies.

This file also runs without the package and without site-packages: standard library only, and little of it.
"""

import os
import select
import signal
import sys
import time

LIFELINE_VARIABLE = "OUTRIDER_LIFELINE"
_PR_SET_CHILD_SUBREAPER = 36
_PASSED_ON = (signal.SIGTERM, signal.SIGINT)
_KILL_TIMEOUT = 10.0
_POLL_INTERVAL = 0.005
_MANY_LOOKS = 20
_NOT_STARTED = 127


class Stat:
    """Facts of one process, from a line of /proc/PID/stat (proc_pid_stat(5)).

    `birth` and `cpu` are in clock ticks, `rss` in pages. `birth` counts from the start of the machine: with the pid it names
    one process for ever.
    """

    __slots__ = ("birth", "cpu", "group", "name", "pid", "ppid", "rss", "session", "state", "threads")

    def __init__(self, line: str) -> None:
        head, _, tail = line.rpartition(")")  # the name may hold blanks and parentheses
        pid, _, self.name = head.partition(" (")
        fields = tail.split()
        self.pid = int(pid)
        self.state = fields[0]
        self.ppid, self.group, self.session = int(fields[1]), int(fields[2]), int(fields[3])
        self.cpu = int(fields[11]) + int(fields[12])
        self.threads, self.birth, self.rss = int(fields[17]), int(fields[19]), int(fields[21])

    @property
    def alive(self) -> bool:
        """Whether anything of it still runs; a zombie whose other threads run on is alive."""
        return self.state not in "ZX" or self.threads > 1


def read_stat(pid: int) -> Stat | None:
    """Return the facts of a process, or nothing if there is none."""
    try:
        with open(f"/proc/{pid}/stat", "rb", buffering=0) as file:  # noqa: PTH123 - pathlib is too heavy for the guardian
            return Stat(file.read(4096).decode("utf-8", "replace"))
    except (FileNotFoundError, ProcessLookupError):
        return None


def all_stats() -> list[Stat]:
    """Return the facts of every process, the youngest first: those are the first to be gone again."""
    pids = sorted((int(entry) for entry in os.listdir("/proc") if entry.isdigit()), reverse=True)  # noqa: PTH208 - as above
    return [stat for stat in map(read_stat, pids) if stat is not None]


def tree(root: int, birth: int | None) -> list[Stat]:
    """Return the living processes of a tree, without this process.

    Members are the root, their children, and whoever is in a session that a member leads: a pid is not given out again as
    long as a session bears it. A process that has the pid of the root and another birth is a stranger, and nothing of the
    tree is left that could be known.
    """
    stats = all_stats()
    if any(stat.pid == root and stat.birth != birth for stat in stats):
        return []
    members = {root}
    size = 0
    while size != len(members):
        size = len(members)
        members.update(stat.pid for stat in stats if stat.ppid in members or stat.session in members)
    members -= {os.getpid(), 1}
    return [stat for stat in stats if stat.pid in members and stat.alive]


def kill_tree(root: int, birth: int | None, *, timeout: float = _KILL_TIMEOUT) -> list[int]:
    """Kill a tree until none of it is left, and return the pids that would not die within the timeout (seconds).

    All are stopped before any is killed: a stopped process neither forks nor loses its parent, so none gets away. One that
    forks and ends all the time can be missed by one look, so none is left only when nobody forked meanwhile, or when many
    looks in a row found none.
    """
    outer = _outer_session(root)
    end = time.monotonic() + timeout
    misses = 0
    while True:
        _stop_all(root, birth, outer, end)
        before = _last_pid()
        members = tree(root, birth)
        _signal_all(members, outer, signal.SIGKILL)
        misses = 0 if members else misses + 1
        if misses and (before == _last_pid() or misses == _MANY_LOOKS):
            return []
        if time.monotonic() > end:
            return [stat.pid for stat in members]
        if members:
            time.sleep(_POLL_INTERVAL)


def _outer_session(root: int) -> int:
    """Return the session that the root shares with processes outside of the tree; 0 if it leads its own."""
    stat = read_stat(root)
    return 0 if stat is None or stat.session == root else stat.session


def _stop_all(root: int, birth: int | None, outer: int, end: float) -> None:
    stopped: set[int] = set()
    while time.monotonic() < end:
        new = [stat for stat in tree(root, birth) if stat.pid not in stopped]
        if not new:
            return
        _signal_all(new, outer, signal.SIGSTOP)
        stopped.update(stat.pid for stat in new)


def _signal_all(stats: list[Stat], outer: int, number: int) -> None:
    """Signal processes of a tree, by whole groups where that is safe: for a group the kernel does it in one step.

    A session is inherited or made, never joined; so in any other session than the outer one all belong to the tree.
    """
    for group in {stat.group for stat in stats if stat.session != outer}:
        _signal_group(group, number)
    for stat in stats:
        if stat.session == outer:
            _signal(stat.pid, number)


def _signal_group(group: int, number: int) -> None:
    try:
        if group not in (0, os.getpgrp()):
            os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return


def _last_pid() -> bytes:
    """Return the pid that was given out last (proc_loadavg(5)); it changes with every fork."""
    with open("/proc/loadavg", "rb", buffering=0) as file:  # noqa: PTH123 - as above
        return file.read(100).split()[-1]


def _signal(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except (ProcessLookupError, PermissionError):
        return


class _Guardian:
    """The running guardian: one command, its lifeline, and a pipe that says which signals came."""

    def __init__(self, lifeline: int) -> None:
        self._lifeline = lifeline
        self._signals, signals_in = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        signal.set_wakeup_fd(signals_in, warn_on_full_buffer=False)
        for number in (*_PASSED_ON, signal.SIGCHLD):
            signal.signal(number, _note)
        self._keep = {2, lifeline, self._signals, signals_in}

    def run(self, command: list[str]) -> int:
        """Run the command and return its wait status; SIGKILL if the owner died first."""
        signal.pthread_sigmask(signal.SIG_BLOCK, _PASSED_ON)
        child_lifeline, own_end = os.pipe()
        child = os.fork()
        if child == 0:
            _execute(command, child_lifeline)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _PASSED_ON)
        self._close_all_but(own_end)
        status = self._watch(child)
        self._kill_all()
        return status

    def _kill_all(self) -> None:
        """Kill the children until the kernel says that there is none: whoever loses his parent becomes one."""
        end = time.monotonic() + _KILL_TIMEOUT
        before: list[int] = []
        while self._has_children():
            children = _children()
            for pid in children:
                _kill_with_group(pid)
            if time.monotonic() > end:
                sys.stderr.write(f"guardian: would not die: {' '.join(map(str, children))}\n")
                return
            if children == before:
                time.sleep(_POLL_INTERVAL)
            before = children

    def _has_children(self) -> bool:
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return False
        return True

    def _close_all_but(self, own_end: int) -> None:
        """Keep no pipe of the command open, or its peers would not see it end."""
        for entry in os.listdir("/proc/self/fd"):  # noqa: PTH208 - as above
            if int(entry) not in self._keep | {own_end}:
                try:
                    os.close(int(entry))
                except OSError:  # the descriptor of the listing itself
                    continue

    def _watch(self, child: int) -> int:
        poll = select.poll()
        poll.register(self._lifeline, 0)
        poll.register(self._signals, select.POLLIN)
        while True:
            ready = [descriptor for descriptor, _ in poll.poll()]
            if self._lifeline in ready:
                return signal.SIGKILL
            for number in os.read(self._signals, 64):
                if number != signal.SIGCHLD:
                    _signal(child, number)
            status = self._reap(child)
            if status is not None:
                return status

    def _reap(self, child: int) -> int | None:
        """Reap who has died, adopted orphans too; return the command's wait status if it was among them."""
        ended = None
        try:
            while (found := os.waitpid(-1, os.WNOHANG))[0]:
                if found[0] == child:
                    ended = found[1]
        except ChildProcessError:
            return ended
        return ended


def _children() -> list[int]:
    this = os.getpid()
    try:
        with open(f"/proc/{this}/task/{this}/children", "rb", buffering=0) as file:  # noqa: PTH123 - as above
            return [int(pid) for pid in file.read(65536).rpartition(b" ")[0].split()]  # the last number may be cut
    except FileNotFoundError:  # a kernel without CONFIG_PROC_CHILDREN
        return [stat.pid for stat in all_stats() if stat.ppid == this]


def _kill_with_group(pid: int) -> None:
    try:
        _signal_group(os.getpgid(pid), signal.SIGKILL)
    except ProcessLookupError:
        return


def _note(number: int, frame: object) -> None:
    """Let the wake-up descriptor tell; a handler must exist for that."""


def _execute(command: list[str], lifeline: int) -> None:
    """Become the command, in a session of its own, with the signal handling of a fresh process."""
    try:
        os.setsid()
        signal.set_wakeup_fd(-1)
        # A shell that started us in the background, or nohup, may have had signals ignored, which exec would hand on.
        for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _PASSED_ON)
        os.set_inheritable(lifeline, True)
        os.environ[LIFELINE_VARIABLE] = str(lifeline)
        os.execvp(command[0], command)  # noqa: S606 - no shell is the point
    except OSError as error:
        sys.stderr.write(f"guardian: cannot run {command[0]}: {error.strerror}\n")
    os._exit(_NOT_STARTED)


def _become_subreaper() -> None:
    import ctypes  # noqa: PLC0415 - the package imports this file too, and needs no ctypes

    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")


def _end_as(status: int) -> None:
    """End with the exit code or by the signal of a wait status, without a core dump of the guardian."""
    code = os.waitstatus_to_exitcode(status)
    if code < 0:
        import resource  # noqa: PLC0415 - only here

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if -code != signal.SIGKILL:
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(code)


def main(arguments: list[str]) -> None:
    """Run as a program; see the top of this file."""
    if len(arguments) < 4 or arguments[0] != "--lifeline" or not arguments[1].isdigit() or arguments[2] != "--":
        sys.stderr.write("usage: guardian.py --lifeline FD -- COMMAND [ARGUMENT...]\n")
        sys.exit(2)
    lifeline = int(arguments[1])
    os.set_inheritable(lifeline, False)
    _become_subreaper()
    _end_as(_Guardian(lifeline).run(arguments[3:]))


if __name__ == "__main__":
    main(sys.argv[1:])
