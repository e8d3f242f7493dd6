"""Streams of events on their way to the client, in case something in them was asked for by the gateway and not by the client."""

import re

import msgspec

from outrider.sidecar.llm.usage import LONGEST_LINE, StreamScanner

# Two ends of lines, each CR, LF or both. Behind a CR at the end of a piece an LF may still come; only where all ends are CRs it is
# not waited for.
_END = re.compile(rb"\r?\n\r?\n|\r\r\n?|\r?\n\r(?=[^\n])")
# Keys of the event that tells the usage; with anything else in it, it is the client's too. The last two are OpenRouter's and llama.cpp's.
_OF_USAGE = frozenset({
    "id", "object", "created", "model", "system_fingerprint", "service_tier", "obfuscation", "choices", "usage", "provider", "timings",
})  # fmt: skip
# Of an end, what may have come before its last byte.
_BEFORE = 3


class WithoutUsage:
    """Takes the one event out of an OpenAI stream that tells its usage and nothing else: code that reads `choices[0]` would break.

    Whole events leave in the turn in which they come; the beginning of one is held until its end is there.
    """

    __slots__ = ("_held", "_returned", "scanner")

    def __init__(self) -> None:
        self._held = bytearray()
        self._returned = False
        self.scanner = StreamScanner()

    def pass_on(self, data: bytes) -> bytes:
        """Return what goes to the client."""
        self.scanner.feed(data)
        self._returned = self._returned or b"\r" in data
        find, held = _ends if self._returned else _plain_ends, self._held
        if not held:
            kept, at = _kept(data, find(data, 0))
            held += data[at:]
        else:
            begin = max(0, len(held) - _BEFORE)
            held += data
            kept, at = _kept(held, find(held, begin))
            del held[:at]
        if len(held) > LONGEST_LINE:  # no usage is that long
            kept.append(self.rest())
        return b"".join(kept)

    def rest(self) -> bytes:
        """Return what was held when the stream ended."""
        rest = bytes(self._held)
        self._held.clear()
        return rest


def _ends(data: bytes | bytearray, begin: int) -> list[int]:
    """Return where events end; before `begin` none does."""
    return [end.end() for end in _END.finditer(data, begin)]


def _plain_ends(data: bytes | bytearray, begin: int) -> list[int]:
    """Return the same of what has no CR in it, as nearly every stream; this is quicker."""
    found = []
    while (begin := data.find(b"\n\n", begin) + 2) > 1:
        found.append(begin)
    return found


def _kept(data: bytes | bytearray, ends: list[int]) -> tuple[list[bytes | bytearray], int]:
    """Return the events that go on, and where the last one ends."""
    kept, at = [], 0
    for end in ends:
        event = data[at:end]
        if b'"usage"' not in event or not _only_usage(event):
            kept.append(event)
        at = end
    return kept, at


def _only_usage(event: bytes | bytearray) -> bool:
    line = event.strip()
    if not line.startswith(b"data:") or b"\n" in line or b"\r" in line:
        return False
    try:
        document = msgspec.json.decode(line[5:])
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return False
    return (
        isinstance(document, dict)
        and document.get("choices") == []
        and isinstance(document.get("usage"), dict)
        and not any(document[key] for key in document.keys() - _OF_USAGE)
    )
