"""Documents of a compact index as its clients want them: with the MD5 of their text as the tag, their SHA-256, and in part.

https://github.com/rubygems/rubygems/blob/master/bundler/lib/bundler/compact_index_client/updater.rb
"""

import hashlib
import zlib
from base64 import b64encode

from outrider.core.http.headers import Headers
from outrider.core.http.messages import Response
from outrider.operators.packages.serving.answers import Served
from outrider.operators.packages.serving.documents import StoredDocument
from outrider.operators.packages.serving.negotiation import part_of, same_tag

TEXT = "text/plain; charset=utf-8"
_GZIP = 31


class IndexText(Served):
    """A document in one encoding, ready to be sent.

    Args:
        document: Which.
        encoding: That it is in.
        content: In that encoding.
        md5: Of the text itself, whatever the encoding: Bundler compares that with what it has.
    """

    __slots__ = ("_content", "_tag")

    def __init__(self, document: StoredDocument, encoding: str, content: bytes, md5: str) -> None:
        self._tag = f'"{md5}"'
        self._content = content if encoding == "identity" else None
        digest = b64encode(bytes.fromhex(document.digest)).decode()
        further = [("accept-ranges", "bytes"), ("repr-digest", f"sha-256=:{digest}:")]
        # What says the same in other bytes has a weak one.
        etag = self._tag if encoding == "identity" else f"W/{self._tag}"
        super().__init__(document, encoding, content, etag=etag, further=further)

    def response(self, headers: Headers) -> Response:
        """Return the answer to a request with some headers: where it is for what comes behind a known part, that alone."""
        if same_tag(headers.get("if-none-match"), self._tag):
            return self._unchanged
        if self._content is None or headers.get("if-range") not in (None, self._tag):
            return self._response
        size = len(self._content)
        fields = self._response.headers
        try:
            part = part_of(headers.get("range"), size)
        except ValueError:
            return Response(416, fields.joined([("content-range", f"bytes */{size}")]))
        if part is None:
            return self._response
        said = [("content-range", f"bytes {part.begin}-{part.end - 1}/{size}")]
        return Response(206, fields.joined(said), self._content[part.begin : part.end])


def whole(content: bytes, media: str = TEXT) -> IndexText:
    """Return a document as it is, ready to be sent.

    Args:
        content: Of it.
        media: Its media type.
    """
    document = StoredDocument("whole", media, hashlib.sha256(content).hexdigest(), "", "")
    return IndexText(document, "identity", content, hashlib.md5(content, usedforsecurity=False).hexdigest())


class GrowingText:
    """A text that grows at its end, of which no part is hashed or compressed twice.

    Args:
        content: Of the beginning.
    """

    def __init__(self, content: bytes) -> None:
        self.content = b""
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._sha256 = hashlib.sha256()
        self._packer = zlib.compressobj(wbits=_GZIP)
        self._packed = b""
        self._served: dict[str, IndexText] = {}
        self.add(content)

    def add(self, piece: bytes) -> None:
        """Have something more at the end."""
        self.content += piece
        self._md5.update(piece)
        self._sha256.update(piece)
        self._packed += self._packer.compress(piece) + self._packer.flush(zlib.Z_SYNC_FLUSH)
        self._served.clear()

    @property
    def md5(self) -> str:
        """MD5 of it."""
        return self._md5.hexdigest()

    def served(self, encoding: str) -> IndexText:
        """Return it as it is now, as `gzip` or as `identity`."""
        made = self._served.get(encoding)
        if made is None:
            document = StoredDocument("text", TEXT, self._sha256.hexdigest(), "", "")
            content = self.content if encoding == "identity" else self._packed + self._packer.copy().flush()
            made = self._served[encoding] = IndexText(document, encoding, content, self.md5)
        return made
