"""What nobody needs any more: what other registries have and nobody asks for, and blobs that nothing names."""

from typing import NamedTuple

from outrider.operators.packages.serving.store import Store
from outrider.operators.packages.serving.tables import Tables

# What is written down a moment later, such as that of a large bundle, must not be taken for left over.
_SPARED_SECONDS = 3600.0


class Leftovers(NamedTuple):
    """What goes, or would go.

    Attributes:
        packages: Of other registries, each its ecosystem and name.
        files: Of other registries, each its ecosystem, name and file.
        blobs: That nothing names, with their sizes in bytes.
        spared: Bytes of such that stay for now, as they are too young.
    """

    packages: list[tuple[str, str]]
    files: list[tuple[str, str, str]]
    blobs: dict[str, int]
    spared: int

    @property
    def size(self) -> int:
        """How many bytes that frees."""
        return sum(self.blobs.values())


class _OnlyLooked(Exception):  # noqa: N818 - it takes back what was tried
    def __init__(self, found: Leftovers) -> None:
        super().__init__()
        self.found = found


async def clean(store: Store, unused: float, now: float, *, dry: bool = False) -> Leftovers:
    """Remove what nobody needs, and return it.

    Args:
        store: Where it is.
        unused: For how many seconds nobody must have asked for something.
        now: Seconds since the epoch.
        dry: Leave it, and return what would go.

    Raises:
        ExecutionFailedError: It cannot be removed.
    """

    def work(tables: Tables) -> Leftovers:
        before = now - unused
        files, packages = tables.unused_files(before), tables.unused_packages(before)
        for package in packages:
            tables.forget_package(*package)
        for file in files:
            tables.forget_file(*file)
        named, old = tables.blobs(), now - _SPARED_SECONDS
        unnamed = {digest: one for digest, one in store.blobs.all().items() if digest not in named}
        blobs = {digest: size for digest, (size, changed) in unnamed.items() if changed < old}
        spared = sum(size for size, changed in unnamed.values() if changed >= old)
        found = Leftovers(packages, files, blobs, spared)
        if dry:
            raise _OnlyLooked(found)
        return found

    try:
        found = await store.write(work)
    except _OnlyLooked as looked:
        return looked.found
    for digest in found.blobs:
        store.blobs.remove(digest)
    store.blobs.remove_unfinished(now - _SPARED_SECONDS)
    return found
