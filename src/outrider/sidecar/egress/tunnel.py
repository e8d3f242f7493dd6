"""A connection of the agent to a host that it is allowed (CONNECT, RFC 9110 section 9.3.6): what passes is not read."""

import asyncio
import socket
import time
from typing import TYPE_CHECKING, cast

from outrider.core.destinations import split_host
from outrider.core.errors import InvalidConfigError
from outrider.sidecar.proxy.messages import JSON_FIELDS, Request, error_body, whole_answer

if TYPE_CHECKING:
    from outrider.sidecar.egress.egress import Egress

LONGEST_HEAD = 8 * 1024
HEAD_SECONDS, CONNECT_SECONDS = 10.0, 10.0
# A host that is silent for so long after the client has said all will say no more.
SILENCE_SECONDS = 60.0
_ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"
_END = b"\r\n\r\n"


class Tunnel(asyncio.Protocol):
    """The client's end: it asks for a host, and is then connected with it.

    Args:
        egress: Judges and counts.
        transport: Of the client.
    """

    def __init__(self, egress: "Egress", transport: asyncio.Transport) -> None:
        self._egress, self._client = egress, transport
        self._head = b""
        self._far: _FarEnd | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._began = time.monotonic()
        self._where = ""
        self.sent = self.received = 0
        self.ended = False
        self._timer = asyncio.get_running_loop().call_later(
            HEAD_SECONDS, self._refuse, 408, "the request did not come in time"
        )

    def data_received(self, data: bytes) -> None:
        """Read the request, then pass on."""
        if self._far is not None:
            self.sent += len(data)
            self._far.write(data)
            return
        self._head += data
        if self._connecting is not None or self.ended:
            return  # what came too early is sent once there is a way
        if _END in self._head:
            self._timer.cancel()
            self._ask()
        elif len(self._head) > LONGEST_HEAD:
            self._refuse(431, f"the head is longer than {LONGEST_HEAD} bytes")

    def _ask(self) -> None:
        head, _, self._head = self._head.partition(_END)
        target = head.partition(b"\r\n")[0].split(b" ")
        try:
            host, port = split_host(target[1].decode("ascii") if len(target) == 3 else "")
        except (InvalidConfigError, UnicodeError):
            self._refuse(400, "a tunnel is asked for as CONNECT host:port HTTP/1.1")
            return
        self._where = f"{host}:{port}"
        problem = self._egress.problem(host, port)
        if problem:
            self._egress.refused(self._where)
            self._refuse(403, problem)
            return
        self._egress.asked(self)
        self._client.pause_reading()  # what comes too early would only fill our memory
        self._connecting = asyncio.get_running_loop().create_task(self._connect(host, port))

    async def _connect(self, host: str, port: int) -> None:
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await asyncio.get_running_loop().create_connection(lambda: _FarEnd(self), host, port)
        except (OSError, TimeoutError, UnicodeError) as error:
            if self._far is not None:  # it ended in the turn in which it began
                return
            reason = str(error) or "it took too long"
            self._egress.forget(self)
            self._egress.failed(self._where, reason)
            self._refuse(502, f"{self._where} cannot be reached: {reason}")

    def reached(self, far: "_FarEnd") -> None:
        """Pass on from now; the client is told before anything that the host says."""
        if self._client.is_closing():
            far.close()
            return
        self._far = far
        self._client.write(_ESTABLISHED)
        if self._head:
            early, self._head = self._head, b""
            self.data_received(early)
        self._client.resume_reading()

    def deliver(self, data: bytes) -> None:
        """Send to the client what came from the host."""
        self.received += len(data)
        self._client.write(data)

    def far_ended(self) -> None:
        """End the client's side, once it has what came."""
        self._client.close()

    def pause_far(self) -> None:
        """Read no more of the client for now."""
        if not self._client.is_closing():
            self._client.pause_reading()

    def resume_far(self) -> None:
        """Read on."""
        if not self._client.is_closing():
            self._client.resume_reading()

    def pause_writing(self) -> None:
        """The client is slow."""
        if self._far is not None:
            self._far.pause()

    def resume_writing(self) -> None:
        """The client reads again."""
        if self._far is not None:
            self._far.resume()

    def eof_received(self) -> bool:
        """Tell the host that the client has said all."""
        if self._far is not None:
            self._far.end_of_input()
            self._end_if_silent(-1)
            return True
        return False

    def _end_if_silent(self, before: int) -> None:
        """End a tunnel whose client has said all, once the host says nothing any more."""
        if self.received == before:
            self._client.abort()
        else:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(SILENCE_SECONDS, self._end_if_silent, self.received)

    def connection_lost(self, error: Exception | None) -> None:
        """Account for what has passed."""
        del error
        self._timer.cancel()
        self._egress.forget(self)
        if self._connecting is not None:
            self._connecting.cancel()
        if self._far is not None:
            self._far.close()
            self._egress.closed(self, self._where, time.monotonic() - self._began)
        self.ended = True

    def abort(self) -> None:
        """End at once."""
        self._client.abort()

    def _refuse(self, status: int, message: str) -> None:
        if not self._client.is_closing():
            self.ended = True
            self._client.write(
                whole_answer(Request(), status, JSON_FIELDS, error_body("egress_refused", message), close=True)
            )
            self._client.close()


class _FarEnd(asyncio.Protocol):
    """The host's end."""

    def __init__(self, tunnel: Tunnel) -> None:
        self._tunnel = tunnel
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        connection: socket.socket = transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)  # a host that is gone without a word
        self._tunnel.reached(self)

    def data_received(self, data: bytes) -> None:
        self._tunnel.deliver(data)

    def connection_lost(self, error: Exception | None) -> None:
        del error
        self._tunnel.far_ended()

    def pause_writing(self) -> None:
        self._tunnel.pause_far()

    def resume_writing(self) -> None:
        self._tunnel.resume_far()

    def write(self, data: bytes) -> None:
        """Send to the host."""
        self._transport.write(data)

    def end_of_input(self) -> None:
        """Say that no more will be sent."""
        if self._transport.can_write_eof() and not self._transport.is_closing():
            self._transport.write_eof()

    def pause(self) -> None:
        """Read no more of the host for now."""
        if not self._transport.is_closing():
            self._transport.pause_reading()

    def resume(self) -> None:
        """Read on."""
        if not self._transport.is_closing():
            self._transport.resume_reading()

    def close(self) -> None:
        """End it, once it has what was sent."""
        self._transport.close()
