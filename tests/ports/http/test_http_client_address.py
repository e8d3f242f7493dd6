import socket
from pathlib import Path
from typing import Any

import pytest

from outrider.core.errors import (
    ConnectionFailedError,
    InvalidConfigError,
)
from outrider.core.http.messages import Request, Response
from outrider.ports.http.addresses import parse_address
from outrider.ports.http.client import Client
from tests.ports.http.support import client_for, serving


@pytest.mark.parametrize("url", ["unix:/nonexistent/socket", "http://a..b", "http://unknown:1"])
async def test_address_that_leads_nowhere(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    known = socket.getaddrinfo

    def lookup(host: str, *rest: Any, **more: Any) -> Any:
        if host == "unknown":
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return known(host, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    client = Client(url, timeout=5.0)
    with pytest.raises(ConnectionFailedError) as caught:
        await client.request("GET", "/")
    assert not caught.value.sent
    await client.close()


@pytest.mark.parametrize(
    "url",
    [
        "",
        "127.0.0.1:80",
        "ftp://a",
        "http://",
        "http://a/b",
        "http://a?b",
        "http://u:secret@a",
        "http://a:0",
        "http://a:65536",
        "http://.a",
        "http://a\r\nb",
        "unix:relative",
    ],
)
def test_address_that_is_none_is_refused_and_no_password_shown(url: str) -> None:
    with pytest.raises(InvalidConfigError) as caught:
        Client(url)
    assert "secret" not in f"{caught.value} {caught.value.found}"


async def test_host_is_that_of_the_address(tmp_path: Path) -> None:
    async def handler(request: Request) -> Response:
        return Response(200, body=" ".join(request.headers.get_all("host")).encode())

    async with serving(handler) as (server, port), client_for(port) as client:
        assert (await client.request("GET", "/")).body == f"127.0.0.1:{port}".encode()
        await server.start_unix(tmp_path / "s")
        local = Client(f"unix:{tmp_path / 's'}")
        assert (await local.request("GET", "/")).body == b"localhost"
        await local.close()


@pytest.mark.parametrize(
    ("url", "authority", "host", "port", "secure"),
    [
        ("http://a", "a", "a", 80, False),
        ("https://a.b-c:8443/", "a.b-c:8443", "a.b-c", 8443, True),
        ("https://[::1]", "[::1]", "::1", 443, True),
        ("http://[fe80::1]:81/", "[fe80::1]:81", "fe80::1", 81, False),
    ],
)
def test_parts_of_an_address(url: str, authority: str, host: str, port: int, *, secure: bool) -> None:
    address = parse_address(url)
    assert (address.authority, address.host, address.port, address.secure) == (authority, host, port, secure)
