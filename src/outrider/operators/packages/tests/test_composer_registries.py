"""How repositories are asked, what they may answer, and what is kept of that."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from outrider.core.errors import (
    ExecutionFailedError,
    InvalidConfigError,
    NotFoundError,
    UnauthenticatedError,
    UnavailableError,
)
from outrider.core.http.headers import Headers
from outrider.core.http.messages import Response
from outrider.operators.packages.tests.composer_registry import ComposerAsking, ComposerRegistry, Layout
from outrider.ports.clock.manual import ManualClock

LAYOUTS: list[Layout] = ["metadata", "whole", "lazy", "providers"]
TOKEN = "secret-token"


@pytest.fixture
async def registry() -> AsyncIterator[ComposerRegistry]:
    async with ComposerRegistry() as registry:
        yield registry


@pytest.fixture
def ask(registry: ComposerRegistry, tmp_path: Path) -> ComposerAsking:
    return ComposerAsking(tmp_path, registry.url)


def answer(content: Any, status: int = 200) -> Response:
    return Response(status, body=content if isinstance(content, bytes) else msgspec.json.encode(content))


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("minified", [True, False])
async def test_every_kind_of_repository(layout: Layout, minified: bool, tmp_path: Path) -> None:
    async with ComposerRegistry(layout, minified=minified) as registry:
        registry.add("acme/web 2.0", "acme/core ^2", "!acme/x *", license=["MIT"])
        registry.add("acme/web 1.1", "acme/core ^1")
        registry.add("acme/web 1.0", "acme/core ^1", extra={"own": 1})
        registry.branch("acme/web dev-main", "3.x-dev", "acme/core ^1")
        registry.add("Acme/Core 1.0")
        ask = ComposerAsking(tmp_path, registry.url)
        assert await ask.pins("acme/web") == ["acme/core 1.0", "acme/web 1.1"]
        assert await ask.pins("acme/web:@dev") == ["acme/core 1.0", "acme/web dev-main"]
        assert await ask.pins("acme/web:1.0", offline=True) == ["acme/core 1.0", "acme/web 1.0"]


async def test_what_is_asked_of_a_repository(registry: ComposerRegistry, ask: ComposerAsking) -> None:
    registry.add("acme/web 1.0", "acme/core ^1", "acme/v-implementation *", "php *")
    registry.add("acme/core 1.0", "+acme/v-implementation 1.0")
    await ask.pins("acme/web")
    assert registry.paths() == [
        "/packages.json",
        "/p2/acme/web.json",
        "/p2/acme/core.json",
        "/p2/acme/v-implementation.json",
    ]
    await ask.pins("acme/web:@dev")
    assert registry.paths()[4:] == ["/p2/acme/web~dev.json"]


async def test_what_a_repository_says_that_it_has(registry: ComposerRegistry, ask: ComposerAsking) -> None:
    registry.more = {"available-packages": ["acme/Web"], "available-package-patterns": ["acme/c*", "*/x*y*"]}
    registry.add("acme/web 1.0", "acme/core *")
    registry.add("acme/web 0.9")
    registry.add("acme/core 1.0", "acme/tools *")
    registry.add("acme/tools 1.0")
    assert await ask.pins("acme/web") == ["acme/web 0.9"]
    assert sorted(registry.paths()) == ["/p2/acme/core.json", "/p2/acme/web.json", "/packages.json"]


async def test_packages_beside_an_address_for_others(registry: ComposerRegistry, ask: ComposerAsking) -> None:
    inline = [
        {"name": "acme/web", "version": version, "require": {"acme/core": "^1"}, "uid": number}
        for number, version in enumerate(("1.0", "1.1"))
    ]
    registry.more = {"packages": {"acme/web": inline}}
    registry.add("acme/web 9.0")
    registry.add("acme/core 1.0")
    assert await ask.pins("acme/web") == ["acme/core 1.0", "acme/web 1.1"]
    assert "/p2/acme/web.json" not in registry.paths()


async def test_documents_that_include_others(tmp_path: Path) -> None:
    async with ComposerRegistry("whole") as registry:
        registry.add("acme/web 1.0", "acme/core *")
        included = {
            "packages": {"acme/core": {"1.0": {"name": "acme/core", "version": "1.0"}}},
            "includes": {"more.json": {}},
        }
        registry.more = {"includes": {"core.json": {"sha1": "0" * 40}}}
        registry.answers["/core.json"] = lambda _: answer(included)
        registry.answers["/more.json"] = lambda _: answer({"packages": [], "includes": {"core.json": {}}})
        ask = ComposerAsking(tmp_path, registry.url)
        with pytest.raises(ExecutionFailedError, match="another document"):
            await ask.answer("acme/web")
        registry.more = {"includes": {"core.json": {}}}
        assert await ask.pins("acme/web") == ["acme/core 1.0", "acme/web 1.0"]


async def test_a_document_with_another_hash(tmp_path: Path) -> None:
    async with ComposerRegistry("providers") as registry:
        registry.add("acme/web 1.0")
        ask = ComposerAsking(tmp_path, registry.url)
        good = await ask.pins("acme/web")
        path = registry.paths()[-1]
        assert good == ["acme/web 1.0"]
        registry.answers[path] = lambda _: answer({"packages": {}})
        with pytest.raises(ExecutionFailedError, match="another document"):
            await ComposerAsking(tmp_path / "again", registry.url).answer("acme/web")


async def test_an_address_that_names_the_document(registry: ComposerRegistry, tmp_path: Path) -> None:
    registry.answers["/own/all.json"] = lambda _: answer(
        {"packages": {"a/b": {"1.0": {"name": "a/b", "version": "1.0"}}}}
    )
    assert await ComposerAsking(tmp_path, f"{registry.url}/own/all.json").pins("a/b") == ["a/b 1.0"]


async def test_it_is_asked_again_later_and_only_for_what_has_changed(
    registry: ComposerRegistry, ask: ComposerAsking
) -> None:
    clock = ManualClock()
    registry.add("acme/web 1.0", "acme/gone *")
    registry.add("acme/web 0.9")
    assert await ask.pins("acme/web", clock=clock) == ["acme/web 0.9"]
    asked = len(registry.requests)
    assert await ask.pins("acme/web", clock=clock) == ["acme/web 0.9"]
    assert len(registry.requests) == asked
    clock.advance(601)
    assert await ask.pins("acme/web", clock=clock) == ["acme/web 0.9"]
    again = registry.requests[asked:]
    assert [one.headers.get("if-modified-since") for one in again] == [registry.modified, registry.modified, None]
    clock.advance(601)
    registry.modified = "Tue, 03 Nov 2026 10:00:00 GMT"
    registry.add("acme/gone 1.0")
    assert await ask.pins("acme/web", clock=clock) == ["acme/gone 1.0", "acme/web 1.0"]


async def test_a_repository_that_tells_nothing_of_changes(registry: ComposerRegistry, ask: ComposerAsking) -> None:
    clock = ManualClock()
    registry.modified = ""
    registry.add("acme/web 1.0")
    await ask.answer("acme/web", clock=clock)
    clock.advance(601)
    registry.add("acme/web 1.1")
    assert await ask.pins("acme/web", clock=clock) == ["acme/web 1.1"]


async def test_a_document_whose_hash_is_the_same_is_not_fetched_again(tmp_path: Path) -> None:
    clock = ManualClock()
    async with ComposerRegistry("providers") as registry:
        registry.add("acme/web 1.0")
        ask = ComposerAsking(tmp_path, registry.url)
        await ask.answer("acme/web", clock=clock)
        clock.advance(601)
        asked = len(registry.requests)
        assert await ask.pins("acme/web", clock=clock) == ["acme/web 1.0"]
        assert registry.paths()[asked:] == ["/packages.json"]


async def test_offline(registry: ComposerRegistry, ask: ComposerAsking) -> None:
    registry.add("acme/web 1.0", "acme/v *")
    registry.add("acme/web 0.9")
    with pytest.raises(UnavailableError, match="nothing is kept"):
        await ask.answer("acme/web", offline=True)
    await ask.answer("acme/web")
    asked = len(registry.requests)
    assert await ask.pins("acme/web", offline=True) == ["acme/web 0.9"]
    assert len(registry.requests) == asked
    with pytest.raises(UnavailableError, match="acme/other"):
        await ask.answer("acme/other", offline=True)


async def test_what_is_kept_and_cannot_be_read_is_fetched_again(
    registry: ComposerRegistry, ask: ComposerAsking
) -> None:
    registry.add("acme/web 1.0")
    await ask.answer("acme/web")
    for file in (ask.folder / "cache" / "composer").rglob("*"):
        if file.is_file():
            file.write_bytes(b"\xc1")
    assert await ask.pins("acme/web") == ["acme/web 1.0"]


@pytest.mark.parametrize(
    ("auth", "header"),
    [
        ({"http-basic": {"HOST": {"username": "user", "password": "pass"}}}, ("authorization", "Basic dXNlcjpwYXNz")),
        ({"bearer": {"HOST": TOKEN}}, ("authorization", f"Bearer {TOKEN}")),
        ({"gitlab-token": {"HOST": TOKEN}}, ("private-token", TOKEN)),
        ({"custom-headers": {"HOST": [f"X-Own: {TOKEN}"]}}, ("x-own", TOKEN)),
    ],
)
async def test_a_repository_that_tells_nothing_without_credentials(
    auth: dict[str, Any], header: tuple[str, str], tmp_path: Path
) -> None:
    async with ComposerRegistry(header=header) as registry:
        registry.add("acme/web 1.0")
        ask = ComposerAsking(tmp_path, registry.url)
        with pytest.raises(UnauthenticatedError):
            await ask.answer("acme/web")
        host = registry.url.partition("//")[2]
        ask.write("home/auth.json", {kind: {host: said["HOST"]} for kind, said in auth.items()})
        assert await ask.pins("acme/web") == ["acme/web 1.0"]


async def test_credentials_are_shown_to_their_host_alone(registry: ComposerRegistry, tmp_path: Path) -> None:
    async with ComposerRegistry() as other:
        other.add("acme/web 1.0")
        ask = ComposerAsking(tmp_path)
        registry.more = {"metadata-url": f"{other.url}/p2/%package%.json"}
        places = [{"type": "composer", "url": registry.url, "options": {"http": {"header": [f"X-Own: {TOKEN}"]}}}]
        ask.change(repositories=[*places, {"default.test": False}])
        ask.write("home/auth.json", {"bearer": {registry.url.partition("//")[2]: TOKEN}})
        assert await ask.pins("acme/web") == ["acme/web 1.0"]
        assert [one.headers.get("x-own") for one in registry.requests] == [TOKEN]
        assert [one.headers.get("authorization") for one in registry.requests] == [f"Bearer {TOKEN}"]
        assert all(TOKEN not in str(list(one.headers)) for one in other.requests)
        registry.more = {}
        registry.answers["/p2/acme/web.json"] = lambda _: Response(
            302, Headers({"location": f"{other.url}/p2/acme/web.json"})
        )
        asked = len(other.requests)
        assert await ask.pins("acme/web", clock=ManualClock(10_000_000_000.0)) == ["acme/web 1.0"]
        assert len(other.requests) > asked
        assert all(TOKEN not in str(list(one.headers)) for one in other.requests)


async def test_no_document_is_asked_for_without_encryption(registry: ComposerRegistry, ask: ComposerAsking) -> None:
    ask.change(config={})
    with pytest.raises(InvalidConfigError, match="without encryption"):
        await ask.answer("acme/web")


@pytest.mark.parametrize("status", [404, 410, 451])
async def test_answers_that_mean_absent(status: int, registry: ComposerRegistry, ask: ComposerAsking) -> None:
    registry.answers["/p2/acme/web.json"] = lambda _: Response(status)
    with pytest.raises(NotFoundError):
        await ask.answer("acme/web")


async def test_where_there_is_no_repository(registry: ComposerRegistry, ask: ComposerAsking) -> None:
    registry.answers["/packages.json"] = lambda _: Response(404)
    with pytest.raises(ExecutionFailedError, match="no repository of Composer"):
        await ask.answer("acme/web")


async def test_an_answer_that_means_nothing(registry: ComposerRegistry, ask: ComposerAsking) -> None:
    registry.answers["/p2/acme/web.json"] = lambda _: Response(500)
    with pytest.raises(UnavailableError):
        await ask.answer("acme/web")


@pytest.mark.parametrize("content", [b"", b"<html>", b"[]", b"null", b"\xff", b"[" * 100_000, b'{"a":' * 100_000])
@pytest.mark.parametrize("path", ["/packages.json", "/p2/acme/web.json"])
async def test_documents_that_are_none(
    content: bytes, path: str, registry: ComposerRegistry, ask: ComposerAsking
) -> None:
    registry.answers[path] = lambda _: answer(content)
    with pytest.raises(ExecutionFailedError, match="no document of a repository"):
        await ask.answer("acme/web")


GOOD = {"name": "acme/web", "version": "1.0"}
ABSENT: list[Any] = [
    {"packages": 3},
    {"packages": []},
    {"packages": {"acme/web": 3}},
    {"packages": {"acme/other": [GOOD]}},
]
UNREADABLE: list[Any] = [
    {"packages": {"acme/web": [{**GOOD, "name": "acme/other"}]}},
    {"packages": {"acme/web": [[]]}, "minified": "composer/2.0"},
    {"packages": {"acme/web": [{"version": "1.0"}]}},
]


@pytest.mark.parametrize("content", ABSENT, ids=range(len(ABSENT)))
async def test_documents_without_the_package(content: Any, registry: ComposerRegistry, ask: ComposerAsking) -> None:
    registry.answers["/p2/acme/web.json"] = lambda _: answer(content)
    with pytest.raises(NotFoundError):
        await ask.answer("acme/web")


@pytest.mark.parametrize("content", UNREADABLE, ids=range(len(UNREADABLE)))
async def test_documents_of_which_nothing_can_be_read(
    content: Any, registry: ComposerRegistry, ask: ComposerAsking
) -> None:
    registry.answers["/p2/acme/web.json"] = lambda _: answer(content)
    found = await ask.impossible("acme/web")
    assert found.notes == ["acme/web: 1 version is in a form that cannot be read"]


ODD_ROOTS: list[dict[str, Any]] = [
    {"metadata-url": 3},
    {"metadata-url": "", "packages": "none"},
    {"available-packages": 3, "available-package-patterns": [3, None]},
    {"packages": {"a": 3, "b": [3], "c": {"d": None}, "e": [{"name": 3}]}},
    {"includes": 3},
    {"providers": 3, "provider-includes": [3]},
]


@pytest.mark.parametrize("more", ODD_ROOTS, ids=range(len(ODD_ROOTS)))
async def test_roots_with_odd_fields(more: dict[str, Any], registry: ComposerRegistry, ask: ComposerAsking) -> None:
    registry.more = more
    registry.add("acme/web 1.0")
    if "metadata-url" in more:
        with pytest.raises(NotFoundError):
            await ask.answer("acme/web")
    else:
        assert await ask.pins("acme/web") == ["acme/web 1.0"]


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "acme/we b", "acme/web\r\nx", "acme//web", "acme/%2e", "x" * 300 + "/y", "acme/wéb"]
)
async def test_no_path_comes_out_of_a_name(name: str, registry: ComposerRegistry, ask: ComposerAsking) -> None:
    registry.add("acme/web 1.0")
    registry.add("acme/web 1.1")
    registry.packages["acme/web"][1]["require"] = {name: "*"}
    assert await ask.pins("acme/web") == ["acme/web 1.0"]
    assert registry.paths() == ["/packages.json", "/p2/acme/web.json"]
