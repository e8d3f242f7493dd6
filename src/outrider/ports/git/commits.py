"""One commit of a repository, read without a work tree.

git-fetch(1), git-ls-remote(1); that a server gives any commit that it has by its hash: gitprotocol-v2(5), `fetch`.
"""

import re
import shutil
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from outrider.core.errors import MissingRequirementError, NotFoundError
from outrider.ports.git.branch import Branch
from outrider.ports.git.program import Git, text_of
from outrider.ports.git.remote import Remote
from outrider.ports.own_folders import own_folder

# Files above it are fetched only when they are read.
_LARGE = "1m"
_LARGEST = 1 << 30
_HASH, _BEGINNING = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?"), re.compile(r"[0-9a-f]{7,63}")


@asynccontextmanager
async def fetched_commit(
    remote: Remote, wanted: Sequence[str], place: Path, remaining: Callable[[], float]
) -> AsyncIterator[Branch]:
    """Fetch one commit into a folder that goes away afterwards, and yield it; it is read, and never pushed.

    The settings of the machine and its user count, with what these let in: no hook runs, and nobody is asked for anything.

    Args:
        remote: The repository.
        wanted: Full names of references such as `refs/tags/v1`, of which the first one that is there counts; last may stand a commit, or
            how one begins.
        place: Where the folder is made; what killed processes have left there goes.
        remaining: Returns the seconds that are left for all of it.

    Raises:
        NotFoundError: No such repository, reference or commit.
        LimitedError: It is too large.
        UnauthenticatedError: It takes no credentials, or not these.
        ConnectionFailedError: The server cannot be reached.
        MissingRequirementError: git is not installed.
    """
    if shutil.which("git") is None:
        raise MissingRequirementError(
            "git is not installed", found="no git on PATH", expected="git 2.31 or newer", suggestions=["install git"]
        )  # fmt: skip
    with own_folder(place) as folder:
        git = Git(folder, remote, remaining, largest=_LARGEST, of_user=True)
        await git.run("init", "--quiet", "--bare", "--template=", ".")
        await git.run("remote", "add", "origin", remote.url)
        target = await _target(git, wanted)
        if target:
            await git.run(
                "fetch", "--quiet", "--depth=1", "--no-tags", f"--filter=blob:limit={_LARGE}", "origin", target
            )
        elif _BEGINNING.fullmatch(wanted[-1]):
            # Only who has all of them knows which one is meant.
            await git.run("fetch", "--quiet", "--tags", "--filter=blob:none", "origin", "+refs/heads/*:refs/heads/*")
        known = "FETCH_HEAD" if target else wanted[-1]
        commit = await git.run("rev-parse", "--quiet", "--verify", f"{known}^{{commit}}", accepted=(0, 1, 128))
        if commit.exit_code != 0:
            raise NotFoundError(
                f"{remote.address} has no {' and no '.join(wanted)}", path="repository", found="none", expected="a commit, a tag or a branch",
                suggestions=["name one that is there"],
            )  # fmt: skip
        found = Branch(git, remote)
        found.commit = text_of(commit.stdout).strip()
        yield found


async def _target(git: Git, wanted: Sequence[str]) -> str:
    """Return the hash of what is wanted; empty where that is how the hash of a commit begins."""
    if _HASH.fullmatch(wanted[-1]):
        return wanted[-1]
    listed = text_of((await git.run("ls-remote", "--", "origin", *wanted)).stdout)
    known = {name: commit for commit, _, name in (line.partition("\t") for line in listed.splitlines())}
    return next((known[one] for one in wanted if one in known), "")
