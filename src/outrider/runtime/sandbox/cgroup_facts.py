"""What cgroups can limit here; version 1 and 2 (kernel documentation: admin-guide/cgroup-v1, admin-guide/cgroup-v2).

Groups are made below the agent's own one, so that what bounds the agent bounds its programs too. On machines that have both
versions, limits come from version 1, and the group is made in version 2 also, where all of it can be killed in one step.
"""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec

CONTROLLERS = ("memory", "pids", "cpu")
KILL = "kill"
PREFIX = "outrider-host"
# A group that limits its children may hold no processes (the rule of inner processes): the agent moves into this one.
AGENT_LEAF = "outrider-agent"


class CgroupFacts(msgspec.Struct, frozen=True):
    """What can be done here.

    Attributes:
        version: 1 or 2, where the limits come from; 0 if there are none.
        folders: The folder in which groups are made, by controller; `kill` is one of version 2.
        reason: Why something is missing, and what to do about it.
    """

    version: int = 0
    folders: dict[str, str] = {}
    reason: str = ""

    def enforces(self, controller: str) -> bool:
        """Return whether memory, pids or cpu can be limited."""
        return controller in self.folders


def find_cgroups(process: Path = Path("/proc/self")) -> CgroupFacts:
    """Find out by trying where groups can be made below the own one.

    Args:
        process: Folder with `cgroup` and `mountinfo` of this process.
    """
    own = _own_folders(process)
    second = own.pop("", None)
    folders: dict[str, str] = {name: str(folder) for name, folder in own.items() if _can_make(folder)}
    reason = ""
    if second is not None:
        base, enabled, reason = _version_2(second)
        if enabled and not folders:
            return CgroupFacts(2, {**dict.fromkeys(enabled, str(base)), KILL: str(base)}, reason)
        if _can_make(base):
            folders[KILL] = str(base)
    if set(CONTROLLERS) <= set(folders):
        return CgroupFacts(1, folders)
    reason = reason or "run the agent as a systemd service with Delegate=yes, or as root"
    return CgroupFacts(1 if set(folders) - {KILL} else 0, folders, reason)


def _own_folders(process: Path) -> dict[str, Path]:
    """Return the own folder of each controller of version 1 that matters, and of version 2 under the empty name."""
    try:
        mounts = list(_mounts(process / "mountinfo"))
        lines = (process / "cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return {}
    found = {}
    for line in lines:
        _, names, path = line.split(":", 2)
        for name in names.split(","):
            if name and name not in CONTROLLERS:
                continue
            for controllers, root, point in mounts:
                if (name in controllers if name else not controllers) and (path + "/").startswith(
                    root.rstrip("/") + "/"
                ):
                    found[name] = Path(point) / path[len(root.rstrip("/")) :].lstrip("/")
    return found


def _mounts(mountinfo: Path) -> Iterator[tuple[set[str], str, str]]:
    """Return controllers (none for version 2), root and mount point of each hierarchy; proc_pid_mountinfo(5)."""
    for line in mountinfo.read_text(encoding="utf-8").splitlines():
        before, _, after = line.partition(" - ")
        kind, _, options = after.split(" ", 2)
        if kind in ("cgroup", "cgroup2"):
            root, point = before.split(" ")[3:5]
            yield (set(options.split(",")) if kind == "cgroup" else set()), root, point


def _version_2(own: Path) -> tuple[Path, list[str], str]:
    """Return where groups are made, the controllers that work there, and what is wrong."""
    base = own.parent if own.name == AGENT_LEAF else own
    offered = set(_words(base / "cgroup.controllers")) & set(CONTROLLERS)
    missing = offered - set(_words(base / "cgroup.subtree_control"))
    if missing and not _enable(base, missing):
        return base, [], f"{base} is not delegated: run the agent as a systemd service with Delegate=yes"
    return base, sorted(offered) if _can_make(base) else [], ""


def _enable(base: Path, controllers: set[str]) -> bool:
    """Let groups below use controllers; only where the group is the agent's to rearrange."""
    is_root = not (base / "cgroup.events").exists()
    try:
        strangers = {int(word) for word in _words(base / "cgroup.procs")} - {os.getpid()}
        if not is_root:
            if strangers and not _delegated(base):
                return False
            (base / AGENT_LEAF).mkdir(exist_ok=True)
            for pid in _words(base / "cgroup.procs"):
                (base / AGENT_LEAF / "cgroup.procs").write_text(pid, encoding="ascii")
        (base / "cgroup.subtree_control").write_text(
            " ".join(f"+{name}" for name in sorted(controllers)), encoding="ascii"
        )
    except OSError:
        return False
    return True


def _delegated(folder: Path) -> bool:
    """Return whether systemd says that the group is the service's own (systemd.resource-control(5), Delegate=)."""
    for name in ("user.delegate", "trusted.delegate"):
        try:
            if os.getxattr(folder, name) == b"1":
                return True
        except OSError:
            continue
    return False


def _can_make(folder: Path) -> bool:
    try:
        Path(tempfile.mkdtemp(prefix=f"{PREFIX}-try-", dir=folder)).rmdir()
    except OSError:
        return False
    return True


def _words(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="ascii").split()
    except OSError:
        return []
