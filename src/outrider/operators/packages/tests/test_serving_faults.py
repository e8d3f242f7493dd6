"""What may go wrong between clients, the registry, its disk, and the registries behind it."""

import asyncio
import hashlib
import os
import random
import resource
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from outrider.core.errors import ExecutionFailedError, OutriderError
from outrider.core.http.headers import Headers
from outrider.core.http.messages import Response
from outrider.operators.packages.serving import downloading
from outrider.operators.packages.serving.blobs import Blobs
from outrider.operators.packages.serving.downloading import Download, Receive
from outrider.operators.packages.serving.store import Store
from outrider.operators.packages.tests.npm_registry import NpmAsking, NpmRegistry
from outrider.operators.packages.tests.running_registry import RunningRegistry
from outrider.operators.packages.tests.wheels import Wheel
from outrider.ports.clock import SystemClock
from outrider.ports.clock.manual import ManualClock
from outrider.ports.http.client import Client

TARBALL = "/npm/web/-/web-1.0.0.tgz"


@asynccontextmanager
async def npm(folder: Path, **settings: Any) -> AsyncIterator[tuple[NpmRegistry, RunningRegistry, Client]]:
    async with NpmRegistry() as upstream:
        upstream.add("web@1.0.0")
        environment = NpmAsking(folder, upstream.url).environment
        async with RunningRegistry(folder, environment, ecosystems=["npm"], **settings) as registry:
            client = Client(registry.url)
            yield upstream, registry, client
            await client.close()


async def test_a_file_that_is_not_what_its_registry_says_is_neither_kept_nor_served(tmp_path: Path) -> None:
    async with npm(tmp_path) as (upstream, _, client):
        upstream.answers["/web/-/web-1.0.0.tgz"] = lambda _: Response(200, body=b"something else")
        answer = await client.request("GET", TARBALL)
        assert answer.status >= 500
        assert b"another sha512 than its registry says" in answer.content
        store = Store(tmp_path / "registry")
        assert hashlib.sha256(b"something else").hexdigest() not in store.blobs.all()
        assert [*(tmp_path / "registry" / "blobs" / "incoming").iterdir()] == []
        await store.close()
        del upstream.answers["/web/-/web-1.0.0.tgz"]
        assert (await client.request("GET", TARBALL)).status == 200


async def test_what_is_kept_is_served_while_nobody_answers(tmp_path: Path) -> None:
    clock = ManualClock(SystemClock().now())
    async with npm(tmp_path, clock=clock) as (upstream, _, client):
        first = await client.request("GET", "/npm/web")
        for answer in (Response(500), Response(429, Headers({"retry-after": "9"})), Response(200, body=b"{")):
            upstream.answers["/web"] = lambda _, answer=answer: answer  # type: ignore[misc]
            clock.advance(3600.0)
            assert (await client.request("GET", "/npm/web")).content == first.content
            clock.advance(2 * 86_400.0)
            assert (await client.request("GET", "/npm/web")).content == first.content
        asked = len(upstream.requests)
        assert (await client.request("GET", "/npm/web")).status == 200
        assert len(upstream.requests) == asked  # it is left alone for a while
        upstream.answers["/web"] = lambda _: Response(404)
        clock.advance(2 * 86_400.0)
        assert (await client.request("GET", "/npm/web")).status == 404


async def test_what_nobody_has_is_asked_for_again_after_a_while(tmp_path: Path) -> None:
    clock = ManualClock(SystemClock().now())
    async with npm(tmp_path, clock=clock) as (upstream, _, client):
        for _ in range(5):
            assert (await client.request("GET", "/npm/later")).status == 404
        assert len(upstream.requests) == 1
        upstream.add("later@1.0.0")
        clock.advance(61.0)
        assert (await client.request("GET", "/npm/later")).status == 200


async def test_a_new_version_is_seen_after_a_while_and_nobody_waits_for_it(tmp_path: Path) -> None:
    clock = ManualClock(SystemClock().now())
    async with npm(tmp_path, clock=clock) as (upstream, registry, client):
        await client.request("GET", "/npm/web")
        upstream.add("web@2.0.0")
        clock.advance(301.0)
        assert b"2.0.0" not in (await client.request("GET", "/npm/web")).content
        await settled(registry)
        assert b"2.0.0" in (await client.request("GET", "/npm/web")).content


async def settled(registry: RunningRegistry) -> None:
    """Wait until nothing is being fetched in the background."""
    hub = registry.application._servers["npm"].hub
    await asyncio.gather(*hub._packages._refreshing.values(), return_exceptions=True)


async def test_cache_only_asks_nobody(tmp_path: Path) -> None:
    async with npm(tmp_path) as (_, _, client):
        assert (await client.request("GET", TARBALL)).status == 200
    async with npm(tmp_path, cache_only=True) as (upstream, _, client):
        assert (await client.request("GET", "/npm/web")).status == 200
        assert (await client.request("GET", TARBALL)).status == 200
        assert (await client.request("GET", "/npm/other")).status == 404
        assert upstream.requests == []


async def test_documents_whose_files_are_lost_are_made_anew(tmp_path: Path) -> None:
    async with npm(tmp_path) as (_, _, client):
        first = await client.request("GET", "/npm/web", headers={"accept-encoding": "gzip"})
    for blob in (tmp_path / "registry" / "blobs").glob("??/*"):
        blob.unlink()
    async with npm(tmp_path) as (_, _, client):
        again = await client.request("GET", "/npm/web", headers={"accept-encoding": "gzip"})
        assert (again.status, len(again.content)) == (200, len(first.content))


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    return Blobs(tmp_path / "blobs")


def pieces(*sizes: int, fault: OutriderError | None = None) -> tuple[bytes, Callable[[Receive], Any]]:
    content = [os.urandom(size) for size in sizes]

    async def fetch(receive: Receive) -> None:
        for piece in content:
            receive(piece)
            await asyncio.sleep(0)
        if fault is not None:
            raise fault

    return b"".join(content), fetch


async def kept(digest: str, size: int) -> None:
    assert (len(digest), size > 0) == (64, True)


async def test_a_large_file_is_read_while_it_comes(blobs: Blobs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downloading, "_EARLY", 1000)
    monkeypatch.setattr(downloading, "PIECE", 500)
    content, fetch = pieces(*[400] * 20)
    download = Download(blobs, {"sha256": hashlib.sha256(content).hexdigest()}, fetch, kept)
    assert await download.begun() == ""
    readers = await asyncio.gather(*(whole(download) for _ in range(5)))
    assert {reader == content for reader in readers} == {True}
    assert blobs.read(await download.done()) == content


async def whole(download: Download) -> bytes:
    return b"".join([piece async for piece in download.pieces()])


async def read_on(download: Download, seen: Counter[str]) -> None:
    async for piece in download.pieces():
        seen["bytes"] += len(piece)


@pytest.mark.parametrize("fault", [None, ExecutionFailedError("cut off")], ids=["another content", "cut off"])
async def test_nobody_gets_the_end_of_a_file_that_is_not_right(
    blobs: Blobs, monkeypatch: pytest.MonkeyPatch, fault: OutriderError | None
) -> None:
    monkeypatch.setattr(downloading, "_EARLY", 1000)
    monkeypatch.setattr(downloading, "PIECE", 500)
    content, fetch = pieces(*[400] * 20, fault=fault)
    download = Download(blobs, {"sha256": "ab" * 32}, fetch, kept)
    assert await download.begun() == ""
    seen = Counter[str]()
    with pytest.raises(ExecutionFailedError):
        await read_on(download, seen)
    assert 0 < seen["bytes"] < len(content)
    assert blobs.all() == {}
    with pytest.raises(ExecutionFailedError):
        await download.done()


async def test_what_stalls_is_given_up(blobs: Blobs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downloading, "_STALLED_SECONDS", 0.05)

    async def fetch(receive: Receive) -> None:
        receive(b"some")
        await asyncio.Event().wait()

    with pytest.raises(OutriderError, match="nothing has come"):
        await Download(blobs, {}, fetch, kept).done()
    assert blobs.all() == {}


async def test_a_full_disk_is_told_and_leaves_nothing(blobs: Blobs, tmp_path: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, before[1]))
    try:
        with pytest.raises(ExecutionFailedError, match="it cannot be written"):
            blobs.put(os.urandom(20_000))
        _, fetch = pieces(4_000, 4_000, 4_000, 4_000)
        with pytest.raises(ExecutionFailedError, match="it cannot be written"):
            await Download(blobs, {}, fetch, kept).done()
        small = blobs.put(b"small")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert [*blobs.all()] == [small]
    assert [*(tmp_path / "blobs" / "incoming").iterdir()] == []


async def test_two_processes_share_a_folder(tmp_path: Path) -> None:
    first = RunningRegistry(tmp_path, {}, ecosystems=["pypi"], private=["pypi:*"])
    second = RunningRegistry(tmp_path, {}, ecosystems=["pypi"], private=["pypi:*"])
    async with first, second:
        token = await first.token("read", "publish")
        one, other = Client(first.url), Client(second.url)
        for number in range(5):
            publisher, reader = (one, other) if number % 2 else (other, one)
            answer = await publisher.request("POST", "/pypi/legacy/", headers=login(token), body=form(f"1.{number}"))
            assert answer.status == 200, answer.content
            page = await reader.request("GET", "/pypi/simple/acme-web/")
            assert page.content.count(b"</a>") == number + 1
        await one.close()
        await other.close()


async def test_a_wheel_that_is_none_is_refused_with_the_reason(tmp_path: Path) -> None:
    async with RunningRegistry(tmp_path, {}, ecosystems=["pypi"], private=["pypi:*"]) as registry:
        token, client = await registry.token("read", "publish"), Client(registry.url)
        whole = form("1.0")
        for broken in (whole.replace(b"PK", b"xx"), whole.replace(b"METADATA", b"METADATE")):
            answer = await client.request("POST", "/pypi/legacy/", headers=login(token), body=broken)
            assert answer.status == 400
            assert answer.content.startswith(b"content: acme_web-1.0-py3-none-any.whl: ")
        await client.close()


async def test_crates_that_differ_by_build_metadata_alone_are_one_version(tmp_path: Path) -> None:
    async with RunningRegistry(tmp_path, {}, ecosystems=["cargo"], private=["cargo:acme"]) as registry:
        token, client = await registry.token("read", "publish"), Client(registry.url)
        told = []
        for version in ("1.0.0+a", "1.0.0", "1.0.0+b", "1.0.1"):
            said = msgspec.json.encode({"name": "acme", "vers": version})
            body = b"".join(len(part).to_bytes(4, "little") + part for part in (said, version.encode()))
            answer = await client.request(
                "PUT", "/cargo/api/v1/crates/new", headers={"authorization": token}, body=body
            )
            told.append(answer.status)
        assert told == [200, 409, 409, 200]
        await client.close()


def login(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}", "content-type": "multipart/form-data; boundary=x"}


def form(version: str) -> bytes:
    wheel = Wheel(project="acme-web", version=version)
    fields = {":action": "file_upload", "name": "acme-web", "version": version}
    parts = [f'--x\r\ncontent-disposition: form-data; name="{key}"\r\n\r\n{value}\r\n' for key, value in fields.items()]
    head = f'--x\r\ncontent-disposition: form-data; name="content"; filename="{wheel.name}"\r\n\r\n'
    return "".join([*parts, head]).encode() + wheel.packed() + b"\r\n--x--\r\n"


@pytest.mark.real
@pytest.mark.timeout(120)
async def test_whoever_is_killed_while_publishing_leaves_nothing_half(tmp_path: Path) -> None:
    folder = tmp_path / "packages"
    store = Store(folder)
    registry = RunningRegistry(tmp_path, {})
    registry.folder = tmp_path
    await store.close()
    (tmp_path / "registry").symlink_to(folder)
    token = await registry.token("read", "publish")
    chance, acknowledged = random.Random(7), set[str]()
    for turn in range(6):
        async with served(folder, tmp_path) as (process, client):
            ending = None
            for number in range(1000):
                version = f"{turn}.{number}"
                if number == 3:
                    ending = asyncio.create_task(killed_after(process, chance.uniform(0.0, 0.3)))
                try:
                    answer = await client.request(
                        "POST", "/pypi/legacy/", headers=login(token), body=form(version), repeat=False
                    )
                except OutriderError:
                    break
                assert answer.status == 200
                acknowledged.add(version)
            assert ending is not None
            await ending
    async with served(folder, tmp_path) as (process, client):
        answer = await client.request("GET", "/pypi/simple/acme-web/", headers={"accept": JSON})
        files = msgspec.json.decode(answer.content)["files"]
        assert acknowledged <= {file["filename"].split("-")[1] for file in files}
        assert len(acknowledged) >= 6 * 3
        for file in files:
            answer = await client.request("GET", f"/pypi/files/acme-web/{file['filename']}")
            assert hashlib.sha256(answer.content).hexdigest() == file["hashes"]["sha256"]
        process.terminate()
        assert await process.wait() == 0


JSON = "application/vnd.pypi.simple.v1+json"


@asynccontextmanager
async def served(folder: Path, home: Path) -> AsyncIterator[tuple[asyncio.subprocess.Process, Client]]:
    """Have the registry run as users start it."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "outrider", "packages", "serve", "--listen", "127.0.0.1:0", "--folder", folder, "--private", "pypi:*",
        env={"PATH": os.environ["PATH"], "HOME": str(home)}, cwd=home, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stderr is not None
    line = (await process.stderr.readline()).decode()
    assert line.startswith("serving packages at "), line
    client = Client(line.removeprefix("serving packages at ").partition(",")[0], timeout=5.0)
    try:
        yield process, client
    finally:
        await client.close()
        if process.returncode is None:
            process.kill()
            await process.wait()


async def killed_after(process: asyncio.subprocess.Process, seconds: float) -> None:
    await asyncio.sleep(seconds)
    process.kill()
    await process.wait()
