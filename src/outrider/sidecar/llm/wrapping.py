"""An attempt around another one, which goes on as it would alone."""

from typing import TYPE_CHECKING

from outrider.sidecar.proxy.gate import Attempt, Failure
from outrider.sidecar.proxy.messages import Field

if TYPE_CHECKING:
    from outrider.sidecar.proxy.exchange import Exchange

EVENTS = b"text/event-stream"


class WrappedAttempt(Attempt):
    """Passes everything on to the inner attempt.

    Args:
        inner: It.
    """

    __slots__ = ("_inner", "is_stream", "rewrites", "status")

    def __init__(self, inner: Attempt) -> None:
        super().__init__()
        self._inner = inner
        self.rewrites = inner.rewrites
        self.status = 0
        self.is_stream = False

    def accept(self, status: int, fields: list[Field]) -> bool:
        """Ask the inner attempt, and note of what form the answer is."""
        accepted = self._inner.accept(status, fields)
        self.status, self.rewrites = status, self.rewrites or self._inner.rewrites
        self.is_stream = any(name == b"content-type" and value.lower().startswith(EVENTS) for name, value in fields)
        return accepted

    def piece(self, data: bytes) -> bytes:
        """Return what the inner attempt passes on."""
        passed = self._inner.piece(data)
        self.stop = self._inner.stop
        return passed

    def last(self, *, framed: bool) -> bytes:
        """Return what the inner attempt held."""
        passed = self._inner.last(framed=framed)
        self.stop = self._inner.stop
        return passed

    def cut(self, reason: str) -> bytes:
        """End as the inner attempt does."""
        return self._inner.cut(reason)

    def ended(self, problem: str) -> None:
        """Tell the inner attempt."""
        self._inner.ended(problem)

    def failed(self, exchange: "Exchange", failure: Failure) -> None:
        """Tell the inner attempt."""
        self._inner.failed(exchange, failure)

    def abandoned(self, *, sent: bool) -> None:
        """Tell the inner attempt."""
        self._inner.abandoned(sent=sent)
