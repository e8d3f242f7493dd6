"""An attempt whose answer is guarded."""

from outrider.sidecar.llm.guard.rules import Rules
from outrider.sidecar.llm.guard.stream import GuardedStream
from outrider.sidecar.llm.wrapping import WrappedAttempt
from outrider.sidecar.proxy.gate import Attempt
from outrider.sidecar.proxy.messages import CONTENT_TYPE, Field, value_of

# Of content types that hold texts.
_TEXTS = (b"json", b"text/", b"xml")
LONGEST_WHOLE = 16 * 1024 * 1024


class GuardedAttempt(WrappedAttempt):
    """Takes out of an answer what must not pass. One in one piece is held until its end.

    Args:
        inner: The attempt.
        rules: What must not pass.
    """

    __slots__ = ("_passes", "_rules", "_stream", "_unreadable", "_whole")

    def __init__(self, inner: Attempt, rules: Rules) -> None:
        super().__init__(inner)
        self._rules = rules
        self._stream: GuardedStream | None = None
        self._whole = bytearray()
        self._passes = self._unreadable = False  # of the first, sound and the like

    def accept(self, status: int, fields: list[Field]) -> bool:
        """See what form the answer has."""
        accepted = super().accept(status, fields)
        kind = value_of(fields, CONTENT_TYPE).lower()
        self._passes = bool(kind) and not any(one in kind for one in _TEXTS)
        self.rewrites = self.rewrites or not self._passes
        if self.is_stream:
            self._stream = GuardedStream(self._rules)
        self._unreadable = any(name == b"content-encoding" and value.lower() != b"identity" for name, value in fields)
        return accepted

    def _take(self, passed: bytes) -> bytes:
        """Return what can be told now."""
        if self._passes:
            return passed
        if self._unreadable:
            self.stop = self.stop or "the answer is packed in a way that is not known, and cannot be guarded"
            return b""
        if self._stream is not None:
            told = self._stream.feed(passed)
            self.stop = self.stop or self._stream.problem
            return told
        self._whole += passed
        if len(self._whole) > LONGEST_WHOLE:
            self.stop = self.stop or f"the answer is longer than {LONGEST_WHOLE} bytes, and cannot be guarded"
        return b""

    def last(self, *, framed: bool) -> bytes:
        """Return what was held."""
        told = super().last(framed=framed)
        if self._stream is not None:
            return told if self.stop else told + self._stream.end()
        return told if self.stop or self._passes else self._rules.document(bytes(self._whole))

    def cut(self, reason: str) -> bytes:
        """End a stream behind what was held of it."""
        held = self._stream.held() if self._stream is not None else b""
        return held + super().cut(reason)
