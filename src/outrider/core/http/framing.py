"""How long a body is, decided in one place for both directions (RFC 9112 section 6.3)."""

from outrider.core.http.bodies import CHUNKED
from outrider.core.http.errors import ProtocolError
from outrider.core.http.headers import Headers

MAX_LENGTH_DIGITS = 18


def declared_length(headers: Headers, minor: int) -> int | None:
    """Return the length that the headers declare: a number of bytes, CHUNKED, or None when they say nothing.

    Both fields at once, or either one twice, are refused even where the values agree: RFC 9112 section 6.3 lets a
    recipient repair them, and each repair is a chance for two readers to disagree about where a message ends.

    Args:
        headers: Fields of the message.
        minor: Minor version of its sender; HTTP/1.0 has no transfer codings.

    Raises:
        ProtocolError: The fields are malformed or contradict each other.
    """
    codings = headers.get_all("transfer-encoding")
    lengths = headers.get_all("content-length")
    if codings:
        if lengths:
            raise ProtocolError(400, "both Content-Length and Transfer-Encoding are given")
        return _chunked(codings, minor)
    if len(lengths) > 1:
        raise ProtocolError(400, "Content-Length is given more than once")
    return _number(lengths[0]) if lengths else None


def _chunked(codings: list[str], minor: int) -> int:
    if minor == 0:
        raise ProtocolError(400, "HTTP/1.0 has no Transfer-Encoding")
    if len(codings) > 1:
        raise ProtocolError(400, "Transfer-Encoding is given more than once")
    if codings[0].lower() != "chunked":
        raise ProtocolError(501, "the only Transfer-Encoding accepted is chunked")
    return CHUNKED


def _number(text: str) -> int:
    # isdigit alone accepts further digits of Latin-1, such as superscripts.
    if not (text.isascii() and text.isdigit() and len(text) <= MAX_LENGTH_DIGITS):
        raise ProtocolError(400, "Content-Length is not a number")
    return int(text)


def closes(headers: Headers, minor: int) -> bool:
    """Return whether the sender wants the connection to end with this exchange. HTTP/1.0 is never kept open."""
    return minor == 0 or ("connection" in headers and "close" in headers.tokens("connection"))
