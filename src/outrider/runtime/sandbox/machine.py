"""What this machine offers for confining programs."""

import os
import shutil
from pathlib import Path

import msgspec

from outrider.runtime.sandbox.cgroup_facts import CgroupFacts, find_cgroups
from outrider.runtime.sandbox.identity import UidRange, effective_capabilities, uid_range
from outrider.runtime.sandbox.landlock import landlock_abi
from outrider.runtime.sandbox.model import Level


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """Facts, each found out by asking the kernel; whether they suffice only the probe says.

    Attributes:
        architecture: As `os.uname().machine` says.
        landlock: Version of Landlock, 0 for none.
        bubblewrap: Path of bwrap, empty if there is none.
        root: Whether this process is root.
        capabilities: Its capabilities, as a bit mask.
        uids: What it may hand out to programs, if anything.
        cgroups: What can be limited.
    """

    architecture: str
    landlock: int
    bubblewrap: str
    root: bool
    capabilities: int
    uids: UidRange | None
    cgroups: CgroupFacts

    def limits(self, level: Level) -> dict[str, bool]:
        """Return which limits the kernel can enforce at a level, by the names of `Limits`."""
        cgroups = self.cgroups
        return {
            "memory": cgroups.enforces("memory"),
            "pids": cgroups.enforces("pids") or self.counts_processes(level),
            "cpu": cgroups.enforces("cpu"),
            "open_files": True,
            "file_size": True,
        }

    def counts_processes(self, level: Level) -> bool:
        """Return whether the kernel counts the processes of a program alone: for its uid, or in its user namespace."""
        if level is Level.NONE:
            return False
        return self.uids is not None or (level is Level.NAMESPACED and not self.root)

    def watched(self, level: Level) -> frozenset[str]:
        """Return which limits are left to a look at the processes now and then."""
        return frozenset(name for name in ("memory", "pids") if not self.limits(level)[name])


def detect(*, landlock: int | None = None, search_path: str | None = None) -> Machine:
    """Look at this machine.

    Args:
        landlock: Version of Landlock if it is known already; finding it out costs memory.
        search_path: Where to look for bwrap, by default PATH.
    """
    capabilities = effective_capabilities()
    return Machine(
        architecture=os.uname().machine,
        landlock=landlock_abi() if landlock is None else landlock,
        bubblewrap=shutil.which("bwrap", path=search_path) or "",
        root=os.geteuid() == 0,
        capabilities=capabilities,
        uids=uid_range(capabilities, Path("/proc/self/uid_map").read_text(encoding="ascii")),
        cgroups=find_cgroups(),
    )
