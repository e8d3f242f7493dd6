import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from outrider.core.errors import LimitedError, MissingRequirementError, NotFoundError, OutriderError
from outrider.ports.git import Branch, Remote, commits, fetched_commit
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


@asynccontextmanager
async def opened(address: str, *wanted: str) -> AsyncIterator[Branch]:
    end = asyncio.get_running_loop().time() + 30
    place = Path(os.environ["XDG_CACHE_HOME"]) / "git"
    async with fetched_commit(
        Remote(address), wanted, place, lambda: end - asyncio.get_running_loop().time()
    ) as commit:
        yield commit
    assert [*place.iterdir()] == []


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("HOME", str(tmp_path))


async def refused(address: str, *wanted: str) -> OutriderError:
    with pytest.raises(OutriderError) as caught:
        async with opened(address, *wanted):
            raise AssertionError("it was fetched")
    return caught.value


WANTED = [
    (("HEAD",), b"2"), (("refs/tags/v0",), b"0"), (("refs/tags/v1",), b"1"), (("refs/heads/side",), b"1"),
    (("refs/heads/v0", "refs/tags/v0"), b"0"), (("refs/heads/side", "refs/tags/side"), b"1"),
]  # fmt: skip


@pytest.mark.parametrize(("wanted", "number"), WANTED)
async def test_the_first_reference_that_is_there_counts(wanted: tuple[str, ...], number: bytes, work: Path) -> None:
    async with opened(work.as_uri(), *wanted) as commit:
        assert await commit.read("apps/web.yaml") == b"number: " + number + b"\n"
        assert commit.commit == git(work, "rev-parse", f"v{number.decode()}^{{commit}}")


async def test_a_commit_by_its_hash_or_by_how_that_begins(work: Path) -> None:
    whole = git(work, "rev-parse", "v1^{commit}")
    for wanted in ((whole,), ("refs/heads/x", whole[:7])):
        async with opened(work.as_uri(), *wanted) as commit:
            assert commit.commit == whole
            assert await commit.read_all(["apps/web.yaml"]) == {"apps/web.yaml": b"number: 1\n"}
    missing = await refused(work.as_uri(), "refs/heads/x", "refs/tags/x")
    assert (type(missing), missing.expected) == (NotFoundError, "a commit, a tag or a branch")
    assert isinstance(await refused(work.as_uri(), "refs/heads/0123456", "refs/tags/0123456", "0123456"), NotFoundError)
    assert isinstance(await refused(f"{work.as_uri()}x", "HEAD"), NotFoundError)


async def test_settings_of_the_user_count_and_no_hook_runs(work: Path, tmp_path: Path) -> None:
    hook = tmp_path / "hooks/reference-transaction"
    hook.parent.mkdir()
    hook.write_text(f"#!/bin/sh\necho ran >> {tmp_path}/ran\n")
    hook.chmod(0o755)
    settings = f'[core]\nhooksPath = {hook.parent}\n[url "{work.as_uri()}"]\ninsteadOf = https://files.test/work\n'
    (tmp_path / ".gitconfig").write_text(settings)
    async with opened("https://files.test/work", "HEAD") as commit:
        assert await commit.paths() == ["apps/web.yaml"]
    assert not (tmp_path / "ran").exists()


async def test_what_is_too_large(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (work / "large").write_bytes(os.urandom(500_000))
    git(work, "add", ".")
    git(work, "commit", "--quiet", "--message=large")
    monkeypatch.setattr(commits, "_LARGEST", 100_000)
    assert isinstance(await refused(work.as_uri(), "HEAD"), LimitedError)


async def test_git_is_missing(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert isinstance(await refused(work.as_uri(), "HEAD"), MissingRequirementError)
