"""Proxies on the way: http is asked of them in absolute form, https goes through a tunnel."""

from base64 import b64encode
from pathlib import Path

import msgspec
import pytest

from outrider.core.errors import ConnectionFailedError, InvalidConfigError
from outrider.core.http.messages import Request, Response
from outrider.ports.certificates.tls import client_context, server_context
from outrider.ports.http.addresses import parse_address
from outrider.ports.http.client import Client
from outrider.ports.http.proxies import parse_proxy
from tests.ports.http.authority import Authority
from tests.ports.http.proxy_program import proxy_program
from tests.ports.http.support import eventually, serving

LOGIN = "Basic " + b64encode(b"an a:pa:ss").decode()


async def told(request: Request) -> Response:
    shown = [request.headers.get(name) or "" for name in ("host", "proxy-authorization", "x-own")]
    return Response(200, body=" ".join([request.method, request.path, *shown]).encode() + request.body)


def client(url: str, proxy: str, **options: object) -> Client:
    return Client(msgspec.structs.replace(parse_address(url), proxy=parse_proxy(proxy)), timeout=10.0, **options)  # type: ignore[arg-type]


async def test_http_is_asked_of_the_proxy_itself_on_one_connection() -> None:
    async with serving(told) as (_, port), proxy_program() as proxy:
        origin = f"http://127.0.0.1:{port}"
        asking = client(origin, proxy.url)
        answers = [await asking.request("GET", f"/a?b={number}", headers={"x-own": "x"}) for number in range(3)]
        answers.append(await asking.request("PUT", "/c", body=b"body"))
        await asking.close()
    assert [one.content.decode() for one in answers] == [
        *[f"GET /a 127.0.0.1:{port}  x"] * 3,
        f"PUT /c 127.0.0.1:{port}  body",
    ]
    assert proxy.asked == [
        *[f"GET {origin}/a?b={number} HTTP/1.1" for number in range(3)],
        f"PUT {origin}/c HTTP/1.1",
    ]
    assert proxy.connections == 1


async def test_a_login_is_shown_to_the_proxy_alone() -> None:
    async with serving(told) as (_, port), proxy_program(LOGIN) as proxy:
        origin = f"http://127.0.0.1:{port}"
        asking = client(origin, proxy.url.replace("//", "//an%20a:pa%3Ass@"))
        answer = await asking.request("GET", "/a")
        pieces: list[bytes] = []
        await asking.stream("GET", "/b", pieces.append)
        await asking.close()
        without = client(origin, proxy.url)
        assert (await without.request("GET", "/a")).status == 407
        await without.close()
    assert answer.content.decode() == f"GET /a 127.0.0.1:{port}  "
    assert b"".join(pieces).decode() == f"GET /b 127.0.0.1:{port}  "


async def test_https_goes_through_a_tunnel(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    tls = server_context(authority.issue("server", dns=("localhost",)), authority.pem, require_client=False)
    async with serving(told, tls=tls) as (_, port), proxy_program(LOGIN) as proxy:
        origin = f"https://localhost:{port}"
        asking = client(origin, proxy.url.replace("//", "//an%20a:pa%3Ass@"), tls=client_context(authority.pem))
        assert (await asking.request("GET", "/a")).content.decode() == f"GET /a localhost:{port}  "
        await asking.request("GET", "/b")
        await asking.close()
        assert proxy.asked == [f"CONNECT localhost:{port} HTTP/1.1"]
        await eventually(lambda: proxy.open == 0)
        refused = client(origin, proxy.url, tls=client_context(authority.pem))
        with pytest.raises(ConnectionFailedError, match=rf"the proxy {proxy.url} makes no tunnel: HTTP/1.1 407"):
            await refused.request("GET", "/a")


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_proxy_that_cannot_be_reached_is_named(scheme: str) -> None:
    asking = client(f"{scheme}://server.test:443", "http://ana:secret@127.0.0.1:9")
    with pytest.raises(ConnectionFailedError) as caught:
        await asking.request("GET", "/")
    assert (
        caught.value.message
        == f"{scheme}://server.test:443: the proxy http://127.0.0.1:9 cannot be reached: Connection refused"
    )
    assert caught.value.suggestions[0].startswith("start the proxy, or correct it")


@pytest.mark.parametrize(
    ("said", "url"),
    [
        ("http://p.test:1", "http://p.test:1"), ("p.test:3128/", "http://p.test:3128"), ("http://p.test", "http://p.test:80"),
        ("http://[::1]:1", "http://[::1]:1"), ("http://a:b@p.test:1", "http://p.test:1"),
    ],
)  # fmt: skip
def test_proxies_as_they_are_written(said: str, url: str) -> None:
    assert parse_proxy(said).url == url


@pytest.mark.parametrize(
    "said",
    [
        "https://a:secret@p.test",
        "socks5://p.test",
        "http://",
        "http://p.test:x",
        "http://p.test/path",
    ],
)
def test_what_is_no_proxy_of_http(said: str) -> None:
    with pytest.raises(InvalidConfigError) as caught:
        parse_proxy(said)
    assert "secret" not in f"{caught.value} {caught.value.body()}"
