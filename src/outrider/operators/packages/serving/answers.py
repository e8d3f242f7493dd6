"""Answers of the registry: documents in the encoding that a client likes best, and files, whole or in part."""

from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path

from outrider.core.errors import DeniedError, OutriderError
from outrider.core.http.headers import Headers
from outrider.core.http.messages import Request, Response
from outrider.operators.packages.registries.answers import RegistryLoginError
from outrider.operators.packages.serving.blobs import Blobs
from outrider.operators.packages.serving.documents import StoredDocument
from outrider.operators.packages.serving.downloading import Download, file_pieces
from outrider.operators.packages.serving.negotiation import part_of, same_tag

# So long a client may use what it has without asking; then it asks, and is told in a few bytes that nothing has changed.
_FRESH = "max-age=60, stale-while-revalidate=300"
_FOREVER = "max-age=31536000, immutable"
_WHOLE = 1 << 20


class Served:
    """A document in one encoding, ready to be sent.

    Args:
        document: Which.
        encoding: That it is in.
        content: In that encoding.
        etag: Where its clients demand one of their own.
        further: Further fields of the answer.
    """

    __slots__ = ("_response", "_unchanged", "etag", "size")

    def __init__(
        self,
        document: StoredDocument,
        encoding: str,
        content: bytes,
        *,
        etag: str = "",
        further: Sequence[tuple[str, str]] = (),
    ) -> None:
        # Two encodings of one document are two things to a cache (RFC 9110, 8.8.3.3).
        self.etag = etag or f'"{document.digest[:32]}{"" if encoding == "identity" else f"-{encoding}"}"'
        shared = [("cache-control", _FRESH), ("vary", "accept, accept-encoding, authorization")]
        fields = [("etag", self.etag), *shared, *further]
        self._unchanged = Response(304, Headers(fields))
        coding = [] if encoding == "identity" else [("content-encoding", encoding)]
        self._response = Response(200, Headers([("content-type", document.type), *coding, *fields]), content)
        self.size = len(content)

    def response(self, headers: Headers) -> Response:
        """Return the answer to a request with some headers."""
        return self._unchanged if same_tag(headers.get("if-none-match"), self.etag) else self._response


def file_response(request: Request, path: Path, digest: str, size: int, media: str) -> Response:
    """Return a file, or the part of it that a client wants.

    Args:
        request: What the client asks.
        path: Where the file is.
        digest: SHA-256 of it.
        size: In bytes.
        media: Its media type.
    """
    etag = f'"{digest[:32]}"'
    fields = [("content-type", media), ("etag", etag), ("cache-control", _FOREVER), ("accept-ranges", "bytes")]
    headers = request.headers
    if same_tag(headers.get("if-none-match"), etag):
        return Response(304, Headers(fields))
    condition = headers.get("if-range")
    try:
        # Only for GET there are parts (RFC 9110, 14.2).
        wanted = headers.get("range") if request.method == "GET" and condition in (None, etag) else None
        part = part_of(wanted, size)
    except ValueError:
        return Response(416, Headers([*fields, ("content-range", f"bytes */{size}")]))
    begin, end = part if part is not None else (0, size)
    if part is not None:
        fields.append(("content-range", f"bytes {begin}-{end - 1}/{size}"))
    fields.append(("content-length", str(end - begin)))
    status = 200 if part is None else 206
    if request.method == "HEAD":
        return Response(status, Headers(fields))
    pieces = file_pieces(path, begin, end)
    if end - begin <= _WHOLE:
        return Response(status, Headers(fields), b"".join(pieces))
    return Response(status, Headers(fields), _one_by_one(pieces))


async def download_response(request: Request, download: Download, blobs: Blobs, media: str) -> Response:
    """Return a file that is being fetched: at once where it is small, else while it comes.

    Raises:
        OutriderError: It cannot be had.
    """
    digest = await (download.begun() if request.headers.get("range") is None else download.done())
    if digest:
        return file_response(request, blobs.path(digest), digest, download.size, media)
    return Response(200, Headers([("content-type", media), ("cache-control", "no-store")]), download.pieces())


async def _one_by_one(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


def message_of(error: OutriderError) -> str:
    """Return what is wrong, with the remedy."""
    remedy = f" ({'; '.join(error.suggestions)})" if error.suggestions else ""
    return f"{error.message}{remedy}"


def for_visitors(error: OutriderError) -> OutriderError:
    """Return the error for those who visit us: a login that another registry wants of us is nothing that they could show."""
    if not isinstance(error, RegistryLoginError):
        return error
    return DeniedError(
        f"{error.message}: this registry has asked there", found=error.found, expected=error.expected,
        suggestions=["tell whoever runs this registry", *error.suggestions],
    )  # fmt: skip
