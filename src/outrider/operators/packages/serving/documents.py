"""Documents as they are served: made and compressed once, when what they say changes."""

import gzip
import hashlib
from typing import NamedTuple

import zstandard

from outrider.operators.packages.serving.blobs import Blobs

_GZIP_LEVEL, _ZSTD_LEVEL = 6, 3
# Smaller ones fit into one packet as they are.
_LEAST = 512
ENCODINGS = ("zstd", "gzip", "identity")


class Document(NamedTuple):
    """What is to be served.

    Attributes:
        kind: Which of the documents about a package.
        type: The media type.
        content: As it is.
    """

    kind: str
    type: str
    content: bytes


class StoredDocument(NamedTuple):
    """A document that is kept, in each form that it is sent in.

    Attributes:
        digest: Of the content, SHA-256.
        gzip: Of the same compressed; empty where that is not worth it.
        zstd: Likewise.
        made: When its content became what it is, in whole seconds since the epoch; no two contents of a document have the same.
    """

    kind: str
    type: str
    digest: str
    gzip: str
    zstd: str
    made: float = 0.0

    def encodings(self) -> list[str]:
        """Return the encodings that there are, the best one first."""
        return [*ENCODINGS] if self.gzip else ["identity"]


def stored(document: Document, blobs: Blobs, *, durable: bool) -> StoredDocument:
    """Keep a document in all its forms.

    Args:
        document: What is to be served.
        blobs: Where it is kept.
        durable: Whether it must outlive a power cut.

    Raises:
        ExecutionFailedError: It cannot be written.
    """
    content = document.content
    if len(content) < _LEAST:
        digest = blobs.put(content, durable=durable)
        return StoredDocument(document.kind, document.type, digest, "", "")
    # Compressed ones alone are kept: who wants neither is rare, and what they are sent is unpacked once.
    packed = blobs.put(gzip.compress(content, _GZIP_LEVEL, mtime=0), durable=durable)
    packed_better = blobs.put(zstandard.ZstdCompressor(_ZSTD_LEVEL).compress(content), durable=durable)
    digest = hashlib.sha256(content).hexdigest()
    return StoredDocument(document.kind, document.type, digest, packed, packed_better)


def content_of(document: StoredDocument, encoding: str, blobs: Blobs) -> bytes | None:
    """Return a document in an encoding; None where its file is lost."""
    if not document.gzip:
        return blobs.read(document.digest)
    if encoding == "zstd":
        return blobs.read(document.zstd)
    packed = blobs.read(document.gzip)
    return packed if encoding == "gzip" or packed is None else gzip.decompress(packed)
