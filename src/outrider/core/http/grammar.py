"""Lines and field blocks of RFC 9112, read strictly: what two readers could understand differently is refused.

All functions look at `data` from position `at` on and answer from the bytes alone, so that the outcome does not depend on
how the network has cut the stream.
"""

import re

from outrider.core.http.errors import ProtocolError
from outrider.core.http.limits import Limits

TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]"
_FIELD_LINES = re.compile(rb"(?:" + TOKEN + rb"++:[\t -~\x80-\xff]*+\r\n)*+")
_FIELD_LINE = re.compile(TOKEN + rb"++:[\t -~\x80-\xff]*+")
_NAME_THEN_SPACE = re.compile(TOKEN + rb"++[ \t]++:")
LINE_END = 2
INCOMPLETE = -1
TOO_LONG = -2


def line_end(data: bytes, at: int, limit: int) -> int:
    """Return the position of the CRLF that ends the line, or INCOMPLETE or TOO_LONG.

    Raises:
        ProtocolError: The line ends with a bare LF.
    """
    newline = data.find(b"\n", at, at + limit + LINE_END)
    if newline < 0:
        return TOO_LONG if len(data) - at >= limit + LINE_END else INCOMPLETE
    if newline == at or data[newline - 1] != 0x0D:
        raise ProtocolError(400, "a line ends with LF without CR")
    return newline - 1


def fields_end(data: bytes, at: int, limits: Limits) -> int:
    """Return where the empty line after the field lines begins, or INCOMPLETE.

    Raises:
        ProtocolError: A bare LF, or more bytes than allowed.
    """
    if data.startswith(b"\r\n", at):
        return at
    bound = at + limits.header_bytes + LINE_END
    end = data.find(b"\r\n\r\n", at, bound)
    if end >= 0:
        return end + LINE_END
    # A sender of bare LF would otherwise wait for an answer until its time is up.
    seen = data[at:bound]
    if seen.count(b"\n") != seen.count(b"\r\n"):
        raise ProtocolError(400, "a header line ends with LF without CR")
    if len(data) >= bound:
        raise ProtocolError(431, f"the headers are longer than {limits.header_bytes} bytes")
    return INCOMPLETE


def parse_fields(block: bytes, limits: Limits) -> list[tuple[str, str]]:
    """Return names in lower case and values without surrounding white space.

    Args:
        block: Field lines, each with its CRLF.
        limits: Their number is bounded.

    Raises:
        ProtocolError: A line does not follow RFC 9112 section 5, or there are too many.
    """
    if _FIELD_LINES.fullmatch(block) is None:
        raise ProtocolError(400, _fault(block))
    lines = block.decode("latin-1").split("\r\n")
    if len(lines) > limits.header_count + 1:
        raise ProtocolError(431, f"there are more than {limits.header_count} headers")
    lines.pop()
    fields = []
    for line in lines:
        name, _, value = line.partition(":")
        fields.append((name.lower(), value.strip(" \t")))
    return fields


def _fault(block: bytes) -> str:
    for number, line in enumerate(block.split(b"\r\n"), start=1):
        if _FIELD_LINE.fullmatch(line) is None:
            return f"header line {number}: {_fault_of_line(line)}"
    return "the headers do not end with an empty line"


def _fault_of_line(line: bytes) -> str:
    for octet, name in ((b"\0", "NUL"), (b"\n", "LF without CR"), (b"\r", "CR without LF")):
        if octet in line:
            return f"it holds {name}"
    if line[:1] in (b" ", b"\t"):
        return "it continues the line before, which is obsolete (obs-fold)"
    if _NAME_THEN_SPACE.match(line):
        return "there is white space before the colon"
    if b":" not in line:
        return "it has no colon"
    return "its name or value holds a character that is not allowed"
