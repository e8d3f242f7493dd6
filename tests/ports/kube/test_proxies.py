"""Requests that go through a proxy, by the kubeconfig or by the variables of the machine."""

import asyncio
import base64
import contextlib
from collections.abc import AsyncIterator
from typing import Self

import pytest

from outrider.core.errors import ConnectionFailedError, InvalidConfigError, OutriderError, UnsupportedError
from outrider.ports.kube.kubeconfig import Cluster, Target, User
from outrider.ports.kube.transport import Transport
from tests.ports.http.support import eventually
from tests.ports.kube.conftest import WIDGETS
from tests.ports.kube.support import HOST, HastyClock, Pki, TlsServer, get, transport_to
from tests.servers.kube_api.server import FakeApi

ESTABLISHED = "HTTP/1.1 200 Connection established\r\nx-proxy: 1\r\n\r\n"


class Proxy:
    """Leads to one port of this machine, whatever it is asked for: by tunnels, and what it is asked for itself.

    Args:
        port: Where tunnels lead.
        answer: What it says first.

    Attributes:
        asked: First lines of the requests.
    """

    def __init__(self, port: int, answer: str = ESTABLISHED) -> None:
        self._port, self._answer = port, answer
        self._tasks: set[asyncio.Task[None]] = set()
        self.asked: list[str] = []
        self.url = ""

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                head = await reader.readuntil(b"\r\n\r\n")
                self.asked.append(head.decode().partition("\r\n")[0])
                if not head.startswith(b"CONNECT "):
                    await self._tunnel(reader, writer, head)
                    return
                writer.write(self._answer.encode())
                if self._answer == ESTABLISHED:
                    await self._tunnel(reader, writer)
        finally:
            writer.close()

    async def _tunnel(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, first: bytes = b"") -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self._port)
        back.write(first)
        try:
            ways = [asyncio.create_task(_copy(reader, back)), asyncio.create_task(_copy(there, writer))]
            try:
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for way in ways:
                    way.cancel()
                await asyncio.wait(ways)
        finally:
            back.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while piece := await reader.read(65536):
            writer.write(piece)
            await writer.drain()


@pytest.fixture
async def proxy(fake: FakeApi) -> AsyncIterator[Proxy]:
    async with Proxy(int(fake.url.rpartition(":")[2])) as one:
        yield one


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without variables of its own."""
    for name in ("http_proxy", "https_proxy", "no_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def proxy_for(server: str, proxy_url: str = "") -> str:
    transport = Transport(
        Target("t", Cluster(server=server, proxy_url=proxy_url), User()), component="t", max_connections=1
    )
    return transport._address.proxy.url if transport._address.proxy is not None else ""


async def test_connections_to_the_proxy_are_kept(fake: FakeApi, proxy: Proxy) -> None:
    fake.put("widgets", {"metadata": {"name": "one", "namespace": "shop"}, "spec": {"text": "x" * 200_000}})
    async with transport_to("http://api.test:6443", proxy_url=proxy.url) as transport:
        for _ in range(3):
            assert b"x" * 200_000 in (await transport.send(get())).content
        await asyncio.gather(*(transport.send(get()) for _ in range(3)))
    assert {one.partition("?")[0].split(" ")[1][:21] for one in proxy.asked} == {"http://api.test:6443/"}
    assert (len(proxy.asked), len(fake.requests)) == (3, 6)
    assert fake.requests[0].headers.get("host") == "api.test:6443"


async def test_tls_goes_through_the_tunnel_to_the_server_itself() -> None:
    pki = Pki()
    async with TlsServer(pki, HOST, strict=False) as server, Proxy(server.port) as proxy:
        authority = base64.b64encode(pki.pem.encode()).decode()
        async with transport_to(
            f"https://{HOST}", proxy_url=f"{proxy.url}/", certificate_authority_data=authority
        ) as transport:
            await transport.send(get())
        async with transport_to(
            "https://[fd00::1]:6443", proxy_url=proxy.url, certificate_authority_data=authority, tls_server_name=HOST
        ) as transport:
            await transport.send(get())
    assert proxy.asked == [f"CONNECT {HOST}:443 HTTP/1.1", "CONNECT [fd00::1]:6443 HTTP/1.1"]


async def test_watches_go_through_the_proxy(fake: FakeApi, proxy: Proxy) -> None:
    fake.put("widgets", {"metadata": {"name": "one", "namespace": "shop"}})
    pieces: list[bytes] = []
    async with transport_to("http://api.test", proxy_url=proxy.url) as transport:
        task = asyncio.create_task(transport.stream(get(f"{WIDGETS.path()}?watch=true"), pieces.append))
        await eventually(lambda: bool(pieces))
        fake.end_watches("widgets")
        await task
    assert b'"ADDED"' in b"".join(pieces)


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ("HTTP/1.1 403 Forbidden by rule 7\r\n\r\n", "403 Forbidden by rule 7"),
        ("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", "407"),
        ("", "ended the connection"), ("HTTP/1.1 200 OK\r\n", "ended the connection"),
        ("hello\r\n\r\n", "makes no tunnel"), ("\r\n\r\n", "makes no tunnel"),
        ("HTTP/1.1 200 OK\r\n" + "a: b\r\n" * 5000, "ended the connection"),
    ],
    ids=range(7),
)  # fmt: skip
async def test_a_proxy_that_makes_no_tunnel_is_named_with_what_it_says(fake: FakeApi, answer: str, why: str) -> None:
    secure = fake.url.replace("http:", "https:")
    async with Proxy(0, answer) as proxy, transport_to(secure, proxy_url=proxy.url, clock=HastyClock()) as transport:
        with pytest.raises(ConnectionFailedError, match=why) as caught:
            await transport.send(get())
    assert proxy.url in caught.value.message
    assert not caught.value.sent
    assert fake.requests == []


async def test_nobody_at_the_address_of_the_proxy_is_told(fake: FakeApi, proxy: Proxy) -> None:
    await proxy.__aexit__()
    async with transport_to(fake.url, proxy_url=proxy.url, clock=HastyClock()) as transport:
        with pytest.raises(ConnectionFailedError, match=proxy.url.rpartition(":")[2]):
            await transport.send(get())


@pytest.mark.parametrize("url", ["socks5://proxy:1080", "https://proxy", "socks5://me:s3cr3t@proxy:1080"])
def test_other_kinds_of_proxies_are_refused_at_once(url: str) -> None:
    with pytest.raises(UnsupportedError, match="proxies are not supported") as caught:
        proxy_for("https://a", url)
    assert "s3cr3t" not in str(caught.value.body())


@pytest.mark.parametrize("url", ["http://me:s3cr3t@proxy:1080/path", "http://"])
async def test_what_is_no_address_of_a_proxy_is_refused_without_being_shown(url: str) -> None:
    with pytest.raises(OutriderError) as caught:
        async with transport_to("http://api.test", proxy_url=url, clock=HastyClock()) as transport:
            await transport.send(get())
    assert isinstance(caught.value, InvalidConfigError)
    assert "s3cr3t" not in str(caught.value.body())


async def test_the_variables_of_the_machine_name_a_proxy(
    fake: FakeApi, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    async with transport_to("http://api.test:6443") as transport:
        await transport.send(get())
    assert (len(proxy.asked), len(fake.requests)) == (1, 1)


def test_the_variable_for_the_scheme_counts_and_the_kubeconfig_before_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://plain:1")
    monkeypatch.setenv("HTTPS_PROXY", "http://secure:2")
    assert (proxy_for("http://a"), proxy_for("https://a")) == ("http://plain:1", "http://secure:2")
    assert proxy_for("https://a", "http://mine:3") == "http://mine:3"
    monkeypatch.setenv("HTTPS_PROXY", "secure:2")
    assert proxy_for("https://a") == "http://secure:2"


@pytest.mark.parametrize(
    ("server", "excepted"),
    [
        ("https://api.test", "api.test"), ("https://api.test:6443", "other, api.test"), ("https://a.b.test", ".test"),
        ("https://a.test", "test"), ("https://a.test", "*"),
        ("https://10.1.2.3:6443", "10.1.2.3"), ("https://10.1.2.3:6443", "10.0.0.0/8"),
        ("https://[fd00::1]", "fd00::/8"),
        pytest.param("https://10.1.2.3", "no/8,10.0.0.0/8"),
    ],
)  # fmt: skip
def test_servers_that_the_machine_excepts_are_asked_directly(
    monkeypatch: pytest.MonkeyPatch, server: str, excepted: str
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:1")
    assert proxy_for(server) == "http://proxy:1"
    monkeypatch.setenv("NO_PROXY", excepted)
    assert proxy_for(server) == ""
    assert proxy_for(server, "http://mine:3") == "http://mine:3", "the kubeconfig means this very server"


@pytest.mark.parametrize(
    ("server", "excepted"),
    [
        ("https://api.test", "est"),
        ("https://api.test", "other.test"),
        ("https://11.1.2.3", "10.0.0.0/8"),
        ("https://11.1.2.3", "no/8"),
    ],
)
def test_others_are_not_excepted(monkeypatch: pytest.MonkeyPatch, server: str, excepted: str) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:1")
    monkeypatch.setenv("NO_PROXY", excepted)
    assert proxy_for(server) == "http://proxy:1"


@pytest.mark.parametrize("server", ["https://127.0.0.1:6443", "https://localhost:6443", "https://[::1]:6443"])
def test_this_machine_itself_is_asked_directly(monkeypatch: pytest.MonkeyPatch, server: str) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:1")
    assert proxy_for(server) == ""
