"""A request on its way: between a client's connection and, while it is forwarded, one upstream."""

from typing import TYPE_CHECKING

from outrider.sidecar.proxy.gate import Attempt, Failure
from outrider.sidecar.proxy.messages import (
    JSON_FIELDS,
    Field,
    Request,
    answer_head,
    error_body,
    request_head,
    whole_answer,
)

if TYPE_CHECKING:
    from outrider.sidecar.proxy.downstream import Downstream
    from outrider.sidecar.proxy.pool import Target
    from outrider.sidecar.proxy.upstream import Upstream


class Exchange:
    """One request and what becomes of it.

    Attributes:
        request: The request.
        client: Its connection.
        begun: Whether anything of an answer has been written.
        gone: Whether the client has left.
    """

    __slots__ = ("_target", "attempt", "begun", "client", "fresh", "gone", "request", "upstream", "wire")

    def __init__(self, client: "Downstream", request: Request) -> None:
        self.client = client
        self.request = request
        self.begun = False
        self.gone = False
        self.attempt: Attempt | None = None
        self.upstream: Upstream | None = None
        self._target: Target | None = None
        # What was sent, for the one repetition on a new connection.
        self.wire = b""
        self.fresh = False

    def answer(self, status: int, fields: list[Field], body: bytes) -> None:
        """Answer without an upstream."""
        if self.gone:
            return
        close = not self.request.keep_alive
        self.begun = True
        self.client.write(whole_answer(self.request, status, fields, body, close=close))
        self.client.finished(self, close=close)

    def begin(self, fields: list[Field]) -> None:
        """Begin an answer that comes in pieces; not for clients of HTTP/1.0, which know none."""
        if self.gone:
            return
        self.begun = True
        framing = b"transfer-encoding: chunked\r\n"
        if not self.request.keep_alive:
            framing += b"connection: close\r\n"
        self.client.write(answer_head(200, b"OK", fields, framing))

    def piece(self, data: bytes) -> None:
        """Send a piece of an answer that was begun."""
        if not self.gone:
            self.client.write(b"%x\r\n%s\r\n" % (len(data), data))

    def end(self) -> None:
        """End an answer that came in pieces."""
        if not self.gone:
            self.client.write(b"0\r\n\r\n")
            self.client.finished(self, close=not self.request.keep_alive)

    def cut(self) -> None:
        """Break the connection in the middle of an answer, so that its client does not take it for whole."""
        if not self.gone:
            self.client.cut()

    def refuse(self, status: int, code: str, message: str, fields: list[Field] | None = None) -> None:
        """Answer with an error."""
        self.answer(status, [*JSON_FIELDS, *(fields or [])], error_body(code, message))

    def forward(self, target: "Target", attempt: Attempt, *, path: bytes, fields: list[Field], body: bytes) -> None:
        """Send the request to a target.

        Args:
            target: Where to.
            attempt: Told what becomes of it.
            path: Request target there.
            fields: Names in lower case; host and length are added.
            body: What is sent.
        """
        self.attempt = attempt
        if self.gone:
            self.abandon()
            return
        self._target = target
        self.fresh = False
        self.wire = request_head(self.request.method, path, target.authority, fields, len(body)) + body
        target.send(self)

    def repeat(self) -> None:
        """Send the same again, on a new connection: the kept one was closed in the moment in which it was used."""
        assert self._target is not None
        self.fresh = True
        self._target.send(self)

    def fail(self, failure: Failure) -> None:
        """Say that nothing came of the attempt, while nothing was written yet."""
        attempt, self.attempt, self.upstream = self.attempt, None, None
        if attempt is None:
            return
        if self.gone:
            attempt.abandoned(sent=False)
        else:
            attempt.failed(self, failure)

    def abandon(self) -> None:
        """Note that the client has gone, and stop what is done for it."""
        self.gone = True
        attempt, self.attempt = self.attempt, None
        upstream, self.upstream = self.upstream, None
        if upstream is not None:
            upstream.abort()
        if attempt is None:
            return
        if self.begun:
            attempt.ended("the client has gone")
        else:
            attempt.abandoned(sent=upstream is not None)
