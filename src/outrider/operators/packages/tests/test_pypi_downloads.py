"""Indexes that are slow of wit, broken or malicious, and what we tell them and others."""

import asyncio
import gzip
from pathlib import Path

import pytest

from outrider.core.errors import (
    ConnectionFailedError,
    DeadlineExceededError,
    ExecutionFailedError,
)
from outrider.core.http.headers import Headers
from outrider.core.http.messages import Request, Response
from outrider.operators.packages.registries.downloads import Document
from outrider.operators.packages.tests.asking import Asking, downloads
from outrider.operators.packages.tests.python_index import PythonIndex, document, status
from outrider.operators.packages.tests.wheels import packed

PASSWORD = "correct-horse"


@pytest.mark.parametrize("json", [True, False])
@pytest.mark.parametrize("metadata", [True, False])
@pytest.mark.parametrize("ranges", [True, False])
@pytest.mark.parametrize("zipped", [True, False])
async def test_indexes_of_any_ability(tmp_path: Path, json: bool, metadata: bool, ranges: bool, zipped: bool) -> None:
    async with PythonIndex(json=json, metadata=metadata, ranges=ranges, zipped=zipped, login="a:b") as index:
        index.add("web", "1.0", "core>=1", python=">=3.6,<4")
        index.add("web", "2.0", yanked="it's <bad>")
        index.add("core", "1", "web")
        ask = Asking(tmp_path, index.url.replace("//", "//a:b@"))
        assert await ask.pins("web") == ["core==1", "web==1.0"]
        assert len(index.requests) == 4


async def test_of_large_wheels_little_is_fetched(index: PythonIndex, tmp_path: Path) -> None:
    text = b"Metadata-Version: 2.1\nName: web\nVersion: 1\nRequires-Dist: core\n"
    content = packed(
        {"web-1.dist-info/METADATA": text, "web/data.bin": bytes(4 << 20)},
        {f"web/{one:080}": b"" for one in range(900)},
    )
    wheel = index.add("web", "1", content=content)
    index.add("core", "1")
    index.answers[f"/files/{wheel.name}.metadata"] = status(404)
    assert await Asking(tmp_path, index.url).pins("web") == ["core==1", "web==1"]
    asked = [seen.headers.get("range") or "" for seen in index.requests if seen.path == f"/files/{wheel.name}"]
    assert len(asked) == 3
    assert asked[0] == "bytes=-32768"
    sizes = [
        int(end) - int(begin) for begin, _, end in (one.removeprefix("bytes=").partition("-") for one in asked[1:])
    ]
    assert sum(sizes) < 200_000


@pytest.mark.parametrize("total", ["*", "\u00b2", "9" * 5000, "0", "1", "999999999999999999", ""])
async def test_a_size_that_is_none(index: PythonIndex, tmp_path: Path, total: str) -> None:
    index.add("web", "1")
    wheel = index.add("web", "2")

    def lie(request: Request) -> Response:
        return Response(206, Headers({"content-range": f"bytes 0-9/{total}"}), wheel.packed()[:50])

    index.answers[f"/files/{wheel.name}"], index.answers[f"/files/{wheel.name}.metadata"] = lie, status(404)
    assert await Asking(tmp_path, index.url).pins("web") == ["web==1"]


@pytest.mark.parametrize(
    "url",
    [
        "ftp://host/x.whl",
        "file:///etc/passwd",
        "http://127.0.0.1:99999/x.whl",
        "http://h\u00f6st/x.whl",
        "/a b.whl",
        "/a\\r\\nb: c",
        "javascript:x",
        "http://_x/y.whl",
    ],
)
async def test_a_file_at_an_address_that_cannot_be_used_is_passed_over(
    index: PythonIndex, tmp_path: Path, url: str
) -> None:
    index.add("web", "1")
    page = f'{{"files": [{{"filename": "web-2-py3-none-any.whl", "url": "{url}"}}, {{"filename": "web-1-py3-none-any.whl", "url": "/files/web-1-py3-none-any.whl"}}]}}'
    index.answers["/simple/web/"] = document(page.encode())
    assert await Asking(tmp_path, index.url).pins("web") == ["web==1"]


async def test_a_bomb_is_not_unpacked(index: PythonIndex) -> None:
    index.answers["/bomb"] = document(gzip.compress(bytes(200 << 20), 1), content_encoding="gzip")
    index.answers["/cut"] = document(gzip.compress(b"{}" * 1000)[:-9], content_encoding="gzip")
    index.answers["/none"] = document(b"{}", content_encoding="gzip")
    index.answers["/other"] = document(b"{}", content_encoding="br")
    index.answers["/parts"] = document(gzip.compress(b"one ") + gzip.compress(b"two"), content_encoding="gzip")
    async with downloads(index.url) as client:
        for path in ("/bomb", "/cut", "/parts"):
            with pytest.raises(ExecutionFailedError):
                await client.get(index.root + path)
        for path in ("/none", "/other"):
            with pytest.raises(ConnectionFailedError):
                await client.get(index.root + path)


async def test_a_document_beyond_all_bounds_is_not_read(index: PythonIndex) -> None:
    index.answers["/large"] = lambda _: Response(200, body=bytes(65 << 20))
    async with downloads(index.url) as client:
        with pytest.raises(ExecutionFailedError) as caught:
            await client.get(f"{index.root}/large")
    assert caught.value.suggestions


async def test_a_wheel_that_is_too_large_to_be_read_whole_is_passed_over(tmp_path: Path) -> None:
    async with PythonIndex(metadata=False, ranges=False) as index:
        index.add("web", "1")
        wheel = index.add("web", "2")
        index.answers[f"/files/{wheel.name}"] = lambda _: Response(200, body=bytes(65 << 20))
        assert await Asking(tmp_path, index.url).pins("web") == ["web==1"]


async def test_a_server_that_says_nothing() -> None:
    gone = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()
        await writer.wait_closed()
        gone.set()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with downloads(url, timeout=0.2) as client:
        with pytest.raises(DeadlineExceededError):
            await client.get(f"{url}/x")
    await asyncio.wait_for(gone.wait(), 5)
    server.close()


async def test_only_what_has_changed_is_fetched(index: PythonIndex) -> None:
    index.add("web", "1")
    async with downloads(index.url) as client:
        first = await client.get(f"{index.url}/web/")
        again = await client.get(f"{index.url}/web/", known=first)
        assert (first.status, again.status, again.content) == (200, 304, None)
        known = Document(content=None, url="", modified="Thu, 01 Jan 2026 00:00:00 GMT")
        await client.get(f"{index.url}/web/", known=known)
    assert index.requests[-1].headers.get("if-modified-since") == known.modified
