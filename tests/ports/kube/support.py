"""What tests of requests share: a clock that never makes them wait, servers with certificates, and single requests."""

import contextlib
import ssl
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Self

import pytest

from outrider.core.http.messages import Request, Response
from outrider.local.cluster.programs import programs_folder
from outrider.ports.certificates.key_pair import KeyPair
from outrider.ports.certificates.subjects import Subject, issue, new_authority
from outrider.ports.clock import Clock
from outrider.ports.clock.manual import ManualClock
from outrider.ports.http.server import Server
from outrider.ports.kube.kubeconfig import Cluster, Target, User
from outrider.ports.kube.transport import Call, Transport
from tests.ports.http.support import eventually
from tests.servers.kube_api.faults import json_answer

WIDGETS_PATH = "/apis/test.outrider.dev/v1/namespaces/shop/widgets"
HOST = "api.test"
KUBECTL = programs_folder() / "kubectl"
needs_kubectl = pytest.mark.skipif(not KUBECTL.exists(), reason=f"{KUBECTL} is not built: run `make test`")


class HastyClock(ManualClock):
    """A clock on which every pause is over at once.

    Attributes:
        pauses: How long each would have been.
        in_pause: What happens meanwhile.
    """

    def __init__(self) -> None:
        super().__init__()
        self.pauses: list[float] = []
        self.in_pause: Callable[[], Awaitable[object]] | None = None

    async def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        if self.in_pause is not None:
            await self.in_pause()
        self.advance(seconds)
        await super().sleep(0)


@contextlib.asynccontextmanager
async def transport_to(
    server: str | Target, user: User | None = None, *, clock: Clock | None = None, connections: int = 32, **cluster: Any
) -> AsyncIterator[Transport]:
    """What sends requests to a server."""
    target = Target("test", Cluster(server=server, **cluster), user or User()) if isinstance(server, str) else server
    transport = Transport(target, component="test", max_connections=connections, clock=clock)
    try:
        yield transport
    finally:
        await transport.close()


def get(path: str = WIDGETS_PATH, **settings: Any) -> Call:
    """A request that may be repeated."""
    return Call("GET", path, "list Widget", **{"repeatable": True, **settings})


class Pki:
    """An authority and what it certifies, from now on for an hour."""

    def __init__(self, name: str = "authority") -> None:
        self.authority = new_authority(name, time.time(), lifetime=3600)

    @property
    def pem(self) -> str:
        return self.authority.certificate

    def server(self, *hosts: str) -> KeyPair:
        subject = Subject(name="server", hosts=hosts or ("127.0.0.1", HOST))
        return issue(self.authority, subject, time.time(), lifetime=3600)

    def client(self, name: str) -> KeyPair:
        return issue(self.authority, Subject(name=name, client=True), time.time(), lifetime=3600)


def show(context: ssl.SSLContext, pair: KeyPair) -> None:
    """Let a server show a certificate from now on."""
    with tempfile.NamedTemporaryFile("w") as file:
        file.write(pair.certificate + pair.key)
        file.flush()
        context.load_cert_chain(file.name)


class TlsServer:
    """A server that answers who asked, by certificate and by header.

    Args:
        pki: Who certifies server and clients.
        strict: Whether it wants a certificate of the client.

    Attributes:
        asked: The answers that were given.
        waits: Is awaited before each answer.
    """

    def __init__(self, pki: Pki, *hosts: str, strict: bool = True) -> None:
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_verify_locations(cadata=pki.pem)
        self.context.verify_mode = ssl.CERT_REQUIRED if strict else ssl.CERT_OPTIONAL
        show(self.context, pki.server(*hosts))
        self.asked: list[dict[str, str]] = []
        self.waits: Callable[[], Awaitable[object]] | None = None
        self.port = 0
        self._server = Server(self._answer, tls=self.context)

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    async def drop_connections(self) -> None:
        """End all connections, so that the next request makes a new one."""
        for connection in list(self._server._state.connections):
            connection.abort()
        await eventually(lambda: self._server.connections == 0)

    async def _answer(self, request: Request) -> Response:
        shown = request.peer.certificate
        name = dict(pair[0] for pair in shown["subject"])["commonName"] if shown else ""
        told = {"name": name, "authorization": request.headers.get("authorization") or ""}
        self.asked.append(told)
        if self.waits is not None:
            await self.waits()
        return json_answer(200, told)

    async def __aenter__(self) -> Self:
        self.port = await self._server.start_tcp("127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._server.stop(0)
