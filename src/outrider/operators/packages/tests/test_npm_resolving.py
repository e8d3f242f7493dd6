"""npm packages placed as npm places them: against a registry that we serve, and against npm itself on the real one."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from outrider.core.errors import (
    DeadlineExceededError,
    NotFoundError,
    UnauthenticatedError,
    UnavailableError,
    UnsupportedError,
)
from outrider.core.http.messages import Response
from outrider.operators.packages.npm import session as npm_session
from outrider.operators.packages.resolving.outcomes import Resolved
from outrider.operators.packages.resolving.questions import Question
from outrider.operators.packages.tests.npm_registry import NpmAsking, NpmRegistry
from outrider.ports.clock import SystemClock


@pytest.fixture
async def registry() -> AsyncIterator[NpmRegistry]:
    async with NpmRegistry() as made:
        yield made


@pytest.fixture
def ask(registry: NpmRegistry, tmp_path: Path) -> NpmAsking:
    return NpmAsking(tmp_path, registry.url)


async def test_versions_that_do_not_agree_are_nested(registry: NpmRegistry, ask: NpmAsking) -> None:
    registry.add("a@1.0.0", "b@^1 c@^1")
    registry.add("b@1.0.0", "c@^2")
    for version in ("1.0.0", "1.1.0", "2.0.0"):
        registry.add(f"c@{version}")
    answer = await ask.resolved("a")
    assert [(one.place, one.version, one.needed_by) for one in answer.packages] == [
        ("node_modules/a", "1.0.0", []),
        ("node_modules/b", "1.0.0", ["a"]),
        ("node_modules/b/node_modules/c", "2.0.0", ["b"]),
        ("node_modules/c", "1.1.0", ["a"]),
    ]
    assert answer.target == "npm"
    assert answer.packages[3].url == f"{registry.url}/c/-/c-1.1.0.tgz"
    assert answer.packages[3].hashes.keys() == {"sha512"}


async def test_latest_comes_before_newer_ones(registry: NpmRegistry, ask: NpmAsking) -> None:
    for version in ("1.0.0", "1.1.0", "2.0.0", "3.0.0-beta.1"):
        registry.add(f"a@{version}")
    registry.tag("a", "latest", "1.0.0")
    registry.tag("a", "next", "3.0.0-beta.1")
    assert await ask.tree("a") == ["a@1.0.0"]
    assert await ask.tree("a@^1") == ["a@1.0.0"]
    assert await ask.tree("a@>1") == ["a@2.0.0"]
    assert await ask.tree("a@next") == ["a@3.0.0-beta.1"]


async def test_what_is_deprecated_or_for_another_node_comes_last(registry: NpmRegistry, ask: NpmAsking) -> None:
    registry.add("a@1.0.0")
    registry.add("a@1.1.0", engines={"node": ">=999"})
    registry.add("a@1.2.0", deprecated="use another")
    assert await ask.tree("a@^1") == ["a@1.0.0"]
    assert await ask.tree("a@>1.0") == ["a@1.2.0"]


async def test_circles_end(registry: NpmRegistry, ask: NpmAsking) -> None:
    registry.add("a@1.0.0", "b@1")
    registry.add("b@1.0.0", "a@1")
    registry.add("a@2.0.0", "b@2")
    registry.add("b@2.0.0", "a@1")
    assert await ask.tree("a@1") == ["a@1.0.0", "b@1.0.0"]
    assert await ask.tree("a@2") == ["a@2.0.0", "b@2.0.0", "b/a@1.0.0", "b/b@1.0.0"]


async def test_packages_that_need_older_ones_of_each_other_become_links(registry: NpmRegistry, ask: NpmAsking) -> None:
    registry.add("a@1.0.0", "b@1.0.0")
    registry.add("b@1.0.0", "a@2.0.0")
    registry.add("a@2.0.0", "b@2.0.0")
    registry.add("b@2.0.0", "a@1.0.0")
    places = await ask.tree("a@1.0.0")
    assert places[:4] == ["a@1.0.0", "b@1.0.0", "b/a@2.0.0", "b/b@2.0.0"]
    assert len(places) < 8


async def test_optional_ones_may_be_missing(registry: NpmRegistry, ask: NpmAsking) -> None:
    registry.add("a@1.0.0", "?gone@1 ?b@9 ?c@1")
    registry.add("b@1.0.0")
    registry.add("c@1.0.0", "lost@1")
    # What an optional one needs may be missing too; npm keeps the optional one in the tree then.
    assert await ask.tree("a") == ["a@1.0.0", "c@1.0.0"]


async def test_optional_ones_override_others_of_the_name(registry: NpmRegistry, ask: NpmAsking) -> None:
    registry.add("a@1.0.0", "b@1 ?b@9")
    registry.add("b@1.0.0")
    assert await ask.tree("a") == ["a@1.0.0"]


async def test_what_is_needed_and_missing(registry: NpmRegistry, ask: NpmAsking) -> None:
    registry.add("a@1.0.0", "b@9")
    registry.add("b@1.0.0")
    with pytest.raises(NotFoundError, match="npm b@9, which a needs: there is none"):
        await ask.answer("a")
    with pytest.raises(NotFoundError, match=r"npm gone@\*: there is none"):
        await ask.answer("gone")
    with pytest.raises(NotFoundError, match="npm b@beta: there is none"):
        await ask.answer("b@beta")


async def test_machines(registry: NpmRegistry, ask: NpmAsking) -> None:
    registry.add("a@1.0.0", "?win@1")
    registry.add("win@1.0.0", os=["win32"], cpu=["!arm64"])
    registry.add("b@1.0.0", "win@1")
    # A lock is for all machines.
    assert await ask.tree("a") == ["a@1.0.0", "win@1.0.0"]
    answer = await ask.impossible("b")
    assert answer.reasons[0].startswith("win 1.0.0 is for win32 !arm64, and this is ")


async def test_aliases(registry: NpmRegistry, ask: NpmAsking) -> None:
    registry.add("b@1.0.0")
    registry.add("b@2.0.0")
    registry.add("@s/c@1.0.0")
    registry.add("a@1.0.0", "b@2 old@npm:b@^1 c@npm:@s/c")
    assert await ask.tree("a", "mine@npm:b@1") == ["a@1.0.0", "b@2.0.0", "c@1.0.0", "mine@1.0.0", "old@1.0.0"]
    named = {one.place: one.name for one in (await ask.resolved("mine@npm:b@1")).packages}
    assert named == {"node_modules/mine": "b"}


async def test_scopes(registry: NpmRegistry, ask: NpmAsking) -> None:
    registry.add("@s/a@1.0.0", "@s/b@1")
    registry.add("@s/b@1.0.0")
    assert await ask.tree("@s/a@^1") == ["@s/a@1.0.0", "@s/b@1.0.0"]
    assert any(request.path == "/@s%2fb" for request in registry.requests)


async def test_the_registry_of_a_scope_that_nobody_asks_for_does_not_count(
    registry: NpmRegistry, ask: NpmAsking
) -> None:
    registry.add("a@1.0.0")
    ask.environment["npm_config_@other:registry"] = "no address"
    assert await ask.tree("a") == ["a@1.0.0"]
    with pytest.raises(NotFoundError) as caught:
        await ask.answer("none")
    assert caught.value.expected == f"a package of {registry.url}"


async def test_a_range_that_nothing_is_in(registry: NpmRegistry, ask: NpmAsking) -> None:
    registry.add("a@1.0.0")
    for offline in (False, True):
        with pytest.raises(NotFoundError) as caught:
            await ask.answer("a@^999", offline=offline)
        assert caught.value.expected == "one of its versions, of which 1.0.0 is the newest"


async def test_names_that_some_disks_do_not_tell_apart(registry: NpmRegistry, ask: NpmAsking) -> None:
    registry.add("JSON@1.0.0")
    registry.add("json@1.0.0")
    registry.add("a@1.0.0", "json@1 b@1")
    registry.add("b@1.0.0", "JSON@1")
    assert await ask.tree("a") == ["a@1.0.0", "b@1.0.0", "b/JSON@1.0.0", "json@1.0.0"]


async def test_bundled_ones_are_read_out_of_the_tarball(registry: NpmRegistry, ask: NpmAsking) -> None:
    inside = {
        "node_modules/b/package.json": {"name": "b", "version": "1.0.0", "dependencies": {"c": "1"}},
        "node_modules/b/node_modules/c/package.json": {"name": "c", "version": "1.0.0"},
        "node_modules/x/lib/package.json": {"name": "no", "version": "1.0.0"},
        "node_modules/y/package.json": b"no JSON",
    }
    registry.add("a@1.0.0", "b@1 d@1", files=inside, bundleDependencies=["b"])
    registry.add("d@1.0.0")
    expected = ["a@1.0.0", "a/b@1.0.0", "a/b/c@1.0.0", "d@1.0.0"]
    assert await ask.tree("a") == expected
    registry.answers["/a/-/a-1.0.0.tgz"] = lambda _: pytest.fail("it is kept")
    assert await ask.tree("a", offline=True) == expected


async def test_a_lock_within_a_tarball(registry: NpmRegistry, ask: NpmAsking) -> None:
    lock = {
        "packages": {
            "": {},
            "node_modules/b": {"version": "1.0.0", "integrity": "sha512-eA==", "resolved": "http://h/b.tgz"},
        }
    }
    registry.add("a@1.0.0", "b@1", files={"npm-shrinkwrap.json": lock}, _hasShrinkwrap=True)
    registry.add("b@1.1.0")
    answer = await ask.resolved("a")
    assert [(one.place, one.version, one.url) for one in answer.packages][1] == (
        "node_modules/a/node_modules/b",
        "1.0.0",
        "http://h/b.tgz",
    )


async def test_what_does_not_come_from_a_registry(registry: NpmRegistry, ask: NpmAsking) -> None:
    registry.add("a@1.0.0", dependencies={"b": "git+ssh://git@h/b.git"})
    registry.add("c@1.0.0", optionalDependencies={"b": "user/repository"})
    with pytest.raises(UnsupportedError, match="npm b: it does not come from a registry"):
        await ask.answer("a")
    assert await ask.tree("c") == ["c@1.0.0"]


async def test_optional_ones_that_are_not_shown(registry: NpmRegistry, ask: NpmAsking) -> None:
    registry.add("a@1.0.0", "?private@1")
    registry.add("b@1.0.0", "private@1")
    registry.answers["/private"] = lambda _: Response(403)
    assert await ask.tree("a") == ["a@1.0.0"]
    with pytest.raises(UnauthenticatedError):
        await ask.answer("b")


async def test_a_registry_that_cannot_answer(registry: NpmRegistry, ask: NpmAsking) -> None:
    """An optional package is not left out because its registry is busy: tomorrow the answer would be another one."""
    registry.add("a@1.0.0", "?busy@1")
    registry.answers["/busy"] = lambda _: Response(503)
    with pytest.raises(UnavailableError):
        await ask.answer("a")


async def test_time_ends(registry: NpmRegistry, ask: NpmAsking) -> None:
    registry.add("a@1.0.0")
    with pytest.raises(DeadlineExceededError):
        await ask.answer("a", seconds=-1)


@pytest.mark.real
@pytest.mark.timeout(300)
@pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not installed")
@pytest.mark.parametrize(
    "packages", [("express",), ("eslint", "eslint-plugin-react", "@typescript-eslint/eslint-plugin")]
)
async def test_npm_says_the_same(tmp_path: Path, packages: tuple[str, ...]) -> None:
    folder = tmp_path / "npm"
    folder.mkdir()
    command = ["npm", "install", *packages, "--package-lock-only", "--no-audit", "--no-fund", "--ignore-scripts"]
    child = await asyncio.create_subprocess_exec(*command, cwd=folder, stdout=asyncio.subprocess.PIPE)
    output, _ = await child.communicate()
    assert child.returncode == 0, output
    lock = msgspec.json.decode((folder / "package-lock.json").read_bytes())["packages"]
    clock = SystemClock()
    answer = await npm_session.resolve(
        Question(
            packages=list(packages), cache=tmp_path / "cache", folder=tmp_path, environment=os.environ, clock=clock,
            deadline=clock.monotonic() + 240,
        )
    )  # fmt: skip
    assert isinstance(answer, Resolved)
    assert {one.place: one.version for one in answer.packages} == {
        place: one["version"] for place, one in lock.items() if place
    }
