r"""JSON that stands in a text, as arguments of tools do: there `\n` is no letter, and a match must not tear it apart."""

import re

# Characters of an escape.
_SHORT, _LONG = 2, 6
_UNICODE = re.compile(r"\\u([0-9a-fA-F]{4})")
_ESCAPED = frozenset('nrtbfu"\\/')
_BLANKS = [("\\" + letter, " " * _SHORT) for letter in "nrtbf"] + [('\\"', ' "'), ("\\/", " /")]
# How often JSON is looked for in strings of JSON.
_DEPTH = 3
_PAIR = " \0"


def levels(text: str) -> list[str]:
    """Return a text, what it says where it is JSON, and where that holds JSON; all as long as it, with blanks for escapes."""
    found = [text]
    while "\\" in text and len(found) <= _DEPTH:
        text = text.replace("\\\\", _PAIR)
        for escape, blank in _BLANKS:
            text = text.replace(escape, blank)
        text = _UNICODE.sub(_character, text).replace(_PAIR, " \\")
        found.append(text)
    return found


def around(read: list[str], place: int) -> tuple[int, int]:
    """Return the begin and the end of the escapes in whose middle a place is, of all levels; the place itself where it is in none."""
    begin = end = place
    for text in reversed(read):
        first, last = _escape_at(text, begin), _escape_at(text, end)
        begin = begin if first is None else first[0]
        end = end if last is None else min(last[1], len(text))
    return begin, end


def _escape_at(text: str, place: int) -> tuple[int, int] | None:
    """Return where the escape begins and ends in whose middle a place is; None where it is in none."""
    begin = text.rfind("\\", max(0, place - _LONG + 1), place)
    if begin < 0:
        return None
    before = begin
    while before and text[before - 1] == "\\":
        before -= 1
    if (begin - before) % 2:  # the last of a pair, which stands for itself
        return None
    if text[begin + 1 : begin + 2] not in _ESCAPED:
        return None
    size = _LONG if text.startswith("u", begin + 1) else _SHORT
    return (begin, begin + size) if place < begin + size else None


def _character(match: re.Match[str]) -> str:
    character = chr(int(match[1], 16))
    return " " * (_LONG - 1) + character if " " < character < "\x7f" else " " * _LONG
