"""Takes out of a stream of events what must not pass: the end of a text is held until it is known not to begin such a thing."""

import re
from typing import Any

import msgspec

from outrider.core.codec import encode
from outrider.sidecar.llm.guard.deltas import deltas
from outrider.sidecar.llm.guard.rules import Rules

# Characters; what is longer and not found before its end passes in part.
HELD = 128
LONGEST_HELD = 64 * 1024
LONGEST_EVENT = 4 * 1024 * 1024
_END = re.compile(rb"\r?\n\r?\n|\r\r")


class _Text:
    """One text of the answer, as far as it is held."""

    __slots__ = ("document", "event", "held", "place")

    def __init__(self, event: list[bytes], document: bytes, place: int) -> None:
        self.held = ""
        # The last event that carried it, to tell the rest in one of the same form, and which piece of it that was.
        self.event, self.document, self.place = event, document, place


class GuardedStream:
    """Passes a stream on without what must not pass.

    Args:
        rules: What that is.
    """

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._rest = b""
        self._texts: dict[object, _Text] = {}

    def feed(self, data: bytes) -> bytes:
        """Return what can be told now."""
        data = self._rest + data
        told, at = [], 0
        for end in _END.finditer(data):
            told.append(self._event(data[at : end.end()]))
            at = end.end()
        self._rest = data[at:]
        if len(self._rest) > LONGEST_EVENT:  # nothing that any dialect sends
            told.append(self._rules.document(self._rest))
            self._rest = b""
        return b"".join(told)

    def end(self) -> bytes:
        """Return what was held."""
        rest, self._rest = self._rest, b""
        return (self._event(rest) if rest else b"") + self._flush()

    def _event(self, event: bytes) -> bytes:
        lines = event.splitlines()
        data = b"\n".join(line[5:].removeprefix(b" ") for line in lines if line.startswith(b"data:"))
        try:
            document: Any = msgspec.json.decode(data) if data else None
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            document = None
        pieces = deltas(document)
        if not pieces:
            quiet = not data or (isinstance(document, dict) and document.get("type") == "ping")
            return (b"" if quiet else self._flush()) + self._rules.document(event)
        others = [line for line in lines if line and not line.startswith(b"data:")]
        for place, piece in enumerate(pieces):
            held = self._texts.setdefault(piece.channel, _Text(others, data, place))
            held.event, held.document, held.place = others, data, place
            held.held += piece.text
            piece.holder[piece.field] = self._passed(held, whole=piece.last)
        return _written(others, document)

    def _passed(self, text: _Text, *, whole: bool) -> str:
        """Return what of a text can be told now, and keep the rest."""
        matches = self._rules.matches(text.held)
        cut = len(text.held) if whole or len(text.held) > LONGEST_HELD else max(0, len(text.held) - HELD)
        for match in matches:
            if match.begin < cut < match.end or (not whole and match.begin < cut and match.end == len(text.held)):
                cut = match.begin
        passed, text.held = text.held[:cut], text.held[cut:]
        return self._rules.taken_out(passed, [match for match in matches if match.end <= cut])

    def _flush(self) -> bytes:
        """Return what is held of all texts, each in an event as its last one was."""
        texts, self._texts = self._texts, {}
        return b"".join(self._told(text) for text in texts.values() if text.held)

    def _told(self, text: _Text) -> bytes:
        document = msgspec.json.decode(text.document)
        for place, piece in enumerate(deltas(document)):
            piece.holder[piece.field] = self._passed(text, whole=True) if place == text.place else ""
        return _written(text.event, document)


def _written(others: list[bytes], document: Any) -> bytes:
    return b"".join(line + b"\n" for line in others) + b"data: " + encode(document) + b"\n\n"
