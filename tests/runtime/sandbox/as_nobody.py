"""Becomes nobody, who may reach the given folders wherever they lie, and runs a command; for root.

    HOME=FOLDER python as_nobody.py FOLDER... -- COMMAND...

In a mount namespace of its own every closed folder on the way to one of them is covered by an open one; HOME serves for that.
"""

import ctypes
import os
import stat
import sys
import tempfile
from pathlib import Path

_CLONE_NEWNS = 0x20000
_MS_BIND, _MS_REC, _MS_PRIVATE = 0x1000, 0x4000, 0x40000
NOBODY = 65534


def _mount(source: str, target: Path, kind: str, flags: int, data: str = "") -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    words = (source.encode(), os.fsencode(target), kind.encode(), ctypes.c_ulong(flags), data.encode())
    if libc.mount(*words) != 0:
        raise OSError(ctypes.get_errno(), f"mount on {target}")


def _closed(folder: Path) -> Path | None:
    """Return the uppermost folder on the way that nobody may not enter."""
    way = [*reversed(folder.parents), folder]
    return next((part for part in way if not part.stat().st_mode & stat.S_IXOTH), None)


def open_ways(folders: list[Path]) -> None:
    """Make the folders reachable in a mount namespace of this process."""
    if ctypes.CDLL(None, use_errno=True).unshare(_CLONE_NEWNS) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    _mount("none", Path("/"), "none", _MS_REC | _MS_PRIVATE)
    behind = {folder: closed for folder in folders if (closed := _closed(folder)) is not None}
    staged = {}
    for folder in behind:
        staged[folder] = Path(tempfile.mkdtemp(prefix="outrider-stage-", dir=os.environ["HOME"]))
        _mount(str(folder), staged[folder], "none", _MS_BIND)
    for closed in set(behind.values()):
        _mount("none", closed, "tmpfs", 0, "mode=755")
    for folder, stage in staged.items():
        folder.mkdir(parents=True, exist_ok=True)
        _mount(str(stage), folder, "none", _MS_BIND)


def main(arguments: list[str]) -> None:
    """Run as a program; see the top of this file."""
    end = arguments.index("--")
    open_ways([Path(word) for word in arguments[:end]])
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)
    os.execv(arguments[end + 1], arguments[end + 1 :])


if __name__ == "__main__":
    main(sys.argv[1:])
