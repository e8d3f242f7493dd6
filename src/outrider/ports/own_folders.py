"""Folders that one process has for itself, and that go away with it."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_OWNER_ONLY = 0o700
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@contextmanager
def own_folder(place: Path) -> Iterator[Path]:
    """Have an empty folder that goes away afterwards.

    A process that is killed leaves its folder behind. The next one that has a folder in the same place removes what no living process
    holds: the system lets go of the lock of a folder when its process ends, however it ends.

    Args:
        place: The folder that it is in; it is made where there is none, and holds nothing else.

    Raises:
        OSError: It cannot be made.
    """
    place.mkdir(mode=_OWNER_ONLY, parents=True, exist_ok=True)
    with _opened(place) as door:
        # One at a time: a folder that is made and not yet held would be taken for one that is left.
        fcntl.flock(door, fcntl.LOCK_EX)
        for one in place.iterdir():
            _remove_if_left(one)
        folder = Path(tempfile.mkdtemp(dir=place))
        holder = os.open(folder, _FOLDER)
        fcntl.flock(holder, fcntl.LOCK_EX)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(holder)


def _remove_if_left(folder: Path) -> None:
    with suppress(OSError), _opened(folder) as descriptor:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _opened(folder: Path) -> Iterator[int]:
    """Have a descriptor of a folder; children of this process do not get it, so that none holds the lock after its end."""
    descriptor = os.open(folder, _FOLDER)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
