"""An attempt around another one, which goes on as it would alone."""

from typing import TYPE_CHECKING

from outrider.sidecar.proxy.gate import Attempt, Failure
from outrider.sidecar.proxy.messages import Field, is_event_stream

if TYPE_CHECKING:
    from outrider.sidecar.proxy.exchange import Exchange


class WrappedAttempt(Attempt):
    """Passes everything on to the inner attempt, and what that passes on through `_take`.

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
        self.is_stream = is_event_stream(fields)
        return accepted

    def piece(self, data: bytes) -> bytes:
        """Return what is made of what the inner attempt passes on."""
        passed = self._inner.piece(data)
        self.stop = self._inner.stop
        return self._take(passed)

    def last(self, *, framed: bool) -> bytes:
        """Return what is made of what the inner attempt held."""
        passed = self._inner.last(framed=framed)
        self.stop = self._inner.stop
        return self._take(passed)

    def _take(self, passed: bytes) -> bytes:
        """Take a piece of the answer, and return what goes on of it."""
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
