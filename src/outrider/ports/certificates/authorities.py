"""Whom to trust in connections to other people's servers."""

import ssl
from functools import lru_cache
from pathlib import Path


def context_for(authorities: Path | None = None) -> ssl.SSLContext:
    """Return the settings of a client; they are shared, and must not be changed.

    A machine's authorities take some 20 ms to read: they are read again only when their file has changed.

    Args:
        authorities: File of those to trust; None for those of the machine.

    Raises:
        OSError: The file cannot be read, or is none of certificates (`ssl.SSLError`).
    """
    machine = ssl.get_default_verify_paths()
    # The paths of the machine are None where nothing is there.
    files = [authorities] if authorities is not None else map(Path, filter(None, (machine.cafile, machine.capath)))
    return _read(authorities, tuple(map(_stamp, files)))


@lru_cache(maxsize=8)
def _read(authorities: Path | None, _stamps: tuple[tuple[int, int, int], ...]) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=authorities)


def _stamp(file: Path) -> tuple[int, int, int]:
    found = file.stat()
    return found.st_ino, found.st_mtime_ns, found.st_size
