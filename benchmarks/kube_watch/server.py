"""A fake API server: agents that are there before a watch begins, or come after; prepared, so that it costs little to tell them.

Each event of the stream is an HTTP chunk, and slices of 64 KiB are written at a time. Of other kinds there is nothing. It prints
its port when it can be asked.
"""

import argparse
import json
import queue
import ssl
import sys
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import socket
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from benchmarks.kube_watch import samples
from tests.servers.kube_api.discovery import describe
from tests.servers.kube_api.errors import ApiError
from tests.servers.kube_api.kinds import Kind

SLICE_BYTES = 64 * 1024
AGENTS = Kind(kind=samples.KIND, plural=samples.PLURAL, group=samples.GROUP, version=samples.VERSION)
# Those that kopf looks for before it does anything.
KINDS = [
    AGENTS,
    Kind(kind="Namespace", plural="namespaces", namespaced=False),
    Kind(kind="Event", plural="events"),
    Kind(kind="CustomResourceDefinition", plural="customresourcedefinitions", group="apiextensions.k8s.io", namespaced=False),
]  # fmt: skip
_BY_PLURAL = {kind.plural: kind for kind in KINDS}
Asked = dict[str, str]


class Objects:
    """The agents.

    Args:
        count: How many.
        before: Whether they are there before any watch; else a list is empty, and a watch tells of them as they come.
    """

    def __init__(self, count: int, *, before: bool) -> None:
        self.before = before
        self.first, self.last = samples.FIRST_VERSION, samples.FIRST_VERSION + count
        self._lines = [samples.line(number) for number in range(count)]
        self._stream = b"".join(chunk(line) for line in self._lines)
        self._numbers = {samples.name(number): number for number in range(count)}
        self._watches: list[queue.SimpleQueue[bytes]] = []

    def page(self, asked: Asked) -> bytes:
        """Return a list, or that part of it that is asked for."""
        found = self._lines if self.before else []
        begin, limit = int(asked.get("continue", "0")), int(asked.get("limit", "0")) or len(found)
        end = begin + limit
        version = self.last if self.before else self.first
        metadata = {"resourceVersion": str(version), **({"continue": str(end)} if end < len(found) else {})}
        items = b",".join(samples.object_in(line) for line in found[begin:end])
        return _list_of(AGENTS, metadata, items)

    def told(self, asked: Asked) -> Iterator[bytes]:
        """Give what a watch tells at once, in slices."""
        if asked.get("resourceVersion") == str(self.last):
            return
        mark = chunk(samples.end_mark(AGENTS.kind, AGENTS.api_version, self.last if self.before else self.first))
        initial = "sendInitialEvents" in asked
        if initial and not self.before:
            yield mark
        for begin in range(0, len(self._stream), SLICE_BYTES):
            yield self._stream[begin : begin + SLICE_BYTES]
        if initial and self.before:
            yield mark

    def follow(self) -> "queue.SimpleQueue[bytes]":
        """Return where changes from now on come."""
        self._watches.append(queue.SimpleQueue())
        return self._watches[-1]

    def touch(self, name: str) -> bytes:
        """Change an object, have all watches told, and return it."""
        number = self._numbers[name]
        self.last += 1
        event = samples.changed(self._lines[number], self.last, time.monotonic())
        for watch in self._watches:
            watch.put(chunk(event))
        return json.dumps(json.loads(event)["object"]).encode()


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    objects: Objects

    def do_GET(self) -> None:
        """Answer what is read."""
        parts = urlsplit(self.path)
        asked = dict(parse_qsl(parts.query))
        segments = parts.path.strip("/").split("/")
        kind = _BY_PLURAL.get(segments[-1])
        if kind is None:
            self._describe(segments)
        elif asked.get("watch", "").lower() in ("true", "1"):
            self._watch(kind, asked)
        else:
            self._answer(200, self.objects.page(asked) if kind is AGENTS else _list_of(kind, {"resourceVersion": "1"}))

    def do_PATCH(self) -> None:
        """Change an object, whatever is wanted of it."""
        self.rfile.read(int(self.headers["content-length"]))
        self._answer(200, self.objects.touch(urlsplit(self.path).path.rpartition("/")[2]))

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is http.server's
        """Say nothing."""

    def _describe(self, segments: list[str]) -> None:
        try:
            self._answer(200, json.dumps(describe(segments, KINDS)).encode())
        except ApiError as error:
            self._answer(error.code, json.dumps(error.status).encode())

    def _answer(self, status: int, content: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _watch(self, kind: Kind, asked: Asked) -> None:
        """Tell what there is, and then what changes, until the client goes."""
        changes = self.objects.follow() if kind is AGENTS else queue.SimpleQueue[bytes]()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        if kind is AGENTS:
            for piece in self.objects.told(asked):
                self.wfile.write(piece)
        elif "sendInitialEvents" in asked:
            self.wfile.write(chunk(samples.end_mark(kind.kind, kind.api_version, 1)))
        while True:
            self.wfile.write(changes.get())


class Server(ThreadingHTTPServer):
    """Listens on a free port of the loopback.

    Args:
        tls: None for plain HTTP.
    """

    daemon_threads = True

    def __init__(self, tls: ssl.SSLContext | None) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self._tls = tls

    def get_request(self) -> tuple[socket, Any]:
        """Take a connection; its handshake is made by its own thread."""
        connection, address = super().get_request()
        if self._tls is not None:
            connection = self._tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        return connection, address

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of clients that are gone."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


def chunk(content: bytes) -> bytes:
    """Return a chunk of a body (RFC 9112 section 7.1)."""
    return b"%x\r\n%b\r\n" % (len(content), content)


def _list_of(kind: Kind, metadata: dict[str, str], items: bytes = b"") -> bytes:
    head = {"kind": f"{kind.kind}List", "apiVersion": kind.api_version, "metadata": metadata}
    return json.dumps(head).encode().removesuffix(b"}") + b',"items":[' + items + b"]}"


def serve() -> None:
    """Answer until this process is ended."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("count", type=int)
    parser.add_argument("--before", action="store_true", help="the objects are there before a watch begins")
    parser.add_argument("--tls", nargs=2, metavar=("CERTIFICATE", "KEY"), help="files in PEM form")
    given = parser.parse_args()
    tls = None
    if given.tls:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(*given.tls)
    Handler.objects = Objects(given.count, before=given.before)
    with Server(tls) as server:
        sys.stdout.write(f"{server.server_port}\n")
        sys.stdout.flush()
        server.serve_forever()


if __name__ == "__main__":
    serve()
