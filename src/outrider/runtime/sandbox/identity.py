"""The uid that a program of a root agent gets, and the rights it keeps.

A user namespace does not make root harmless: a file that only root may read stays readable through it. So the real uid is
changed, to one that no account has. Files of root that were granted would then be out of reach: for them, and only where it
is needed, the capability to read (or write) past file modes is kept; Landlock and the mounts still say which files.
"""

import os
import stat
import zlib
from collections.abc import Iterable
from pathlib import Path

import msgspec

from outrider.runtime.sandbox.model import Grants, Level

CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_SETGID, CAP_SETUID = 1, 2, 6, 7
# Not used by accounts, containers or systemd's dynamic users (systemd.io/UIDS-GIDS).
_FIRST_UID, _UIDS = 0x7000_0000, 0x0700_0000


class UidRange(msgspec.Struct, frozen=True):
    """Uids that programs may get."""

    first: int
    count: int

    def uid_for(self, work_dir: Path) -> int:
        """Return the owner of the folder if it is in the range, else a uid that depends on the path only."""
        owner = work_dir.stat().st_uid
        if self.first <= owner < self.first + self.count:
            return owner
        return self.first + zlib.crc32(os.fsencode(work_dir.resolve())) % self.count


class Identity(msgspec.Struct, frozen=True):
    """Who a program is; no uid means that it stays who the agent is.

    Attributes:
        uid: Its uid, and gid of the same number.
        capabilities: What it keeps beyond that.
    """

    uid: int | None = None
    capabilities: tuple[int, ...] = ()


def effective_capabilities() -> int:
    """Return the capabilities of this process as a bit mask."""
    for line in Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines():
        if line.startswith("CapEff:"):
            return int(line.split()[1], 16)
    return 0


def uid_range(capabilities: int, uid_map: str) -> UidRange | None:
    """Return the uids that this process may hand out, if any.

    Args:
        capabilities: Its own, as a bit mask.
        uid_map: Text of /proc/self/uid_map (user_namespaces(7)).
    """
    if not capabilities >> CAP_SETUID & 1 or not capabilities >> CAP_SETGID & 1:
        return None
    spans = [(int(first), int(count)) for first, _, count in map(str.split, uid_map.splitlines())]
    if any(first <= _FIRST_UID and first + count >= _FIRST_UID + _UIDS for first, count in spans):
        return UidRange(_FIRST_UID, _UIDS)
    first, count = max(spans, key=lambda span: span[1], default=(0, 0))
    # The lower half belongs to accounts, the last one is nobody.
    return UidRange(first + count // 2, count - count // 2 - 2) if count >= 1024 else None


def identity(
    level: Level, grants: Grants, *, uids: UidRange | None, capabilities: int, work_dir: Path, needed: Iterable[str]
) -> Identity:
    """Return who a program is to be.

    Args:
        level: How it is confined.
        grants: What it may reach.
        uids: What may be handed out, if anything.
        capabilities: Those of the agent, as a bit mask.
        work_dir: Its own folder.
        needed: Paths that it must be able to read.
    """
    if level is Level.NONE or uids is None:
        return Identity()
    uid = uids.uid_for(work_dir)
    # Inside namespaces the folders above a path are made anew.
    climbs = level is not Level.NAMESPACED
    keep = set()
    if grants.read_paths or not all(_open_to_all(path, climbs=climbs) for path in needed):
        keep.add(CAP_DAC_READ_SEARCH)
    if climbs and not _open_to_all(str(work_dir.parent), climbs=True):
        keep.add(CAP_DAC_READ_SEARCH)
    if grants.write_paths or (keep and not capabilities >> CAP_DAC_READ_SEARCH & 1):
        keep.add(CAP_DAC_OVERRIDE)
    return Identity(uid, tuple(number for number in sorted(keep) if capabilities >> number & 1))


def hand_over(work_dir: Path, uid: int) -> None:
    """Give the folder, and what an earlier start left in it, to the uid and to nobody else."""
    if work_dir.stat().st_uid == uid:
        return
    for folder, folders, files in os.walk(work_dir):
        for name in (*folders, *files):
            path = Path(folder, name)
            status = path.lstat()
            # A second name may be that of a file elsewhere.
            if stat.S_ISDIR(status.st_mode) or status.st_nlink == 1:
                os.chown(path, uid, uid, follow_symlinks=False)
    os.chown(work_dir, uid, uid, follow_symlinks=False)
    work_dir.chmod(0o700)


def _open_to_all(path: str, *, climbs: bool) -> bool:
    """Return whether everybody may read the path, and enter the folders above it."""
    mode = Path(path).stat().st_mode
    needed = stat.S_IROTH | stat.S_IXOTH if stat.S_ISDIR(mode) else stat.S_IROTH
    if mode & needed != needed:
        return False
    return not climbs or all(parent.stat().st_mode & stat.S_IXOTH for parent in Path(os.path.realpath(path)).parents)
