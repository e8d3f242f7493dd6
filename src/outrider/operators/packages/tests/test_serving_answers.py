import asyncio
import gzip
import hashlib
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from outrider.core.http.messages import Response
from outrider.operators.packages.serving import documents
from outrider.operators.packages.serving.negotiation import accepted, part_of, same_tag
from outrider.operators.packages.tests.asking import Asking
from outrider.operators.packages.tests.npm_registry import NpmAsking, NpmRegistry
from outrider.operators.packages.tests.python_index import PythonIndex
from outrider.operators.packages.tests.running_registry import RunningRegistry
from outrider.ports.http.client import Client


@pytest.mark.parametrize(
    ("header", "chosen"),
    [
        (None, "identity"), ("gzip", "gzip"), ("gzip, zstd", "zstd"), ("gzip;q=0", "identity"), ("*", "zstd"), ("identity", "identity"),
        ("br", "identity"), ("gzip;q=0.5, identity;q=0.8", "identity"), ("zstd;q=nonsense, gzip", "gzip"), ("*;q=0", None),
        ("identity;q=0, *;q=0", None),
    ],
)  # fmt: skip
def test_a_client_gets_the_encoding_that_it_likes_best(header: str | None, chosen: str | None) -> None:
    assert accepted(header, documents.ENCODINGS) == chosen


def test_media_types_are_chosen_by_quality_and_by_kind() -> None:
    offered = ("application/json", "text/html")
    assert accepted("text/html, application/json;q=0.9", offered) == "text/html"
    assert accepted("text/*;q=0.1, */*;q=0.5", offered) == "application/json"
    assert accepted("image/png", offered) is None


@given(st.text(max_size=200))
def test_any_header_is_read(header: str) -> None:
    assert accepted(header, documents.ENCODINGS) in (None, *documents.ENCODINGS)
    same_tag(header, '"x"')


def test_tags_are_compared_weakly() -> None:
    assert same_tag('"a", W/"x"', '"x"')
    assert same_tag("*", '"x"')
    assert not same_tag('"a"', '"x"')


@pytest.mark.parametrize(
    ("header", "part"),
    [
        (None, None), ("bytes=0-0", (0, 1)), ("bytes=2-", (2, 10)), ("bytes=-3", (7, 10)), ("bytes=-30", (0, 10)), ("bytes=4-99", (4, 10)),
        ("bytes=0-1,4-5", None), ("bytes=5-2", None), ("bytes=", None), ("lines=1-2", None), ("bytes=x-2", None),
    ],
)  # fmt: skip
def test_parts_of_files(header: str | None, part: tuple[int, int] | None) -> None:
    assert part_of(header, 10) == part


@pytest.mark.parametrize("header", ["bytes=10-", "bytes=-0", "bytes=99-100"])
def test_a_part_that_is_not_there_is_refused(header: str) -> None:
    with pytest.raises(ValueError, match="no bytes"):
        part_of(header, 10)


async def get(client: Client, path: str, method: str = "GET", **headers: str) -> Response:
    return await client.request(
        method, path, headers={name.replace("_", "-"): value for name, value in headers.items()}
    )


async def test_documents_in_each_encoding_and_by_their_tags(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compressions: list[int] = []
    compress = gzip.compress

    def counted(content: bytes, level: int, mtime: int) -> bytes:
        compressions.append(len(content))
        return compress(content, level, mtime=mtime)

    monkeypatch.setattr(gzip, "compress", counted)
    async with PythonIndex() as index:
        for number in range(20):
            index.add("web", f"1.{number}")
        async with RunningRegistry(tmp_path, Asking(tmp_path, index.url).environment, ecosystems=["pypi"]) as registry:
            client = Client(registry.url)
            plain = await get(client, "/pypi/simple/web/")
            packed = await get(client, "/pypi/simple/web/", accept_encoding="gzip")
            better = await get(client, "/pypi/simple/web/", accept_encoding="zstd")
            assert gzip.decompress(packed.content) == plain.content
            assert zstandard.ZstdDecompressor().decompress(better.content) == plain.content
            assert len({one.headers.get("etag") for one in (plain, packed, better)}) == 3
            for _ in range(3):
                again = await get(
                    client,
                    "/pypi/simple/web/",
                    accept_encoding="gzip",
                    if_none_match=f'"other", W/{packed.headers.get("etag")}',
                )
                assert (again.status, again.content) == (304, b"")
            head = await get(client, "/pypi/simple/web/", "HEAD", accept_encoding="gzip")
            assert (head.status, head.content, head.headers.get("etag")) == (200, b"", packed.headers.get("etag"))
            # Of each document one, whoever asks and however often.
            assert len(compressions) == 2
            await client.close()


async def test_files_whole_and_in_part(tmp_path: Path) -> None:
    async with PythonIndex() as index:
        wheel = index.add("web", "1.0")
        whole = wheel.packed()
        async with RunningRegistry(tmp_path, Asking(tmp_path, index.url).environment, ecosystems=["pypi"]) as registry:
            client = Client(registry.url)
            path = f"/pypi/files/web/{wheel.name}"
            first = await get(client, path, range="bytes=0-9")
            assert (first.status, first.content) == (206, whole[:10])
            assert first.headers.get("content-range") == f"bytes 0-9/{len(whole)}"
            tag = first.headers.get("etag") or ""
            assert tag == f'"{hashlib.sha256(whole).hexdigest()[:32]}"'
            assert (await get(client, path, range="bytes=-5", if_range=tag)).content == whole[-5:]
            assert (await get(client, path, range="bytes=-5", if_range='"other"')).content == whole
            beyond = await get(client, path, range=f"bytes={len(whole)}-")
            assert (beyond.status, beyond.headers.get("content-range")) == (416, f"bytes */{len(whole)}")
            head = await get(client, path, "HEAD")
            assert (head.content, head.headers.get("content-length")) == (b"", str(len(whole)))
            part = await get(client, path, "HEAD", range="bytes=0-9")
            assert (part.status, part.headers.get("content-length")) == (200, str(len(whole)))
            metadata = await get(client, f"{path}.metadata")
            assert metadata.content.decode() == wheel.metadata
            await client.close()


async def test_what_a_path_must_not_lead_to(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("s")
    async with NpmRegistry() as upstream, PythonIndex() as index:
        environment = {**NpmAsking(tmp_path, upstream.url).environment, **Asking(tmp_path, index.url).environment}
        async with RunningRegistry(tmp_path, environment, ecosystems=["pypi", "npm"]) as registry:
            client = Client(registry.url)
            for path in (
                "/pypi/files/web/..%2f..%2fsecret", "/pypi/files/../../secret", "/npm/..%2f..%2fsecret", "/npm/web/-/..%2fsecret",
                "/npm/%00", "/pypi/simple/%2e%2e/", "/nothing", "/pypi/", "/npm/", "/pypi/simple/%ff/",
            ):  # fmt: skip
                answer = await get(client, path)
                assert answer.status in (301, 400, 404, 405), (path, answer)
                assert answer.content != b"s"
            await client.close()


async def test_many_who_ask_for_the_same_have_it_fetched_once(tmp_path: Path) -> None:
    async with NpmRegistry() as upstream:
        upstream.add("web@1.0.0")
        async with RunningRegistry(
            tmp_path, NpmAsking(tmp_path, upstream.url).environment, ecosystems=["npm"]
        ) as registry:
            client = Client(registry.url, max_connections=100)
            answers = await asyncio.gather(*(get(client, "/npm/web") for _ in range(100)))
            assert {one.status for one in answers} == {200}
            files = await asyncio.gather(*(get(client, "/npm/web/-/web-1.0.0.tgz") for _ in range(100)))
            assert len({one.content for one in files}) == 1
            assert len(upstream.requests) == 2
            nothing = await asyncio.gather(*(get(client, "/npm/nothing") for _ in range(100)))
            assert {one.status for one in nothing} == {404}
            assert len(upstream.requests) == 3
            await client.close()
