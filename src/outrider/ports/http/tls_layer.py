"""TLS between a transport and a protocol, on the standard library's OpenSSL.

    handshake --verified--> open --close, write_eof--> closing --> (lost)
        +--------fault---------+------------------------^

In place of asyncio's own layer (`asyncio.sslproto`), for four reasons: a peer whose certificate is refused gets the alert that
says so; a connection costs some 25 kB instead of 290 kB, because it has no buffers of its own; handshakes are connections
that can be counted; and an end of the stream without close_notify, which anybody on the way can cause, is an error.
"""

import asyncio
import contextlib
import ssl
from enum import Enum
from typing import Any, Protocol, cast


class Inner(Protocol):
    """What is served: a buffered protocol that is told of its connection before that is verified.

    `get_buffer` returns the same memory each time: first the network fills it, then the deciphered bytes are put there.
    `connection_lost` is called in any case, `connection_made` once the peer is verified.
    """

    def handshake_begins(self, transport: asyncio.Transport) -> None: ...

    def connection_made(self, transport: asyncio.BaseTransport) -> None: ...

    def get_buffer(self, sizehint: int, /) -> memoryview: ...

    def buffer_updated(self, nbytes: int) -> None: ...

    def pause_writing(self) -> None: ...

    def resume_writing(self) -> None: ...

    def connection_lost(self, exc: Exception | None, /) -> None: ...


class _State(Enum):
    HANDSHAKE = 1
    OPEN = 2
    CLOSING = 3


class TlsLayer(asyncio.BufferedProtocol, asyncio.Transport):
    """Protocol of the network's transport, and transport of the inner protocol.

    Args:
        inner: What is served.
        context: TLS settings.
        server_hostname: Name that the certificate of the server must hold; None makes this the server's side.
    """

    _raw: asyncio.Transport

    def __init__(self, inner: Inner, context: ssl.SSLContext, server_hostname: str | None) -> None:
        super().__init__()
        self._inner = inner
        self._buffer = inner.get_buffer(-1)
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._is_server = server_hostname is None
        self._tls = context.wrap_bio(
            self._incoming, self._outgoing, server_side=self._is_server, server_hostname=server_hostname
        )
        self._state = _State.HANDSHAKE
        self._paused = False
        self._error: Exception | None = None

    # The protocol, towards the network.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport = cast("asyncio.Transport", transport)  # those of uvloop are no subclass
        self._raw = transport
        self._inner.handshake_begins(self)
        self._handshake()

    def get_buffer(self, _sizehint: int) -> memoryview:
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        if self._state is _State.CLOSING:
            return
        self._incoming.write(self._buffer[:nbytes])
        if self._state is _State.HANDSHAKE:
            self._handshake()
        self._read()

    def eof_received(self) -> None:
        if self._state is not _State.CLOSING and self._error is None:
            self._error = ConnectionAbortedError("the other end closed without the close_notify of TLS")

    def pause_writing(self) -> None:
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        self._inner.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        self._state = _State.CLOSING
        self._inner.connection_lost(self._error or exc)

    # The transport, towards the inner protocol.

    def write(self, data: Any) -> None:
        if self._state is not _State.OPEN:
            return
        view = memoryview(data)
        try:
            while view:
                view = view[self._tls.write(view) :]
        except ssl.SSLError as error:
            self._fail(error)
        self._flush()

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        """End the sending half; what still arrives is dropped."""
        self._notify()
        self._raw.write_eof()

    def close(self) -> None:
        self._notify()
        self._raw.close()

    def abort(self) -> None:
        self._state = _State.CLOSING
        self._raw.abort()

    def is_closing(self) -> bool:
        return self._state is _State.CLOSING or self._raw.is_closing()

    def pause_reading(self) -> None:
        self._paused = True
        self._raw.pause_reading()

    def resume_reading(self) -> None:
        if self._paused:
            self._paused = False
            self._raw.resume_reading()
            # What was deciphered or received before the pause waits here, and the network may have nothing to add to it.
            asyncio.get_running_loop().call_soon(self._read)

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self._raw.set_write_buffer_limits(high, low)

    def get_write_buffer_size(self) -> int:
        return self._raw.get_write_buffer_size()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        if name == "ssl_object":
            return self._tls
        return self._raw.get_extra_info(name, default)

    def _handshake(self) -> None:
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            self._flush()
        except ssl.SSLError as error:
            self._fail(error)
        else:
            self._state = _State.OPEN
            self._flush()
            self._inner.connection_made(self)

    def _read(self) -> None:
        while self._state is _State.OPEN and not self._paused:
            try:
                # With a buffer it returns a number, which its type does not say.
                count = cast("int", self._tls.read(len(self._buffer), self._buffer))
            except ssl.SSLWantReadError:
                break
            except ssl.SSLError as error:
                self._fail(error)
                return
            if not count:
                self.close()
                return
            self._inner.buffer_updated(count)
            if not self._incoming.pending and not self._tls.pending():
                break
        self._flush()

    def _flush(self) -> None:
        if self._outgoing.pending:
            self._raw.write(self._outgoing.read())

    def _notify(self) -> None:
        """Tell the other end that nothing follows. Its own word for that is not awaited (RFC 8446 section 6.1)."""
        if self._state is _State.OPEN:
            with contextlib.suppress(ssl.SSLError):
                self._tls.unwrap()
            self._flush()
        self._state = _State.CLOSING

    def _fail(self, error: Exception) -> None:
        """Send the alert that OpenSSL has written and end the connection."""
        self._error = error
        waits = self._state is _State.HANDSHAKE and self._is_server
        self._state = _State.CLOSING
        self._flush()
        if waits:
            # Closing now would reset the connection and could overtake the alert. The other end closes when it has
            # read it; if it does not, the deadline of the handshake ends this.
            self._raw.write_eof()
        else:
            self._raw.close()
