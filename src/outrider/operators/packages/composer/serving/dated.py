"""Documents as Composer asks for them again: by the date of the one that it has, and by nothing else.

Class `ComposerRepository` of Composer 2.5.5, method `asyncFetchFile`.
"""

from email.utils import formatdate

from outrider.core.http.headers import Headers
from outrider.core.http.messages import Response
from outrider.operators.packages.serving.answers import Served
from outrider.operators.packages.serving.documents import StoredDocument


class DatedDocument(Served):
    """A document in one encoding, ready to be sent.

    Args:
        document: Which.
        encoding: That it is in.
        content: In that encoding.
    """

    __slots__ = ("_date",)

    def __init__(self, document: StoredDocument, encoding: str, content: bytes) -> None:
        self._date = formatdate(document.made, usegmt=True)
        super().__init__(document, encoding, content, further=[("last-modified", self._date)])

    def response(self, headers: Headers) -> Response:
        """Return the answer to a request with some headers."""
        # Another date, even a later one, is that of something else, such as of a registry that was here before. A tag counts more.
        if headers.get("if-modified-since") == self._date and headers.get("if-none-match") is None:
            return self._unchanged
        return super().response(headers)
