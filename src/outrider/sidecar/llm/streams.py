"""Streams of events on their way to the client, in case something in them was asked for by the gateway and not by the client."""

import re

import msgspec

from outrider.sidecar.llm.usage import LONGEST_LINE, StreamScanner

_END = re.compile(rb"\r?\n\r?\n")


class WithoutUsage:
    """Takes the one event out of an OpenAI stream that tells its usage and nothing else: code that reads `choices[0]` would break.

    Whole events leave in the turn in which they come; the beginning of one is held until its end is there.
    """

    __slots__ = ("_held", "scanner")

    def __init__(self) -> None:
        self._held = b""
        self.scanner = StreamScanner()

    def pass_on(self, data: bytes) -> bytes:
        """Return what goes to the client."""
        self.scanner.feed(data)
        data = self._held + data
        kept, at = [], 0
        for end in _END.finditer(data):
            event = data[at : end.end()]
            if b'"usage"' not in event or not _only_usage(event):
                kept.append(event)
            at = end.end()
        self._held = data[at:]
        if len(self._held) > LONGEST_LINE:  # no usage is that long
            kept.append(self.rest())
        return b"".join(kept)

    def rest(self) -> bytes:
        """Return what was held when the stream ended."""
        rest, self._held = self._held, b""
        return rest


def _only_usage(event: bytes) -> bool:
    line = event.strip()
    if not line.startswith(b"data:") or b"\n" in line or b'"usage"' not in line:
        return False
    try:
        document = msgspec.json.decode(line[5:])
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return False
    return isinstance(document, dict) and document.get("choices") == [] and isinstance(document.get("usage"), dict)
