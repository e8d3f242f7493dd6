"""Trigger: an HTTP server; each request becomes an event, and is answered once the event is on disk.

One thread reads all connections; a whole request goes to one of a few worker threads, which waits for the commit and answers. So a
slow or silent client costs a connection and never a worker.
"""

import os
import selectors
import socket
import threading
import time
from collections import deque
from queue import SimpleQueue

from http_request import MAX_BODY, Head, RefusedError, read_body, take_head
from outrider_plugin import PluginError, Trigger, main, seconds

WORKERS = 8
CONNECTIONS = 64
REQUEST_SECONDS = 10.0
IDLE_SECONDS = 60.0
LINGER_SECONDS = 1.0
RETRY_AFTER = 1
REASONS = {202: "Accepted", 400: "Bad Request", 401: "Unauthorized", 404: "Not Found", 405: "Method Not Allowed",
           411: "Length Required", 413: "Content Too Large", 431: "Request Header Fields Too Large",
           503: "Service Unavailable", 505: "HTTP Version Not Supported"}  # fmt: skip


class Connection:
    """One client. It belongs to the reading thread, except from a whole request until its answer."""

    def __init__(self, plain: socket.socket, remote: str) -> None:
        self.socket = plain
        self.remote = remote
        self.buffer = bytearray()
        self.head: Head | None = None
        self.body = b""
        self.arrived = 0.0
        self.lingering = False
        self.deadline = time.monotonic() + REQUEST_SECONDS

    def answer(self, status: int, message: str, *, keep_alive: bool, fields: str = "") -> bool:
        """Write an answer; False where the connection cannot go on."""
        body = f"{message}\n".encode("utf-8", "replace")
        closing = "" if keep_alive else "Connection: close\r\n"
        head = (
            f"HTTP/1.1 {status} {REASONS[status]}\r\nContent-Type: text/plain; charset=utf-8\r\n"
            f"Content-Length: {len(body)}\r\n{closing}{fields}\r\n"
        )
        return self.write(head.encode() + body) and keep_alive

    def write(self, data: bytes) -> bool:
        """Write at once; a client that takes not even this is given up."""
        try:
            return self.socket.send(data) == len(data)
        except OSError:
            return False


class Webhook(Trigger):
    """One listening address."""

    def setup(self) -> None:
        host, _, port = self.config["listen"].rpartition(":")
        family = socket.AF_INET6 if host.startswith("[") else socket.AF_INET
        try:
            self.listener = socket.create_server((host.strip("[]"), int(port)), family=family, backlog=128)
        except (OSError, OverflowError) as error:
            raise PluginError(f"config.listen: {self.config['listen']}: {error}", code="UNAVAILABLE") from error
        self.listener.setblocking(False)
        token = self.config["token"]
        self.authorization = f"Bearer {token}".encode() if token else b""
        self.commit_seconds = seconds(self.config["commit_timeout"])
        self.work: SimpleQueue[Connection | None] = SimpleQueue()
        self.answered: deque[tuple[Connection, bool]] = deque()
        self.connections: set[Connection] = set()
        self.selector = selectors.DefaultSelector()
        self.accepting = False
        self.wakeup, self.waker = os.pipe()
        os.set_blocking(self.wakeup, False)
        os.set_blocking(self.waker, False)

    def stop(self) -> None:
        super().stop()
        self._wake()

    def _wake(self) -> None:
        try:
            os.write(self.waker, b".")
        except BlockingIOError:
            return  # it is awake already

    def run(self) -> None:
        self.selector.register(self.wakeup, selectors.EVENT_READ)
        for _ in range(WORKERS):
            threading.Thread(target=self._serve, daemon=True).start()
        expiry = time.monotonic()
        while not self.stopping:
            self._accept_if_room()
            for key, _ in self.selector.select(0.5):
                if isinstance(key.data, Connection):
                    self._read(key.data)
                elif key.fileobj is self.listener:
                    self._accept()
                else:
                    os.read(self.wakeup, 4096)
            while self.answered:
                self._after_answer(*self.answered.popleft())
            if time.monotonic() >= expiry:
                expiry = time.monotonic() + 0.5
                self._expire()
        self.listener.close()

    def _accept_if_room(self) -> None:
        room = len(self.connections) < CONNECTIONS
        if room and not self.accepting:
            self.selector.register(self.listener, selectors.EVENT_READ)
        elif self.accepting and not room:
            self.selector.unregister(self.listener)
        self.accepting = room

    def _accept(self) -> None:
        try:
            plain, address = self.listener.accept()
        except OSError:
            return  # the client is gone again, or there is no descriptor left for now
        plain.setblocking(False)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection = Connection(plain, address[0])
        self.connections.add(connection)
        self.selector.register(plain, selectors.EVENT_READ, connection)

    def _read(self, connection: Connection) -> None:
        try:
            data = connection.socket.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._close(connection)
        elif not connection.lingering:
            if not connection.buffer and connection.head is None:
                connection.deadline = time.monotonic() + REQUEST_SECONDS
            connection.buffer += data
            self._advance(connection)

    def _advance(self, connection: Connection) -> None:
        """Hand a request over once it is whole."""
        try:
            if connection.head is None:
                connection.head = take_head(connection.buffer)
                if connection.head is None:
                    return
                self._admit(connection.head)
                if connection.head.expects_continue and len(connection.buffer) < connection.head.length:
                    connection.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        except RefusedError as refusal:
            connection.answer(refusal.status, str(refusal), keep_alive=False, fields=refusal.fields)
            self._linger(connection)
            return
        length = connection.head.length
        if len(connection.buffer) >= length:
            connection.body = bytes(connection.buffer[:length])
            del connection.buffer[:length]
            connection.arrived = time.monotonic()
            self.selector.unregister(connection.socket)
            self.work.put(connection)

    def _admit(self, head: Head) -> None:
        """Refuse before the body is read."""
        if self.authorization and not self._same(head.authorization):
            raise RefusedError(401, "the bearer token is missing or wrong", "WWW-Authenticate: Bearer\r\n")
        if head.path != self.config["path"]:
            raise RefusedError(404, "nothing is here")
        if head.method != "POST":
            raise RefusedError(405, "only POST is taken here", "Allow: POST\r\n")
        if head.length < 0:
            raise RefusedError(411, "a Content-Length is needed")
        if head.length > MAX_BODY:
            raise RefusedError(413, f"the body has more than {MAX_BODY} bytes")

    def _same(self, given: bytes) -> bool:
        from hmac import compare_digest  # noqa: PLC0415 - loads a cryptographic library, needed with a token only

        return compare_digest(given, self.authorization)

    def _serve(self) -> None:
        while (connection := self.work.get()) is not None:
            try:
                going_on = self._report(connection)
            except RefusedError as refusal:
                going_on = connection.answer(refusal.status, str(refusal), keep_alive=_keeps_alive(connection))
            self.answered.append((connection, going_on))
            self._wake()

    def _report(self, connection: Connection) -> bool:
        body = read_body(connection.body)
        data = {"body": body, "remote": connection.remote, "summary": f"{len(connection.body)} bytes of JSON"}
        left = connection.arrived + self.commit_seconds - time.monotonic()
        try:
            committed = left > 0 and self.event(data, severity=self.config["severity"], commit_timeout=left)
        except PluginError as error:
            raise RefusedError(413, str(error)) from error
        if committed:
            return connection.answer(202, "accepted", keep_alive=_keeps_alive(connection))
        retry = f"Retry-After: {RETRY_AFTER}\r\n"
        return connection.answer(503, "not on disk in time", keep_alive=_keeps_alive(connection), fields=retry)

    def _after_answer(self, connection: Connection, going_on: bool) -> None:
        connection.head, connection.body = None, b""
        self.selector.register(connection.socket, selectors.EVENT_READ, connection)
        if not going_on:
            self._linger(connection)
            return
        connection.deadline = time.monotonic() + (REQUEST_SECONDS if connection.buffer else IDLE_SECONDS)
        if connection.buffer:
            self._advance(connection)

    def _linger(self, connection: Connection) -> None:
        """Read on for a moment: closing on unread data would reset the connection and take the answer away (RFC 9112, 9.6)."""
        connection.lingering = True
        connection.buffer.clear()
        connection.deadline = time.monotonic() + LINGER_SECONDS
        try:
            connection.socket.shutdown(socket.SHUT_WR)
        except OSError:
            self._close(connection)

    def _expire(self) -> None:
        now = time.monotonic()
        for key in list(self.selector.get_map().values()):
            if isinstance(key.data, Connection) and now > key.data.deadline:
                self._close(key.data)

    def _close(self, connection: Connection) -> None:
        self.selector.unregister(connection.socket)
        self.connections.discard(connection)
        connection.socket.close()


def _keeps_alive(connection: Connection) -> bool:
    return connection.head is not None and connection.head.keep_alive


main(Webhook)
