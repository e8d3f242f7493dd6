"""Takes out of a stream of events what must not pass: the end of a text is held until it is known not to begin such a thing."""

import re
from typing import Any

import msgspec

from outrider.core.codec import encode
from outrider.sidecar.llm.guard.deltas import Delta, Path, alone, deltas, is_idle
from outrider.sidecar.llm.guard.escapes import around, levels
from outrider.sidecar.llm.guard.rules import Rules, first_and_longest

# Characters; what is longer and not found before its end passes in part.
HELD = 128
LONGEST_HELD = 16 * 1024
LONGEST_EVENT = 16 * 1024 * 1024
# Strings that stand in each event, such as its id, are looked at once.
MOST_KNOWN, LONGEST_KNOWN = 256, 100
_DEEPEST = 50
_END = re.compile(rb"\r?\n\r?\n|\r\r")
_LONGEST_END = 4


class _Text:
    """One text of the answer, as far as it is held."""

    __slots__ = ("answer", "document", "event", "held", "path")

    def __init__(self, answer: object) -> None:
        self.answer, self.held = answer, ""
        # The last event that carried it, to tell the rest in one of the same form, and where it stood there.
        self.event: list[bytes] = []
        self.document = b""
        self.path: Path = ()


class GuardedStream:
    """Passes a stream on without what must not pass.

    Args:
        rules: What that is.

    Attributes:
        problem: Why it cannot go on; else empty.
    """

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._rest = bytearray()
        self._texts: dict[object, _Text] = {}
        self._known: set[str] = set()
        self.problem = ""

    def feed(self, data: bytes) -> bytes:
        """Return what can be told now."""
        if self.problem:
            return b""
        begin = max(0, len(self._rest) - _LONGEST_END + 1)
        self._rest += data
        told, at = [], 0
        for end in _END.finditer(self._rest, begin):
            told.append(self._event(bytes(self._rest[at : end.end()])))
            at = end.end()
        self._rest = self._rest[at:]
        if len(self._rest) > LONGEST_EVENT:
            self.problem = f"an event is longer than {LONGEST_EVENT} bytes, and cannot be guarded"
        return b"".join(told)

    def end(self) -> bytes:
        """Return what was held of a stream that is whole."""
        rest, self._rest = bytes(self._rest), bytearray()
        return (self._event(rest) if rest else b"") + self.held()

    def held(self) -> bytes:
        """Return what is held of all texts, each in an event as its last one was; what has come of an event is left out."""
        texts, self._texts = self._texts, {}
        return b"".join(self._told(text) for text in texts.values())

    def _event(self, event: bytes) -> bytes:
        lines = event.splitlines()
        data = b"\n".join(line[5:].removeprefix(b" ") for line in lines if line.startswith(b"data:"))
        try:
            document: Any = msgspec.json.decode(data) if data else None
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            document = None
        pieces = deltas(document)
        if not pieces:
            quiet = not data or is_idle(document)
            passed = self._rules.document(event) if document is None else self._rules.strings(event)
            return (b"" if quiet else self.held()) + passed
        others = [line for line in lines if line and not line.startswith(b"data:")]
        told, said = self._ends_of_others(pieces), [piece.text for piece in pieces]
        for piece in pieces:
            piece.say("")
        self._look(document, 0)  # at what is no piece, and comes whole
        for piece, text in zip(pieces, said, strict=True):
            held = self._texts.setdefault(piece.channel, _Text(piece.answer))
            held.event, held.document, held.path = others, data, piece.path
            held.held += text
            piece.say(self._passed(held, whole=piece.last))
        return told + _written(others, document)

    def _ends_of_others(self, pieces: list[Delta]) -> bytes:
        """Return what is held of texts that have come to their end, as another one of their answer begins, or all of it ends.

        Clients take what is told of a text behind the beginning of the next one for a part of that, or do not take it.
        """
        here = {piece.channel for piece in pieces}
        ended = {piece.answer for piece in pieces if piece.last or piece.channel not in self._texts}
        return b"".join(
            self._told(text) for channel, text in self._texts.items() if channel not in here and text.answer in ended
        )

    def _look(self, node: Any, depth: int) -> None:
        """Take out of all strings of an event what must not pass."""
        if depth > _DEEPEST:  # nothing that any dialect sends
            node.clear()
            return
        for name, value in node.items() if isinstance(node, dict) else enumerate(node):
            if isinstance(value, str):
                node[name] = self._clean(value)
            elif isinstance(value, dict | list):
                self._look(value, depth + 1)

    def _clean(self, text: str) -> str:
        if text in self._known:
            return text
        passed = self._rules.text(text)
        if passed is text and len(text) <= LONGEST_KNOWN and len(self._known) < MOST_KNOWN:
            self._known.add(text)
        return passed

    def _passed(self, text: _Text, *, whole: bool) -> str:
        """Return what of a text can be told now, and keep the rest."""
        seen = self._rules.seen(text.held)
        whole = whole or len(text.held) > LONGEST_HELD
        cut = len(text.held) if whole else max(0, len(text.held) - HELD)
        # What only looks like one is not cut either: its rest, which begins elsewhere, could be one.
        for match in reversed(seen):
            if match.begin < cut < match.end or (not whole and match.begin < cut and match.end == len(text.held)):
                cut = match.begin
        cut = cut if whole else around(levels(text.held), cut)[0]
        passed, text.held = text.held[:cut], text.held[cut:]
        return self._rules.taken_out(passed, [match for match in first_and_longest(seen) if match.end <= cut])

    def _told(self, text: _Text) -> bytes:
        """Return what is held of a text, in an event of its own."""
        if not text.held:
            return b""
        said = self._passed(text, whole=True)
        return _written(text.event, alone(msgspec.json.decode(text.document), text.path, said))


def _written(others: list[bytes], document: Any) -> bytes:
    return b"".join(line + b"\n" for line in others) + b"data: " + encode(document) + b"\n\n"
