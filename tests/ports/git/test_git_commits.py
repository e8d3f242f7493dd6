import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from outrider.core.errors import LimitedError, MissingRequirementError, NotFoundError, OutriderError
from outrider.ports.git import Commit, Remote, commit, fetched_commit, references, revision
from tests.servers.git_http import git

pytestmark = [pytest.mark.real, pytest.mark.timeout(60)]


@pytest.fixture
def work(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    (folder / "apps").mkdir(parents=True)
    git(folder, "init", "--quiet", "--initial-branch=main")
    for number in range(3):
        (folder / "apps/web.yaml").write_text(f"number: {number}\n")
        git(folder, "add", ".")
        git(folder, "commit", "--quiet", "--message=more")
        git(folder, "tag", *(["--annotate", "--message=it"] if number else []), f"v{number}")
    git(folder, "branch", "side", "v1")
    return folder


def place() -> Path:
    return Path(os.environ["XDG_CACHE_HOME"]) / "git"


def in_time() -> float:
    return 30.0


@asynccontextmanager
async def opened(address: str, wanted: str, *, of_user: bool = True) -> AsyncIterator[Commit]:
    async with fetched_commit(Remote(address), wanted, place(), in_time, of_user=of_user) as found:
        yield found
    assert [*place().iterdir()] == []


async def content(found: Commit) -> list[bytes]:
    return await found.read([*(await found.files()).values()])


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("HOME", str(tmp_path))


async def refused(address: str, wanted: str) -> OutriderError:
    with pytest.raises(OutriderError) as caught:
        async with opened(address, wanted):
            raise AssertionError("it was fetched")
    return caught.value


async def test_names_stand_for_commits(work: Path) -> None:
    names = await references(Remote(work.as_uri()), place(), in_time)
    tags = {number: git(work, "rev-parse", f"v{number}^{{commit}}") for number in range(3)}
    # A tag with a message stands for the commit behind it.
    assert names == {
        "HEAD": tags[2], "refs/heads/main": tags[2], "refs/heads/side": tags[1],
        **{f"refs/tags/v{number}": tags[number] for number in range(3)},
    }  # fmt: skip
    assert [revision(one, names) for one in ("v1", "refs/heads/side", tags[0][:9], tags[0], "side")] == [
        tags[1], tags[1], tags[0], tags[0], "",
    ]  # fmt: skip
    with pytest.raises(NotFoundError):
        await references(Remote(f"{work.as_uri()}x"), place(), in_time)
    assert [*place().iterdir()] == []


async def test_a_commit_by_its_hash_or_by_how_that_begins(work: Path) -> None:
    whole = git(work, "rev-parse", "v1^{commit}")
    for wanted in (whole, whole[:7]):
        async with opened(work.as_uri(), wanted) as found:
            assert (found.identity, await content(found)) == (whole, [b"number: 1\n"])
            assert [*await found.files()] == ["apps/web.yaml"]
            assert await found.modules() == []
    assert isinstance(await refused(work.as_uri(), "0123456"), NotFoundError)
    assert isinstance(await refused(f"{work.as_uri()}x", whole), NotFoundError)


async def test_settings_of_the_user_count_where_that_is_wanted_and_no_hook_runs(work: Path, tmp_path: Path) -> None:
    hook = tmp_path / "hooks/reference-transaction"
    hook.parent.mkdir()
    hook.write_text(f"#!/bin/sh\necho ran >> {tmp_path}/ran\n")
    hook.chmod(0o755)
    settings = f'[core]\nhooksPath = {hook.parent}\n[url "{work.as_uri()}"]\ninsteadOf = https://files.test/work\n'
    (tmp_path / ".gitconfig").write_text(settings)
    whole = git(work, "rev-parse", "HEAD")
    async with opened("https://files.test/work", whole) as found:
        assert [*await found.files()] == ["apps/web.yaml"]
    with pytest.raises(OutriderError):
        async with opened("https://files.test/work", whole, of_user=False):
            raise AssertionError("it was fetched")
    assert not (tmp_path / "ran").exists()


async def test_what_is_too_large(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (work / "large").write_bytes(os.urandom(500_000))
    git(work, "add", ".")
    git(work, "commit", "--quiet", "--message=large")
    monkeypatch.setattr(commit, "_LARGEST", 100_000)
    assert isinstance(await refused(work.as_uri(), git(work, "rev-parse", "HEAD")), LimitedError)


async def test_git_is_missing(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert isinstance(await refused(work.as_uri(), "0" * 40), MissingRequirementError)
