"""One commit of a repository, read without a work tree: as with a branch, no file of it is ever laid out on the disk.

git-fetch(1), git-ls-remote(1); that a server gives any commit that it has by its hash: gitprotocol-v2(5), `fetch`.
"""

import re
import shutil
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from outrider.core.errors import LimitedError, MissingRequirementError, NotFoundError, OutriderError
from outrider.ports.git.program import Git, is_text, text_of
from outrider.ports.git.remote import Remote
from outrider.ports.own_folders import own_folder

# Files above it are fetched only when they are read, where the server can do so.
_LARGE = "256k"
# Bytes of what git may fetch.
_LARGEST = 1 << 30
_REGULAR, _MODULE = "100", "160000"
_WHOLE = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_PART = re.compile(r"[0-9a-f]{4,64}")
_PEELED = "^{}"
_EVERYTHING = ("+refs/heads/*:refs/remotes/origin/*", "+refs/tags/*:refs/tags/*")


class Commit:
    """A commit that was fetched; used within `fetched_commit`.

    Attributes:
        identity: Its hash.
    """

    def __init__(self, git: Git, identity: str) -> None:
        self._git, self.identity = git, identity
        self._rows: list[tuple[str, str, str]] | None = None

    async def files(self) -> dict[str, str]:
        """Return the hashes of all plain files, by their paths; those whose names are no UTF-8 are left out."""
        return {path: identity for mode, identity, path in await self._listed() if mode.startswith(_REGULAR)}

    async def modules(self) -> list[str]:
        """Return the paths at which other repositories are to be (submodules)."""
        return [path for mode, _, path in await self._listed() if mode == _MODULE]

    async def _listed(self) -> list[tuple[str, str, str]]:
        if self._rows is None:
            listed = text_of((await self._git.run("ls-tree", "-r", "-z", self.identity)).stdout)
            rows = (row.partition("\t") for row in listed.split("\0") if row)
            self._rows = [(*_mode_and_hash(facts), path) for facts, _, path in rows if is_text(path)]
        return self._rows

    async def read(self, identities: Sequence[str]) -> list[bytes]:
        """Return what is in files, by their hashes.

        Raises:
            LimitedError: They are too large together.
        """
        given = "".join(f"{one}\n" for one in identities).encode()
        told = (await self._git.run("cat-file", "--batch", given=given)).stdout
        found, at = [], 0
        for _ in identities:
            head, at = told[at : told.index(b"\n", at)], told.index(b"\n", at) + 1
            size = int(head.rpartition(b" ")[2])
            found.append(told[at : at + size])
            at += size + 1
        return found


def _mode_and_hash(facts: str) -> tuple[str, str]:
    mode, _, identity = facts.split()
    return mode, identity


async def references(
    remote: Remote, place: Path, remaining: Callable[[], float], *, of_user: bool = False
) -> dict[str, str]:
    """Return the commits that the names of a repository stand for: `HEAD`, `refs/heads/NAME`, `refs/tags/NAME` and others.

    Args:
        remote: The repository.
        place: Where a folder is made that goes away afterwards.
        remaining: Returns the seconds that are left for all of it.
        of_user: Whether the settings of the machine and its user count, with what these let in; nobody is asked for anything, and no hook runs.

    Raises:
        NotFoundError: No such repository.
        UnauthenticatedError: It wants credentials.
        ConnectionFailedError: The server cannot be reached.
        MissingRequirementError: git is not installed.
    """
    with own_folder(place) as folder:
        listed = await Git(folder, remote, remaining, of_user=of_user).run("ls-remote", "--", remote.url)
    rows = [line.partition("\t") for line in text_of(listed.stdout).splitlines()]
    found = {name: identity for identity, _, name in rows if not name.endswith(_PEELED)}
    # A tag with a message stands for the commit behind it.
    return found | {name.removesuffix(_PEELED): identity for identity, _, name in rows if name.endswith(_PEELED)}


def is_commit(text: str) -> bool:
    """Return whether a text is the whole hash of a commit."""
    return _WHOLE.fullmatch(text) is not None


def revision(wanted: str, names: Mapping[str, str]) -> str:
    """Return the commit that a revision stands for, as far as names alone tell it; empty where they do not.

    Args:
        wanted: A commit, the beginning of one, a tag, or `refs/...`.
        names: All of the repository.
    """
    if wanted.startswith("refs/"):
        return names.get(wanted, "")
    if is_commit(wanted):
        return wanted
    if f"refs/tags/{wanted}" in names:
        return names[f"refs/tags/{wanted}"]
    found = (
        {identity for identity in names.values() if identity.startswith(wanted)} if _PART.fullmatch(wanted) else set()
    )
    return found.pop() if len(found) == 1 else ""


@asynccontextmanager
async def fetched_commit(
    remote: Remote, wanted: str, place: Path, remaining: Callable[[], float], *, of_user: bool = False
) -> AsyncIterator[Commit]:
    """Fetch one commit, without those before it, into a folder that goes away afterwards, and yield it.

    Args:
        remote: The repository.
        wanted: The commit; or what no name of the repository tells, for which all is fetched that these lead to.
        place: Where the folder is made.
        remaining: Returns the seconds that are left for all of it.
        of_user: As in `references`.

    Raises:
        NotFoundError: There is no such commit.
        LimitedError: It is too large.
        OutriderError: As in `references`.
    """
    if shutil.which("git") is None:
        raise MissingRequirementError(
            "git is not installed", found="no git on PATH", expected="git 2.31 or newer", suggestions=["install git"]
        )  # fmt: skip
    with own_folder(place) as folder:
        git = Git(folder, remote, remaining, largest=_LARGEST, of_user=of_user)
        await git.run("init", "--quiet", "--bare", "--template=", ".")
        await git.run("remote", "add", "origin", remote.url)
        identity = wanted if is_commit(wanted) else ""
        if not identity or not await _has(git, identity):
            await git.run("fetch", "--quiet", "--no-tags", f"--filter=blob:limit={_LARGE}", "origin", *_EVERYTHING)
            done = await git.run(
                "rev-parse", "--quiet", "--verify", "--end-of-options", f"{wanted}^{{commit}}", accepted=(0, 1, 128)
            )
            identity = text_of(done.stdout).strip()
        if not identity:
            raise NotFoundError(
                f"{remote.address}: there is no revision {wanted[:80]}", path="rev", found=wanted[:80], expected="a commit, the beginning of one, or a tag",
                suggestions=["check the revision"],
            )  # fmt: skip
        yield Commit(git, identity)


async def _has(git: Git, identity: str) -> bool:
    """Return whether a commit could be fetched by itself, which not every server allows."""
    try:
        await git.run("fetch", "--quiet", "--no-tags", "--depth=1", f"--filter=blob:limit={_LARGE}", "origin", identity)
    except (NotFoundError, LimitedError):
        raise
    except OutriderError:
        return False
    return True
