from functools import lru_cache
from pathlib import Path

import msgspec

from outrider.core.mutual_tls import IdentityFiles


class Place(msgspec.Struct, kw_only=True, frozen=True):
    """What only the place knows in which an agent runs.

    Attributes:
        address: `host:port` at which the program reaches its sidecar.
        listen: `host:port` at which the sidecar listens.
        shared: Folder with what init puts before the program.
        work: The program's own folder, which it may write.
        state: The sidecar's own folder.
        key: File with the key that the program calls with.
        folder: Where relative paths of the object begin.
        identity: The certificate that the place gives the agent, which its object may replace.
        operations: Unix socket of the server of operations.
        asks: Whether who runs operations also asks those who must approve them, so that the sidecar need not.
        offline: Whether a script answers in place of the providers.
    """

    address: str
    listen: str
    shared: Path
    work: Path
    state: Path
    key: Path
    folder: Path
    identity: IdentityFiles | None = None
    operations: Path | None = None
    asks: bool = False
    offline: bool = False


@lru_cache(maxsize=256)
def inside(folder: Path, name: str) -> Path:
    """Return what has a fixed name in a folder of a place: pods have the same folders, and paths cost much to join."""
    return folder / name
