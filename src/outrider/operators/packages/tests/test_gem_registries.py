"""The compact index: what is asked of it, and what comes of answers that are none."""

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path

import pytest

from outrider.core.errors import (
    ExecutionFailedError,
    NotFoundError,
    OutriderError,
    UnauthenticatedError,
    UnavailableError,
)
from outrider.core.http.headers import Headers
from outrider.core.http.messages import Request, Response
from outrider.operators.packages.gem.client import GemClient, Known
from outrider.operators.packages.registries.registry import basic
from outrider.operators.packages.tests.asking import downloads
from outrider.operators.packages.tests.gem_registry import Answer, GemAsking, GemRegistry, checksum, line
from outrider.ports.clock.manual import ManualClock


@pytest.fixture
async def registry() -> AsyncIterator[GemRegistry]:
    async with GemRegistry() as registry:
        yield registry


@pytest.fixture
def ask(registry: GemRegistry, tmp_path: Path) -> GemAsking:
    return GemAsking(tmp_path, registry.url)


def digest(content: bytes) -> str:
    return b64encode(sha256(content).digest()).decode()


async def test_what_is_asked_of_a_source(registry: GemRegistry, ask: GemAsking) -> None:
    registry.add("web@1.0", "core@~> 1.0")
    registry.add("web@0.9", "old")
    registry.add("core@1.0")
    assert await ask.pins("web") == ["core@1.0", "web@1.0"]
    assert registry.paths() == ["info/web", "info/core"]
    assert all(one.headers.get("authorization") is None for one in registry.requests)


async def test_what_is_kept_is_fresh_for_a_while_and_then_asked_for_anew(registry: GemRegistry, ask: GemAsking) -> None:
    clock = ManualClock()
    registry.add("web@1.0")
    await ask.answer("web", clock=clock)
    clock.advance(599)
    assert await ask.pins("web", clock=clock) == ["web@1.0"]
    assert len(registry.requests) == 1
    clock.advance(2)
    assert await ask.pins("web", clock=clock) == ["web@1.0"]
    assert registry.requests[1].headers.get("if-none-match")
    clock.advance(601)
    assert await ask.pins("web", clock=clock) == ["web@1.0"]
    assert len(registry.requests) == 3


async def test_only_what_was_appended_is_asked_for(registry: GemRegistry, ask: GemAsking) -> None:
    clock = ManualClock()
    registry.add("web@1.0")
    await ask.answer("web", clock=clock)
    known = registry.document("info/web") or b""
    clock.advance(601)
    registry.add("web@1.1")
    assert await ask.pins("web", clock=clock) == ["web@1.1"]
    assert registry.requests[1].headers.get("range") == f"bytes={len(known) - 1}-"
    assert registry.requests[1].headers.get("accept-encoding") == "identity"
    clock.advance(601)
    registry.add("web@1.2")
    assert await ask.pins("web", clock=clock) == ["web@1.2"]
    assert len(registry.requests) == 3


async def test_where_something_in_the_middle_is_another_all_is_asked_for(registry: GemRegistry, ask: GemAsking) -> None:
    clock = ManualClock()
    registry.add("web@1.0")
    registry.add("web@1.1")
    await ask.answer("web", clock=clock)
    clock.advance(601)
    registry.lines["web"] = [line("1.0"), line("1.0.9", "core"), line("1.2", "core"), line("1.3")]
    assert await ask.pins("web", clock=clock) == ["web@1.3"]
    ranges = [one.headers.get("range") is not None for one in registry.requests]
    assert ranges == [False, True, False]


async def test_where_a_document_has_become_shorter_all_is_asked_for(registry: GemRegistry, ask: GemAsking) -> None:
    clock = ManualClock()
    registry.add("web@1.0")
    registry.add("web@1.1")
    await ask.answer("web", clock=clock)
    clock.advance(601)
    del registry.lines["web"][1:]
    assert await ask.pins("web", clock=clock) == ["web@1.0"]


@pytest.mark.parametrize(
    "options",
    [{"digests": ""}, {"digests": "digest"}, {"ranges": False}, {"etags": False}, {"etags": False, "digests": "", "ranges": False}],
    ids=str,
)  # fmt: skip
async def test_sources_that_cannot_do_it_all(options: dict[str, str], tmp_path: Path) -> None:
    clock = ManualClock()
    async with GemRegistry(**options) as registry:  # type: ignore[arg-type]
        ask = GemAsking(tmp_path, registry.url)
        registry.add("web@1.0")
        await ask.answer("web", clock=clock)
        for version in ("1.1", "1.2"):
            clock.advance(601)
            registry.add(f"web@{version}")
            assert await ask.pins("web", clock=clock) == [f"web@{version}"]
        clock.advance(601)
        assert await ask.pins("web", clock=clock) == ["web@1.2"]


def answer_with(content: bytes, **fields: str) -> Response:
    return Response(200, Headers({name.replace("_", "-"): value for name, value in fields.items()}), content)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("repr-digest", "sha-256=:{}:"),
        ("repr-digest", "md5=:x:, sha-256=:{}:"),
        ("digest", "SHA-256={}"),
        ("repr-digest", 'sha-256="{}"'),
    ],
)
async def test_how_a_digest_is_written(field: str, value: str, registry: GemRegistry, ask: GemAsking) -> None:
    content = line("1.0").encode()
    registry.answers["info/web"] = lambda _: answer_with(content, **{field: value.format(digest(content))})
    assert await ask.pins("web") == ["web@1.0"]
    registry.answers["info/core"] = lambda _: answer_with(content, **{field: value.format(digest(b"other"))})
    with pytest.raises(ExecutionFailedError, match="not what the source says") as caught:
        await ask.answer("core")
    assert caught.value.suggestions


@pytest.mark.parametrize("value", ["", "md5=:x:", "nothing", "sha-256", "sha-512=:x:,,"])
async def test_digests_that_say_nothing(value: str, registry: GemRegistry, ask: GemAsking) -> None:
    registry.answers["info/web"] = lambda _: answer_with(line("1.0").encode(), repr_digest=value)
    assert await ask.pins("web") == ["web@1.0"]


async def test_a_part_that_lies_is_not_taken(registry: GemRegistry) -> None:
    registry.add("web@1.0")
    content = registry.document("info/web") or b""
    async with downloads(registry.url) as source:
        client = GemClient([source])
        known = Known(content[:5], registry.url, "", checked=True)
        for part in (b"", b"x" * 4, content):
            partial = Response(206, Headers({"repr-digest": f"sha-256=:{digest(content)}:"}), part)
            registry.answers["info/web"] = choosing(partial, answer_with(content))
            found = await client.info("web", known)
            assert found is not None
            assert found.content == content


def choosing(partial: Response, whole: Response) -> Answer:
    """Return what answers whoever asks for a part with one thing, and others with another one."""
    return lambda request: partial if request.headers.get("range") else whole


async def test_names_of_all_gems(registry: GemRegistry) -> None:
    registry.add("web@1.0")
    registry.add("core@1.0")
    async with downloads(registry.url) as source:
        assert await GemClient([source]).names() == ["---", "core", "web", ""]


async def test_offline(registry: GemRegistry, ask: GemAsking) -> None:
    registry.add("web@1.0")
    with pytest.raises(UnavailableError, match="nothing is kept"):
        await ask.answer("web", offline=True)
    await ask.answer("web")
    asked = len(registry.requests)
    assert await ask.pins("web", offline=True) == ["web@1.0"]
    assert len(registry.requests) == asked


async def test_a_login(tmp_path: Path) -> None:
    async with GemRegistry(login=basic("me", "secret").reveal()) as registry:
        registry.add("web@1.0")
        ask = GemAsking(tmp_path, registry.url)
        with pytest.raises(UnauthenticatedError):
            await ask.answer("web")
        assert await GemAsking(tmp_path, registry.url.replace("//", "//me:secret@")).pins("web") == ["web@1.0"]
        ask.environment["BUNDLE_127__0__0__1"] = "me:secret"
        assert await ask.pins("web") == ["web@1.0"]
        kept = b"".join(path.read_bytes() for path in (tmp_path / "cache").rglob("*") if path.is_file())
        assert b"secret" not in kept


async def test_a_mirror_stands_in_for_a_source(registry: GemRegistry, tmp_path: Path) -> None:
    registry.add("web@1.0")
    ask = GemAsking(tmp_path, "http://gems.test")
    ask.write("project/.bundle/config", f'---\nBUNDLE_MIRROR__HTTP://GEMS__TEST/: "{registry.url}/"\n')
    answer = await ask.resolved("web")
    assert answer.packages[0].url == f"{registry.url}/gems/web-1.0.gem"


async def test_the_first_source_that_has_a_gem_has_it_alone(registry: GemRegistry, tmp_path: Path) -> None:
    async with GemRegistry() as other:
        ask = GemAsking(tmp_path, registry.url, other.url)
        registry.add("web@1.0", "core")
        other.add("web@2.0")
        other.add("core@1.0")
        clock = ManualClock()
        assert await ask.pins("web", clock=clock) == ["core@1.0", "web@1.0"]
        other.add("core@1.1")
        clock.advance(601)
        assert await ask.pins("web", clock=clock) == ["core@1.1", "web@1.0"]
        assert other.paths() == ["info/core", "info/core"]
        registry.answers["info/core"] = lambda _: Response(500)
        clock.advance(601)
        with pytest.raises(UnavailableError):
            await ask.answer("web", clock=clock)


@pytest.mark.parametrize("status", [404, 410])
async def test_answers_that_mean_absent(status: int, registry: GemRegistry, ask: GemAsking) -> None:
    registry.answers["info/web"] = lambda _: Response(status)
    with pytest.raises(NotFoundError):
        await ask.answer("web")


async def test_what_was_yanked_is_gone(registry: GemRegistry, ask: GemAsking) -> None:
    clock = ManualClock()
    registry.add("web@1.0")
    registry.add("web@1.1")
    assert await ask.pins("web", clock=clock) == ["web@1.1"]
    del registry.lines["web"][1]
    clock.advance(601)
    assert await ask.pins("web", clock=clock) == ["web@1.0"]


async def test_no_path_comes_out_of_a_name(registry: GemRegistry, ask: GemAsking) -> None:
    registry.add("web@1.0")
    registry.lines["web"].append(line("2.0", "../../etc/passwd"))
    registry.lines["web"].append(line("3.0", ".."))
    assert await ask.pins("web") == ["web@1.0"]
    assert registry.paths() == ["info/web"]


@pytest.mark.parametrize("damage", [b"", b"\xc0", b"hello"])
async def test_records_that_cannot_be_read_are_made_anew(damage: bytes, registry: GemRegistry, ask: GemAsking) -> None:
    registry.add("web@1.0", "core")
    registry.add("core@1.0")
    before = await ask.pins("web")
    for path in (ask.folder / "cache").rglob("*.record"):
        path.write_bytes(damage)
    assert await ask.pins("web") == before
    assert len(registry.requests) == 4
    assert await ask.pins("web") == before
    assert len(registry.requests) == 4


async def test_a_document_that_was_lost_is_asked_for_as_a_whole(registry: GemRegistry, ask: GemAsking) -> None:
    clock = ManualClock()
    registry.add("web@1.0")
    await ask.answer("web", clock=clock)
    for path in (ask.folder / "cache").rglob("*.document"):
        path.unlink()
    clock.advance(601)
    registry.add("web@1.1")
    assert await ask.pins("web", clock=clock) == ["web@1.1"]
    assert registry.requests[-1].headers.get("range") is None


async def test_a_cache_that_cannot_be_written(registry: GemRegistry, ask: GemAsking) -> None:
    registry.add("web@1.0")
    (ask.folder / "cache").write_text("a file where a folder should be")
    with pytest.raises(ExecutionFailedError) as caught:
        await ask.answer("web")
    assert "XDG_CACHE_HOME" in caught.value.suggestions[0]


async def test_whoever_gives_up_leaves_nothing_behind(registry: GemRegistry, ask: GemAsking) -> None:
    registry.add("web@1.0", "core")
    registry.add("core@1.0")
    for turns in range(0, 120, 7):
        call = asyncio.create_task(ask.answer("web"))
        for _ in range(turns):
            await asyncio.sleep(0)
        call.cancel()
        await asyncio.wait({call})
        assert len(asyncio.all_tasks()) < 5


def lying(request: Request) -> Response:
    del request
    return Response(200, Headers({"content-encoding": "gzip"}), b"no gzip")


@pytest.mark.parametrize("answer", [lambda _: Response(500), lambda _: Response(429), lying])
async def test_answers_that_mean_nothing(answer: object, registry: GemRegistry, ask: GemAsking) -> None:
    registry.answers["info/web"] = answer  # type: ignore[assignment]
    with pytest.raises(OutriderError) as caught:
        await ask.answer("web")
    assert not isinstance(caught.value, NotFoundError)


async def test_a_file_and_its_checksum(registry: GemRegistry, ask: GemAsking) -> None:
    registry.add("web@1.0")
    registry.add("web@1.0-x86_64-linux")
    (found,) = (await ask.resolved("web")).packages
    assert (found.file, found.url) == ("web-1.0-x86_64-linux.gem", f"{registry.url}/gems/web-1.0-x86_64-linux.gem")
    assert found.hashes == {"sha256": checksum("web@1.0-x86_64-linux")}
