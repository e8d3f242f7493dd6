"""What is told to whom: credentials, proxies, authorities."""

import logging
import ssl
from pathlib import Path

import pytest

from outrider.core.errors import (
    ConnectionFailedError,
    InvalidConfigError,
    NotFoundError,
    OutriderError,
)
from outrider.operators.packages.tests.asking import Asking, downloads
from outrider.operators.packages.tests.python_index import PythonIndex, document, redirect, status
from tests.ports.http.proxy_program import proxy_program

PASSWORD = "correct-horse"


@pytest.mark.parametrize("number", [301, 302, 303, 307, 308])
async def test_credentials_are_told_to_nobody_else(caplog: pytest.LogCaptureFixture, number: int) -> None:
    caplog.set_level(logging.DEBUG)
    async with PythonIndex(login=f"ana:{PASSWORD}") as index, PythonIndex() as other:
        other.answers["/there"] = document(b"{}")
        other.answers["/back"] = redirect(f"{index.root}/here")
        index.answers["/here"] = document(b"{}")
        index.answers["/away"] = redirect(f"{other.root}/there", number)
        index.answers["/round"] = redirect(f"{other.root}/back", number)
        index.answers["/name"] = redirect(f"http://localhost:{index.port}/here", number)
        index.answers["/user"] = redirect(f"http://x:y@127.0.0.1:{other.port}/there", number)
        async with downloads(index.url.replace("//", f"//ana:{PASSWORD}@")) as client:
            assert (await client.get(f"{index.root}/away")).url == f"{other.root}/there"
            await client.get(f"{index.root}/round")
            await client.get(f"{index.root}/user")
            with pytest.raises(OutriderError):
                await client.get(f"{index.root}/name")
        assert [seen.headers.get("authorization") for seen in other.requests] == [None, None, None]
        assert index.requests[-1].headers.get("authorization") is None
    assert PASSWORD not in caplog.text


@pytest.mark.parametrize("number", [400, 401, 403, 404, 410, 416, 429, 451, 500, 502, 503, 999])
async def test_no_error_shows_credentials(number: int) -> None:
    async with PythonIndex() as index:
        index.answers["/simple/web/"] = status(number)
        url = index.url.replace("//", f"//ana:{PASSWORD}@")
        async with downloads(url) as client:
            for asked in (f"{index.url}/web/?token={PASSWORD}", f"{url}/web/"):
                with pytest.raises(OutriderError) as caught:
                    await client.get(asked)
                assert PASSWORD not in f"{caught.value!r} {caught.value} {caught.value.body()}"


async def test_nobody_there() -> None:
    async with downloads(f"http://ana:{PASSWORD}@127.0.0.1:9") as client:
        with pytest.raises(ConnectionFailedError) as caught:
            await client.get("http://127.0.0.1:9/simple/web/")
    assert PASSWORD not in str(caught.value)


async def test_a_proxy_on_the_way(index: PythonIndex, tmp_path: Path) -> None:
    index.add("web", "1")
    ask = Asking(tmp_path, index.url)
    async with proxy_program() as proxy:
        ask.environment["http_proxy"] = proxy.url
        assert await ask.pins("web") == ["web==1"]
        assert proxy.asked[0] == f"GET {index.url}/web/ HTTP/1.1"
        count = len(proxy.asked)
        ask.environment["no_proxy"] = "127.0.0.1"
        with pytest.raises(NotFoundError):
            await ask.pins("none")
        assert len(proxy.asked) == count


async def test_where_a_redirect_leads_has_its_own_proxy() -> None:
    async with PythonIndex() as index, PythonIndex() as other, proxy_program() as proxy:
        index.answers["/a"] = redirect(f"{other.root}/b")
        index.answers["/c"] = redirect(f"http://localhost:{other.port}/d")
        other.answers |= {"/b": document(b"{}"), "/d": document(b"{}")}
        async with downloads(index.url, http_proxy=proxy.url, no_proxy="localhost") as client:
            await client.get(f"{index.root}/a")
            await client.get(f"{index.root}/c")
    targets = [f"{index.root}/a", f"{other.root}/b", f"{index.root}/c"]
    assert proxy.asked == [f"GET {one} HTTP/1.1" for one in targets]


async def test_a_proxy_that_cannot_be_used_is_told_without_its_password(index: PythonIndex, tmp_path: Path) -> None:
    ask = Asking(tmp_path, index.url)
    ask.environment["http_proxy"] = f"http://ana:{PASSWORD}@127.0.0.1:9"
    with pytest.raises(OutriderError) as caught:
        await ask.pins("web")
    assert PASSWORD not in f"{caught.value} {caught.value.body()}"


async def test_authorities_that_cannot_be_read(tmp_path: Path) -> None:
    for content in (None, b"no certificate"):
        if content:
            (tmp_path / "ca.pem").write_bytes(content)
        ask = Asking(tmp_path, "https://127.0.0.1:9/simple")
        ask.environment["PIP_CERT"] = str(tmp_path / "ca.pem")
        with pytest.raises((InvalidConfigError, ssl.SSLError)) as caught:
            await ask.pins("web")
        assert isinstance(caught.value, InvalidConfigError)
        assert caught.value.suggestions
