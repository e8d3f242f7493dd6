"""A connection to a provider: one request at a time, and what comes back goes to the client in the turn in which it came."""

import asyncio
from typing import TYPE_CHECKING, cast

import httptools

from outrider.sidecar.proxy.gate import Failure
from outrider.sidecar.proxy.messages import HOP_BY_HOP, Field, answer_head, without_hop_by_hop

if TYPE_CHECKING:
    from outrider.sidecar.proxy.exchange import Exchange
    from outrider.sidecar.proxy.pool import Target

_FOREVER = float("inf")
_NO_CONTENT = 204
_BODILESS = frozenset({_NO_CONTENT, 304})
# Of a transfer, what can be undone; others may only be used where they are asked for.
_CODINGS = frozenset({b"", b"chunked"})
_LAST_CHUNK = b"0\r\n\r\n"

# A kept connection that is closed this soon, without a byte of an answer, was closed before the request came.
REPEAT_SECONDS = 1.0


class Upstream(asyncio.Protocol):
    """One connection.

    Args:
        target: Where it leads; takes it back when it is free.

    Attributes:
        deadline: When the answer has taken too long, or an idle connection is to be closed; on the loop's clock.
    """

    __slots__ = (
        "_again", "_chunked", "_close_client", "_coding", "_complete", "_connection", "_end", "_exchange", "_fields", "_framed",
        "_framed_for_client", "_kept", "_length", "_out", "_parser", "_raw", "_reason", "_seen", "_size", "_status", "_target",
        "_transport", "_used", "deadline",
    )  # fmt: skip

    def __init__(self, target: "Target") -> None:
        self._target = target
        self._parser = httptools.HttpResponseParser(self)
        self._transport: asyncio.Transport
        self._exchange: Exchange | None = None
        self._used = False
        self._out: list[bytes] = []
        self.deadline = _FOREVER
        self._reset()

    def _reset(self) -> None:
        self._reason = self._connection = self._coding = b""
        self._fields: list[Field] = []
        self._status = self._raw = self._size = 0
        self._length = b""
        self._framed = False
        self._chunked = False
        self._close_client = False
        self._framed_for_client = True
        self._kept = False
        self._seen = False
        # Whether the answer is whole, and whether more came behind it, in the same turn or later.
        self._complete = self._again = False
        self._end = _FOREVER

    @property
    def usable(self) -> bool:
        """Whether it is open."""
        return not self._transport.is_closing()

    @property
    def _just_sent(self) -> bool:
        """Whether so little time has passed since the request that nobody can have worked at it."""
        proxy = self._target.proxy
        return proxy.now() < self._end - proxy.limits.total_time + REPEAT_SECONDS

    def send(self, exchange: "Exchange") -> None:
        """Send a request; its answer goes where it came from."""
        self._exchange = exchange
        exchange.upstream = self
        now, limits = self._target.proxy.now(), self._target.proxy.limits
        self._end = now + limits.total_time
        self.deadline = now + limits.first_byte_time
        self._target.proxy.send_soon(self)
        if exchange.client.choked:
            self.pause()

    def send_now(self) -> None:
        """Send the request; its exchange may be gone by now, and the connection with it."""
        if self._exchange is not None:
            self._transport.write(self._exchange.wire)

    def pause(self) -> None:
        """Read no more for now: the client is slower, and its time is not that of the upstream."""
        self.deadline = self._end
        self._transport.pause_reading()

    def resume(self) -> None:
        """Read on."""
        proxy = self._target.proxy
        self.deadline = min(
            self._end, proxy.now() + (proxy.limits.silence_time if self._seen else proxy.limits.first_byte_time)
        )
        self._transport.resume_reading()

    def abort(self) -> None:
        """Give the answer up, and with it the connection, so that the provider stops too."""
        self._exchange = None
        self._transport.abort()

    def close(self) -> None:
        """Close a connection that nobody uses."""
        self._transport.close()

    def expire(self) -> None:
        """End what has taken too long."""
        if self._exchange is None:
            self.close()
        else:
            self._break(Failure("the upstream took too long", late=True, sent=True))

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        exchange = self._exchange
        if exchange is None:
            self._transport.abort()  # an answer that nobody has asked for
            return
        self._seen = True
        limits = self._target.proxy.limits
        self.deadline = min(self._end, self._target.proxy.now() + limits.silence_time)
        if not self._status:
            self._raw += len(data)
        problem = ""
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            problem = f"the upstream does not speak HTTP/1.1: {error}"
        if self._exchange is None:
            return  # it was not accepted
        stop = exchange.attempt.stop if exchange.attempt is not None else ""
        # Only now: whoever gets this connection next must not get what was left of this turn's bytes.
        if self._complete and not stop:
            self._finish(reusable=self._framed and self._kept and not self._again and not problem)
            return
        if not problem and not self._status and self._raw > limits.head:
            problem = f"the head of the answer is longer than {limits.head} bytes"
        # A head alone is held back where nothing follows: then another provider can be asked.
        if exchange.begun or not (problem or stop) or len(self._out) > 1:
            self._flush()
        if problem or stop:
            self._break(Failure(problem or stop))

    def connection_lost(self, error: Exception | None) -> None:
        self._target.forget(self)
        exchange = self._exchange
        if exchange is None:
            return
        if error is None and self._status and not self._framed:  # the end of its body is that of the connection
            self._finish(reusable=False)
        elif not self._seen and self._used and not exchange.fresh and self._just_sent:
            self._exchange = exchange.upstream = None
            exchange.repeat()
        else:
            reason = "the upstream closed the connection" if error is None else f"the upstream is gone: {error}"
            self._break(Failure(reason))

    # What the parser calls.

    def on_message_begin(self) -> None:
        if self._status:  # what comes behind an answer must not change how that one ends
            self._again = True
            return
        self._fields = []
        self._connection = self._length = self._reason = self._coding = b""
        self._chunked = False

    def on_status(self, reason: bytes) -> None:
        self._reason += reason

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._status:
            return  # a trailer, or another answer
        self._size += len(name) + len(value)
        name = name.lower()
        if name not in HOP_BY_HOP:
            self._fields.append((name, value))
        elif name == b"connection":
            self._connection += b"," + value.lower()
        elif name == b"content-length":
            self._length = value
        elif name == b"transfer-encoding":
            self._chunked = True
            coding = value.strip().lower()
            self._coding = self._coding + b", " + coding if self._coding else coding

    def on_headers_complete(self) -> None:
        status, exchange = self._parser.get_status_code(), self._exchange
        if status < 100 and exchange is not None and not self._complete:
            self._break(Failure(f"the upstream answered with the status {status}"))
            return
        if status < 200 or exchange is None or self._complete:
            return  # an interim answer, before the final one; or one that nobody has asked for
        self._status = status
        if self._connection:
            self._fields = without_hop_by_hop(self._fields, self._connection)
        bodiless = status in _BODILESS or exchange.request.method == b"HEAD"
        self._framed = self._chunked or bool(self._length) or bodiless
        if self._size > self._target.proxy.limits.head:
            self._break(Failure(f"the head of the answer is longer than {self._target.proxy.limits.head} bytes"))
            return
        if self._coding not in _CODINGS:
            coding = self._coding.decode("latin-1")
            self._break(Failure(f"the upstream used the transfer coding '{coding}', which nobody asked for"))
            return
        attempt = exchange.attempt
        if attempt is None or not attempt.accept(status, self._fields):
            self._exchange = exchange.upstream = None
            self._transport.abort()
            reason = f"the upstream answered {status} {self._reason.decode('latin-1')}".rstrip()
            exchange.fail(Failure(reason, status=status))
            return
        self._out.append(answer_head(status, self._reason, self._fields, self._framing(exchange, bodiless=bodiless)))
        if exchange.request.method == b"HEAD":  # the parser waits for the body that the head speaks of
            self._complete, self._kept = True, False

    def _framing(self, exchange: "Exchange", *, bodiless: bool) -> bytes:
        """Return the lines that say to this client where the body ends."""
        request = exchange.request
        rewritten = exchange.attempt is not None and exchange.attempt.rewrites
        self._close_client = not request.keep_alive
        if bodiless or (self._length and not rewritten):
            counted = self._length and self._status != _NO_CONTENT
            framing = b"content-length: %s\r\n" % self._length if counted else b""
            self._chunked = False
        elif request.old:
            framing, self._chunked, self._close_client, self._framed_for_client = b"", False, True, False
        else:
            framing, self._chunked = b"transfer-encoding: chunked\r\n", True
        if self._close_client:
            return framing + b"connection: close\r\n"
        return framing + b"connection: keep-alive\r\n" if request.old else framing

    def on_body(self, data: bytes) -> None:
        exchange = self._exchange
        if exchange is not None and exchange.attempt is not None and not self._complete:
            self._add(exchange.attempt.piece(data))

    def _add(self, data: bytes) -> None:
        if not data:
            return
        if self._chunked:
            self._out += (b"%x\r\n" % len(data), data, b"\r\n")
        else:
            self._out.append(data)

    def on_message_complete(self) -> None:
        if self._status and not self._complete:
            self._complete, self._kept = True, self._parser.should_keep_alive()

    # Inside.

    def _flush(self) -> None:
        """Write what has come in this turn."""
        if self._out:
            exchange = self._exchange
            if exchange is not None:
                exchange.begun = True
                exchange.client.write(b"".join(self._out))
            self._out.clear()

    def _finish(self, *, reusable: bool) -> None:
        exchange = self._exchange
        assert exchange is not None
        assert exchange.attempt is not None
        attempt = exchange.attempt
        self._add(attempt.last(framed=self._framed))
        if attempt.stop:
            if exchange.begun:
                self._flush()
            self._break(Failure(attempt.stop))
            return
        if self._chunked:
            self._out.append(_LAST_CHUNK)
        self._flush()
        close = self._close_client
        self._exchange = exchange.upstream = exchange.attempt = None
        self._reset()
        self._used = True
        self._transport.resume_reading()  # the next user would hang
        if self._transport.get_write_buffer_size():  # it was answered before all was sent: the rest must never go out
            self._transport.abort()
        elif reusable and self.usable:
            self._target.give_back(self)
        else:
            self._transport.close()
        attempt.ended("")
        exchange.client.finished(exchange, close=close)

    def _break(self, failure: Failure) -> None:
        """End an answer that cannot become whole."""
        exchange = self._exchange
        assert exchange is not None
        self._exchange = exchange.upstream = None
        self._transport.abort()
        if not exchange.begun:
            self._out.clear()
            exchange.fail(failure)
            return
        attempt, exchange.attempt = exchange.attempt, None
        said = attempt.cut(failure.reason) if attempt is not None else b""
        if said and self._chunked:
            exchange.client.write(b"%x\r\n%s\r\n%s" % (len(said), said, _LAST_CHUNK))
            exchange.client.finished(exchange, close=True)
        else:
            exchange.client.cut(reset=not self._framed_for_client)
        if attempt is not None:
            attempt.ended(failure.reason)
