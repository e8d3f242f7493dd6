"""Checksums of files that are kept here, each made once as long as the registry runs."""

import asyncio
import hashlib

from outrider.core.errors import NotFoundError
from outrider.core.remembered import Remembered
from outrider.operators.packages.serving.blobs import Blobs

_MOST_REMEMBERED = 20_000


class Checksums:
    """Makes checksums.

    Args:
        blobs: Has the files.
    """

    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs
        self._known = Remembered[tuple[str, str], bytes](_MOST_REMEMBERED)

    async def of(self, digest: str, algorithm: str) -> bytes:
        """Return a checksum as it stands in its file.

        Args:
            digest: SHA-256 of the file.
            algorithm: Which checksum.

        Raises:
            NotFoundError: The file is lost.
        """
        if algorithm == "sha256":
            return digest.encode()
        key = (digest, algorithm)
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = await asyncio.to_thread(self._made, digest, algorithm)
        return known

    def _made(self, digest: str, algorithm: str) -> bytes:
        try:
            with self._blobs.path(digest).open("rb") as file:
                return hashlib.file_digest(file, algorithm).hexdigest().encode()
        except FileNotFoundError:
            raise NotFoundError("maven: the file is lost", found=digest, suggestions=["ask for it again"]) from None
