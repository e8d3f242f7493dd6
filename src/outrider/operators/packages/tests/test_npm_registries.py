"""What npm registries are asked, and what of documents of strangers is kept."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from outrider.core.errors import (
    ExecutionFailedError,
    UnauthenticatedError,
    UnavailableError,
)
from outrider.core.http.messages import Response
from outrider.operators.packages.npm.records import OPTIONAL, PEER, PEER_OPTIONAL, PROD, Shape, compiled
from outrider.operators.packages.npm.store import NpmStore
from outrider.operators.packages.npm.tarballs import locked, read_tarball
from outrider.operators.packages.tests.npm_registry import NpmAsking, NpmRegistry, packed
from outrider.ports.clock import SystemClock

HOST = "https://packages.example"


@pytest.fixture
async def registry() -> AsyncIterator[NpmRegistry]:
    async with NpmRegistry() as made:
        yield made


@pytest.fixture
def ask(registry: NpmRegistry, tmp_path: Path) -> NpmAsking:
    return NpmAsking(tmp_path, registry.url)


class Later(SystemClock):
    """A clock that is ahead."""

    def now(self) -> float:
        return super().now() + 301


async def test_documents_are_asked_again_only_where_they_changed(registry: NpmRegistry, ask: NpmAsking) -> None:
    registry.add("a@1.0.0")
    assert await ask.tree("a") == ["a@1.0.0"]
    assert await ask.tree("a") == ["a@1.0.0"]
    assert len(registry.requests) == 1
    assert "npm.install-v1+json" in (registry.requests[0].headers.get("accept") or "")
    assert await ask.tree("a", clock=Later()) == ["a@1.0.0"]
    assert registry.requests[1].headers.get("if-none-match")
    registry.add("a@1.1.0")
    assert await ask.tree("a", clock=Later()) == ["a@1.0.0"]
    assert await ask.tree("a", clock=Later(), offline=True) == ["a@1.0.0"]


async def test_offline_without_what_is_kept(registry: NpmRegistry, ask: NpmAsking) -> None:
    with pytest.raises(UnavailableError, match="npm a: nothing is kept of it"):
        await ask.answer("a", offline=True)
    assert registry.requests == []


async def test_credentials_are_shown(tmp_path: Path) -> None:
    async with NpmRegistry(token="secret") as registry:
        registry.add("a@1.0.0", files={}, bundleDependencies=["b"])
        ask = NpmAsking(tmp_path, registry.url)
        with pytest.raises(UnauthenticatedError):
            await ask.answer("a")
        ask.environment[f"npm_config_{registry.url.removeprefix('http:')}/:_authToken"] = "secret"
        assert await ask.tree("a") == ["a@1.0.0"]


async def test_a_registry_that_talks_nonsense(registry: NpmRegistry, ask: NpmAsking) -> None:
    for content in (b"", b"[]", b"<html>", b'{"versions": 1}', b"[" * 100_000, b"\xff"):
        registry.answers["/a"] = lambda _, content=content: Response(200, body=content)  # type: ignore[misc]
        with pytest.raises(ExecutionFailedError, match="npm a: what the registry says cannot be used"):
            await ask.answer("a")


def document(versions: dict[str, Any], **more: Any) -> bytes:
    return msgspec.json.encode({"versions": versions, **more})


def test_versions_that_cannot_be_read_are_left_out() -> None:
    good = {"dist": {"tarball": "x"}}
    versions: dict[str, Any] = {
        "1.0.0": good, "1.0": good, "2.0.0": [], "3.0.0": {}, "4.0.0": {"dist": {"tarball": 4}}, "5.0.0": None,
        "6.0.0": {**good, "dependencies": ["a"], "engines": ["node"], "os": 4, "bundleDependencies": False, "deprecated": {}},
        "7.0.0": {**good, "dependencies": {"a": 1, "b": "1"}, "peerDependenciesMeta": [], "cpu": "x64"},
    }  # fmt: skip
    record = compiled("a", document(versions, **{"dist-tags": {"latest": "7.0.0", "x": 1}}), HOST)
    assert record.versions == ["1.0.0", "6.0.0", "7.0.0"]
    assert record.tags == {"latest": "7.0.0"}
    assert compiled("a", b"{}", HOST).versions == []


def test_needs_of_a_name_that_are_said_twice() -> None:
    one = {
        "dist": {"tarball": f"{HOST}/a/-/a-1.0.0.tgz", "shasum": "ab"},
        "dependencies": {"a": "1", "b": "1", "c": "1"}, "optionalDependencies": {"b": "2"},
        "peerDependencies": {"a": "3", "d": "4", "e": "5"}, "peerDependenciesMeta": {"e": {"optional": True}},
        "bundleDependencies": True,
    }  # fmt: skip
    record = compiled("a", document({"1.0.0": one, "1.0.1": {**one, "dist": {"tarball": "y"}}}), HOST)
    assert len(record.shapes) == 1
    shape = msgspec.msgpack.decode(record.shapes[0], type=Shape)
    assert shape.needs == [
        ("d", "4", PEER),
        ("e", "5", PEER_OPTIONAL),
        ("a", "1", PROD),
        ("c", "1", PROD),
        ("b", "2", OPTIONAL),
    ]
    assert shape.bundled == ["a", "b", "c", "b"]
    assert msgspec.msgpack.decode(record.distributions[0]) == ["", "", "ab"]


def test_what_is_kept_and_cannot_be_read(tmp_path: Path) -> None:
    store = NpmStore(tmp_path)
    for name in ("a", "@s/a", "A", "..", "a" * 300):
        store.keep(HOST, name, compiled(name, document({"1.0.0": {"dist": {"tarball": "x"}}}), HOST))
        found = store.record(HOST, name)
        assert found is not None
        assert found.versions == ["1.0.0"]
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) == 5
    for path in files:
        path.write_bytes(b"nonsense")
    assert store.record(HOST, "a") is None
    (tmp_path / "file").write_text("")
    with pytest.raises(ExecutionFailedError, match="cannot be kept"):
        NpmStore(tmp_path / "file").keep(HOST, "a", compiled("a", b"{}", HOST))


def test_tarballs_that_are_none() -> None:
    for content in (b"", b"no", packed({"x": 1})[:40]):
        with pytest.raises(ExecutionFailedError, match="its tarball cannot be read"):
            read_tarball("a", content, shrinkwrap=False)


def test_locks_of_every_form() -> None:
    old = {
        "dependencies": {
            "a": {"version": "1.0.0", "requires": {"b": "1"}, "dependencies": {"b": {"version": "1.0.0"}}},
            "c": 1,
        }
    }
    assert [path for path, _ in locked(old)] == [("a",), ("a", "b")]
    new = {
        "packages": {
            "": {},
            "node_modules/@s/a/node_modules/b": {},
            "elsewhere/a": {},
            "node_modules/../x": {},
            "node_modules/c": 1,
        }
    }
    assert [path for path, _ in locked(new)] == [("@s/a", "b")]
