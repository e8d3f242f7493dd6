"""One cgroup per program: limits, and the end of all that it ever started."""

import contextlib
import errno
import os
import signal
import tempfile
from pathlib import Path
from typing import Self

from outrider.ports.process.guardian import read_stat
from outrider.runtime.sandbox.cgroup_facts import CONTROLLERS, PREFIX, CgroupFacts
from outrider.runtime.sandbox.model import Limits

# The longest one the kernel takes: start-up and short calls then run unthrottled at small shares.
_PERIOD_MICROSECONDS = 1_000_000
# The keeper, or bwrap twice.
OWN_PROCESSES = 2


class Cgroup:
    """One group, with a folder for each controller; on version 2 they are one and the same.

    Attributes:
        folders: Its folders, without repetition.
    """

    def __init__(self, folders: list[Path]) -> None:
        self.folders = folders

    @classmethod
    def create(cls, facts: CgroupFacts, limits: Limits) -> Self:
        """Make a group with these limits, as far as they can be enforced here."""
        bases = list(dict.fromkeys(facts.folders.values()))
        first = Path(tempfile.mkdtemp(prefix=f"{_owner_prefix(os.getpid())}-", dir=bases[0]))
        group = cls([first, *(Path(base) / first.name for base in bases[1:])])
        try:
            for folder in group.folders[1:]:
                folder.mkdir()
            for controller in filter(facts.enforces, CONTROLLERS):
                _limit(Path(facts.folders[controller]) / first.name, facts.version, controller, limits)
        except OSError:
            group.remove()
            raise
        return group

    def open(self) -> list[int]:
        """Return descriptors into which a process writes `0` to join; they work in any namespace."""
        return [os.open(folder / "cgroup.procs", os.O_WRONLY | os.O_CLOEXEC) for folder in self.folders]

    def admit(self, pid: int) -> None:
        """Put a process in; one that has ended, or may not be moved, is left out."""
        for folder in self.folders:
            with contextlib.suppress(OSError):
                (folder / "cgroup.procs").write_text(str(pid), encoding="ascii")

    def pids(self) -> set[int]:
        """Return its processes."""
        found: set[int] = set()
        for folder in self.folders:
            try:
                found |= {int(line) for line in (folder / "cgroup.procs").read_text(encoding="ascii").split()}
            except OSError as error:
                if error.errno not in (errno.ENOENT, errno.ENODEV):
                    raise
        return found

    def kill(self) -> None:
        """Send SIGKILL to all of it, in one step where the kernel has it."""
        for folder in self.folders:
            try:
                (folder / "cgroup.kill").write_text("1", encoding="ascii")
            except OSError:  # version 1, before 5.14, or gone
                continue
        for pid in self.pids():
            try:
                os.kill(pid, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                continue

    def remove(self) -> bool:
        """Remove it, and return whether it is gone; it stays while a process is in it."""
        for folder in self.folders:
            try:
                folder.rmdir()
            except FileNotFoundError:
                continue
            except OSError:
                return False
        return True


def remove_stale(facts: CgroupFacts) -> None:
    """Kill and remove the groups of agents that are gone."""
    names = {
        folder.name
        for base in set(facts.folders.values())
        for folder in Path(base).glob(f"{PREFIX}-{_pid_namespace()}-*")
    }
    for name in names:
        pid, birth = (int(word) for word in name.split("-")[3:5])
        stat = read_stat(pid)
        if stat is None or stat.birth != birth or not stat.alive:
            group = Cgroup([Path(base) / name for base in dict.fromkeys(facts.folders.values())])
            group.kill()
            group.remove()


def _owner_prefix(pid: int) -> str:
    stat = read_stat(pid)
    return f"{PREFIX}-{_pid_namespace()}-{pid}-{stat.birth if stat else 0}"


def _pid_namespace() -> int:
    return Path("/proc/self/ns/pid").stat().st_ino


def settings(controller: str, version: int, limits: Limits) -> dict[str, str]:
    """Return what is written into which files of a group, in this order."""
    quota = max(1000, int(limits.cpu * _PERIOD_MICROSECONDS))
    if controller == "pids":
        return {"pids.max": str(limits.pids + OWN_PROCESSES)}
    if controller == "cpu" and version == 1:
        return {"cpu.cfs_period_us": str(_PERIOD_MICROSECONDS), "cpu.cfs_quota_us": str(quota)}
    if controller == "cpu":
        return {"cpu.max": f"{quota} {_PERIOD_MICROSECONDS}"}
    if version == 1:
        # The second counts swap too, and may not lie below the first.
        return dict.fromkeys(("memory.limit_in_bytes", "memory.memsw.limit_in_bytes"), str(limits.memory))
    return {"memory.max": str(limits.memory), "memory.swap.max": "0"}


def _limit(folder: Path, version: int, controller: str, limits: Limits) -> None:
    for name, value in settings(controller, version, limits).items():
        # Those for swap are absent where there is none.
        if (folder / name).exists():
            _write(folder / name, value)


def _write(path: Path, value: str) -> None:
    try:
        path.write_text(value, encoding="ascii")
    except OSError as error:
        # A share larger than that of the group above is refused; the smaller one above holds.
        if error.errno != errno.EINVAL or "cfs" not in path.name:
            raise
