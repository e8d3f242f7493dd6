"""Fetches what a uv.lock has from elsewhere than from indexes, and reads what that leads to."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from outrider.core.errors import (
    DeadlineExceededError,
    LimitedError,
    NotFoundError,
    PreconditionFailedError,
    UnauthenticatedError,
    UnavailableError,
    UnsupportedError,
)
from outrider.operators.packages.locks.uv import commits_of
from outrider.operators.packages.manifests.py_requirements import FORM
from outrider.operators.packages.manifests.uv_archives import read_archive
from outrider.operators.packages.manifests.uv_direct import Direct
from outrider.operators.packages.manifests.uv_reading import read_workspace
from outrider.operators.packages.manifests.uv_repositories import read_repository
from outrider.operators.packages.manifests.uv_workspace import Fetched, UvWorkspace
from outrider.operators.packages.pypi.settings import pypi_registry
from outrider.operators.packages.pypi.uv_indexes import UvIndex
from outrider.operators.packages.registries.downloads import opened_downloads
from outrider.operators.packages.resolving.questions import Question
from outrider.ports.git import Commit, Remote, fetched_commit, references
from outrider.ports.own_folders import own_folder

_MOST = 200
_LARGEST = 2 << 30


async def read_whole(
    path: Path, question: Question, before: Mapping[str, Any], *, is_bounded: bool = False
) -> tuple[UvWorkspace, dict[Direct, Fetched]]:
    """Read a manifest and all that it leads to, and return that with what was fetched.

    Args:
        path: Of the manifest beside the lock.
        question: What may be used for an answer.
        before: The lock whose commits stay; an empty one where there is none.
        is_bounded: Whether strangers may have written the manifest: then nothing is fetched for it.

    Raises:
        UnsupportedError: Strangers want something fetched.
        UnavailableError: Something is to be fetched, and nobody is to be asked.
        UnsupportedError: Something is to be fetched for the repository of a stranger.
        OutriderError: As `read_workspace`, and what git or a server says.
    """
    found: dict[Direct, Fetched] = {}
    async with AsyncExitStack() as stack:
        fetcher = _Fetcher(path.parent, question, commits_of(before), stack)
        while missing := (workspace := read_workspace(path, fetched=found)).unfetched:
            if is_bounded:
                raise _of_strangers(next(iter(missing)))
            if len(found) + len(missing) > _MOST:
                raise LimitedError(
                    f"{path}: it leads to too many repositories and archives", path="tool.uv.sources", found=f"more than {_MOST}",
                    expected=f"at most {_MOST}", suggestions=["use uv itself: uv lock"],
                )  # fmt: skip
            for one in missing:
                found[one] = await fetcher.fetch(one)
    return workspace, found


def _of_strangers(asked: Direct) -> UnsupportedError:
    # It would be read with what this machine knows, and told where others read it.
    return UnsupportedError(
        f"{FORM}: {asked.entry()} is not fetched for whoever has written it", path="tool.uv.sources", found=asked.address,
        expected="packages of indexes, and folders of the repository",
        suggestions=["fix or update it where it is checked out: outrider packages fix FOLDER"],
    )  # fmt: skip


class _Fetcher:
    """Fetches.

    Args:
        folder: Of the lock.
        question: What may be used.
        commits: Those that stay, by address and reference.
        stack: Ends what is kept of repositories.
    """

    def __init__(
        self,
        folder: Path,
        question: Question,
        commits: Mapping[tuple[str, tuple[str, str]], str],
        stack: AsyncExitStack,
    ) -> None:
        self._folder, self._question, self._commits, self._stack = folder, question, commits, stack
        self._repositories: dict[tuple[str, tuple[str, str]], Commit] = {}

    async def fetch(self, direct: Direct) -> Fetched:
        """Return what comes from there; the errors are those of `read_whole`."""
        if direct.kind == "path":
            path = self._folder / direct.address
            return await read_archive(direct, path, await asyncio.to_thread(_sha256, path))
        if self._question.offline:
            raise UnavailableError(
                f"{direct.address}: nothing is kept of it, and nobody is to be asked", found="offline", expected="what is there",
                suggestions=["ask without offline"],
            )  # fmt: skip
        if direct.kind == "git":
            return await read_repository(direct, await self._commit(direct), self._question.cache / "manifests")
        async with self._downloaded(direct) as (path, sha256):
            return await read_archive(direct, path, sha256)

    async def _commit(self, direct: Direct) -> Commit:
        key = (direct.address, direct.reference)
        if key not in self._repositories:
            remote, place = Remote(direct.address), self._question.cache / "git"
            try:
                commit = self._commits.get(key) or await self._meant(direct, remote, place)
                opened = fetched_commit(remote, commit, place, self._remaining, of_user=True)
                self._repositories[key] = await self._stack.enter_async_context(opened)
            except UnauthenticatedError as error:
                error.suggestions = [f"have git let in: git ls-remote {direct.address}"]
                raise
        return self._repositories[key]

    async def _meant(self, direct: Direct, remote: Remote, place: Path) -> str:
        """Return the commit that is meant, or how it begins."""
        if direct.is_commit:
            return direct.wanted[-1]
        names = await references(remote, place, self._remaining, of_user=True)
        found = next((names[one] for one in direct.wanted if one in names), "")
        if not found and direct.wanted[-1].startswith(("refs/", "HEAD")):
            raise NotFoundError(
                f"{remote.address} has no {' and no '.join(direct.wanted)}", path="repository", found="none", expected="a commit, a tag or a branch",
                suggestions=["name one that is there"],
            )  # fmt: skip
        return found or direct.wanted[-1]

    def _remaining(self) -> float:
        return max(0.0, self._question.deadline - self._question.clock.monotonic())

    @asynccontextmanager
    async def _downloaded(self, direct: Direct) -> AsyncIterator[tuple[Path, str]]:
        """Have the file that is at an address, and its hash."""
        registry = pypi_registry(UvIndex(direct.address), str(self._folder / FORM), self._question.environment)
        hashed, size = hashlib.sha256(), 0
        with own_folder(self._question.cache / "archives") as folder, (folder / "archive").open("wb") as file:

            def receive(piece: bytes) -> None:
                nonlocal size
                size += len(piece)
                if size > _LARGEST:
                    raise LimitedError(
                        f"{direct.address}: it is too large", found=f"more than {_LARGEST} bytes", expected=f"at most {_LARGEST}"
                    )  # fmt: skip
                hashed.update(piece)
                file.write(piece)

            try:
                async with asyncio.timeout(self._remaining()), opened_downloads(registry, self._question.clock) as one:
                    await one.stream(direct.address, receive)
            except TimeoutError as error:
                raise DeadlineExceededError(
                    f"{direct.address}: it did not come in time", suggestions=["give a longer --timeout"]
                ) from error
            file.flush()
            if direct.sha256 not in ("", hashed.hexdigest()):
                raise PreconditionFailedError(
                    f"{direct.address}: it is another file than the manifest says", path="sha256", found=hashed.hexdigest(),
                    expected=direct.sha256, suggestions=["find out who has changed it"],
                )  # fmt: skip
            yield folder / "archive", hashed.hexdigest()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
