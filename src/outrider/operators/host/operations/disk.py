"""Space and inodes of the mounted file systems."""

import asyncio
import os
import re
from pathlib import Path

import msgspec

from outrider.runtime.context import Context
from outrider.runtime.implementation import Implementation
from outrider.runtime.paths import checked_path

_MOUNTS = Path("/proc/self/mounts")
_ESCAPE = re.compile(r"\\([0-7]{3})")


class DiskParams(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Which file system.

    Attributes:
        path: Absolute path on it; all that have space at all if none is given.
    """

    path: str | None = None


class FileSystem(msgspec.Struct, kw_only=True):
    """One file system; sizes in bytes.

    Attributes:
        path: Where it is mounted, or the path that was asked for.
        device: Empty where a path was asked for.
        free: What ordinary users may still fill.
        percent: Used part of what ordinary users may fill, 0 to 100, as df(1) shows it.
        inodes: How many files it can hold; 0 where it sets no bound.
    """

    path: str
    device: str
    type: str
    size: int
    used: int
    free: int
    percent: float
    inodes: int
    inodes_free: int
    inodes_percent: float


class DiskResult(msgspec.Struct, kw_only=True):
    """The file systems, the fullest first."""

    disks: list[FileSystem]


async def run(params: DiskParams, context: Context) -> DiskResult:
    """Ask the kernel, in a thread: a network file system whose server is gone does not answer.

    Raises:
        NotFoundError: There is no such path.
    """
    del context
    if params.path is not None:
        path = checked_path(params.path)
        return DiskResult(disks=[_measured(str(path), "", "", await asyncio.to_thread(os.statvfs, path))])
    disks = await asyncio.to_thread(_all)
    return DiskResult(disks=sorted(disks, key=lambda disk: -disk.percent))


def _all() -> list[FileSystem]:
    found: dict[int, FileSystem] = {}
    for line in _MOUNTS.read_bytes().decode("utf-8", "surrogateescape").splitlines():
        device, mount, kind = (_unescaped(part) for part in line.split()[:3])
        try:
            space = os.statvfs(mount)
            number = os.stat(mount).st_dev  # noqa: PTH116 - a mount point may have any bytes
        except OSError:  # unmounted meanwhile, or not for this user
            continue
        if space.f_blocks and number not in found:
            found[number] = _measured(mount, device, kind, space)
    return list(found.values())


def _unescaped(text: str) -> str:
    """Undo the octal escapes of blanks in proc_pid_mounts(5)."""
    return _ESCAPE.sub(lambda match: chr(int(match[1], 8)), text)


def _measured(path: str, device: str, kind: str, space: os.statvfs_result) -> FileSystem:
    used = space.f_blocks - space.f_bfree
    inodes_used = space.f_files - space.f_ffree
    return FileSystem(
        path=os.fsencode(path).decode("utf-8", "replace"),
        device=os.fsencode(device).decode("utf-8", "replace"),
        type=kind,
        size=space.f_blocks * space.f_frsize,
        used=used * space.f_frsize,
        free=space.f_bavail * space.f_frsize,
        percent=_percent(used, used + space.f_bavail),
        inodes=space.f_files,
        inodes_free=space.f_favail,
        inodes_percent=_percent(inodes_used, space.f_files),
    )


def _percent(part: int, whole: int) -> float:
    return round(100 * part / whole, 1) if whole else 0.0


OPERATION = Implementation(
    params=DiskParams, result=DiskResult, run=run, target=lambda params: f"disk/{params.path or '*'}"
)
