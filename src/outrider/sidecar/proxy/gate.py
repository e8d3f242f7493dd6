"""What the proxy asks of who governs it."""

import asyncio
from typing import TYPE_CHECKING, Protocol

from outrider.sidecar.proxy.messages import Field

if TYPE_CHECKING:
    from outrider.sidecar.proxy.exchange import Exchange


class Gate(Protocol):
    """Decides about requests."""

    def decide(self, exchange: "Exchange") -> None:
        """Answer or forward a request, now or later. It must not raise."""
        ...


class Tunnels(Protocol):
    """Takes connections that ask for a tunnel."""

    def begin(self, transport: asyncio.Transport) -> asyncio.Protocol:
        """Return what goes on with a connection; it gets what the client has sent."""
        ...


class Failure:
    """Why there is no answer to pass on.

    Attributes:
        reason: In words.
        status: Of the answer that was not accepted; 0 where there was none.
        late: Whether time was over.
        sent: Whether it was over for an upstream that had the request, and may go on working at it.
        ours: Whether it is this process that lacks something, and no upstream is to blame.
    """

    __slots__ = ("late", "ours", "reason", "sent", "status")

    def __init__(
        self, reason: str, *, status: int = 0, late: bool = False, sent: bool = False, ours: bool = False
    ) -> None:
        self.reason, self.status, self.late, self.sent, self.ours = reason, status, late, sent, ours

    @property
    def answer(self) -> int:
        """The status that tells a client of it."""
        return 503 if self.ours else 504 if self.late else 502


class Attempt:
    """One forwarding of a request, for who accounts for it; each of these methods passes everything on unchanged.

    `ended` or `failed` is called once, whatever happens.

    Attributes:
        stop: Set by `piece` to say why the answer must not go on: it is cut behind that piece, and its upstream stopped.
    """

    __slots__ = ("stop",)
    # Whether `piece` may change what passes, so that a length that the upstream announced does not hold.
    rewrites = False

    def __init__(self) -> None:
        self.stop = ""

    def accept(self, status: int, fields: list[Field]) -> bool:
        """Return whether this answer goes to the client; if not, `failed` is called."""
        del status, fields
        return True

    def piece(self, data: bytes) -> bytes:
        """Return what goes to the client for a piece of the body."""
        return data

    def last(self, *, framed: bool) -> bytes:
        """Return what the client gets after the last piece, or set `stop`; without framing the end may have come too early."""
        del framed
        return b""

    def cut(self, reason: str) -> bytes:
        """Return what a client gets that was promised more; empty to let it see that the connection breaks."""
        del reason
        return b""

    def ended(self, problem: str) -> None:
        """Called when an accepted answer has ended; `problem` says why it is not whole, or that the client has gone."""

    def failed(self, exchange: "Exchange", failure: Failure) -> None:
        """Called where there is nothing for the client yet: answer, or forward elsewhere. It must not raise."""
        exchange.refuse(failure.answer, "upstream_failed", failure.reason)

    def abandoned(self, *, sent: bool) -> None:
        """Called when the client has gone before there was anything for it; `sent` says whether the upstream was asked."""
