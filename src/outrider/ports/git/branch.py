"""One branch of a repository as it is now, read and written without a work tree.

No file of a repository is ever laid out on the disk: no link is followed, no filter and no hook of it is started. Partial clones:
git-rev-list(1), `--filter`.
"""

import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from outrider.core.errors import ConflictError, DeniedError, NotFoundError
from outrider.ports.git.program import Git, is_text, push_error, text_of
from outrider.ports.git.remote import Remote
from outrider.ports.own_folders import own_folder

# Files above it are fetched only when they are read.
_LARGE = "1m"
_REGULAR, _LINK, _FOLDER = "100", "120000", "040000"


class Branch:
    """A branch as it was when it was fetched; used within `fetched`.

    Attributes:
        name: Of the branch.
        commit: Its newest one.
    """

    def __init__(self, git: Git, remote: Remote) -> None:
        self._git = git
        self._remote = remote
        self.name, self.commit = "", ""

    async def find(self, words: list[str], folder: str = "", endings: tuple[str, ...] = ()) -> list[str]:
        """Return the plain files below a folder that hold all the words, in capital letters or small ones, by their paths.

        Args:
            words: Each stands in some line of the file.
            folder: Or the path of one file; everywhere if empty.
            endings: Of their names; any if empty.
        """
        patterns = [part for word in words for part in ("-e", word)]
        where = re.sub(r"([\\*?[])", r"\\\1", folder)
        below = [f":(glob){where}/**/*{end}" if where else f":(glob)**/*{end}" for end in endings or ("",)]
        paths = [*below, f":(glob){where}"] if where else below
        done = await self._git.run(
            "grep", "-lziF", "--all-match", *patterns, self.commit, "--", *paths, accepted=(0, 1)
        )
        names = [name.partition(":")[2] for name in text_of(done.stdout).split("\0") if name]
        return sorted(name for name in names if (not endings or name.endswith(endings)) and is_text(name))

    async def paths(self) -> list[str]:
        """Return all plain files, sorted; those whose names are no UTF-8 are left out."""
        return await self._listed(_REGULAR)

    async def links(self) -> list[str]:
        """Return all links, sorted; those whose names are no UTF-8 are left out."""
        return await self._listed(_LINK)

    async def _listed(self, mode: str) -> list[str]:
        listed = text_of((await self._git.run("ls-tree", "-r", "-z", self.commit)).stdout)
        rows = (row.partition("\t") for row in listed.split("\0") if row)
        return [path for facts, _, path in rows if facts.startswith(mode) and is_text(path)]

    async def read(self, path: str) -> bytes | None:
        """Return what is in a file; None where there is none.

        Raises:
            DeniedError: It is a link or a folder, or lies behind a link.
            LimitedError: It is too large.
        """
        if await self._mode(path) is None:
            return None
        done = await self._git.run("cat-file", "blob", f"{self.commit}:{path}")
        return done.stdout

    async def read_all(self, paths: Sequence[str]) -> dict[str, bytes]:
        """Return what is in plain files, whose paths are some of those that `paths` returns, without ends of lines in them.

        Raises:
            LimitedError: All of it is too large.
        """
        asked = "".join(f"{self.commit}:{one}\n" for one in paths).encode()
        output = (await self._git.run("cat-file", "--batch", given=asked)).stdout
        found, at = {}, 0
        for one in paths:
            end = output.index(b"\n", at)
            size = int(output[at:end].rpartition(b" ")[2])
            found[one] = output[end + 1 : end + 1 + size]
            at = end + 1 + size + 1
        return found

    async def identity(self, path: str) -> str:
        """Return what tells the content of a file from any other; empty where there is none."""
        done = await self._git.run("rev-parse", "--quiet", "--verify", f"{self.commit}:{path}", accepted=(0, 1, 128))
        return text_of(done.stdout).strip()

    async def commit_with(self, files: Mapping[str, bytes], message: str, author: tuple[str, str]) -> str:
        """Make a commit on top of the branch, with these files, and return it; it is not yet at the server.

        Args:
            files: Content by path.
            message: Of the commit.
            author: Name and address; the committer is the same.

        Raises:
            DeniedError: A link or a folder is in the way.
        """
        await self._git.run("read-tree", self.commit)
        for path, content in files.items():
            mode = await self._mode(path) or f"{_REGULAR}644"
            stored = text_of((await self._git.run("hash-object", "-w", "--stdin", given=content)).stdout).strip()
            await self._git.run("update-index", "--add", "--cacheinfo", f"{mode},{stored},{path}")
        tree = text_of((await self._git.run("write-tree")).stdout).strip()
        name, address = author
        who = {
            f"GIT_{role}_{part}": value
            for role in ("AUTHOR", "COMMITTER")
            for part, value in (("NAME", name), ("EMAIL", address))
        }
        made = await self._git.run("commit-tree", tree, "-p", self.commit, given=message.encode(), env=who)
        return text_of(made.stdout).strip()

    async def push(self, commit: str, branch: str = "", replaced: str = "") -> None:
        """Have the branch be at a commit that follows it, or make another one there.

        Args:
            commit: Made by `commit_with`.
            branch: Another one; this branch if empty.
            replaced: What the other one is at now; a new one if empty.

        Raises:
            ConflictError: The branch has moved on, or the new one is there already.
            DeniedError: The server refuses: a hook, or a branch that is protected.
            OutriderError: It cannot be reached, or takes no credentials.
        """
        target = f"refs/heads/{branch or self.name}"
        # Empty: there must be none. Named: it must still be the one that was read.
        lease = f"--force-with-lease={target}:{replaced if branch else self.commit}"
        done = await self._git.run(
            "push", "--porcelain", "--no-verify", lease, self._remote.url, f"{commit}:{target}", accepted=None
        )
        if done.exit_code != 0:
            raise push_error(done, branch or self.name, self._remote.address, new=bool(branch) and not replaced)

    async def other(self, name: str) -> "Branch | None":
        """Return another branch of the repository; None where there is none.

        Raises:
            OutriderError: It cannot be fetched.
        """
        if not await self.exists(name):
            return None
        await self._git.run("fetch", "--quiet", "--depth=1", "--no-tags", self._remote.url, f"refs/heads/{name}")
        found = Branch(self._git, self._remote)
        found.name = name
        found.commit = text_of((await self._git.run("rev-parse", "FETCH_HEAD")).stdout).strip()
        return found

    async def makers(self) -> set[str]:
        """Return who wrote the newest commit and who made it of that, each as `NAME <ADDRESS>`: whoever amends it is the latter alone."""
        done = await self._git.run(
            "show", "--no-patch", "--no-show-signature", "--format=%an <%ae>%n%cn <%ce>", self.commit
        )
        return set(text_of(done.stdout).strip().split("\n"))

    async def exists(self, branch: str) -> bool:
        """Return whether the server has a branch of this name."""
        done = await self._git.run("ls-remote", "--heads", self._remote.url, f"refs/heads/{branch}")
        return bool(done.stdout)

    async def _mode(self, path: str) -> str | None:
        """Return the mode of a plain file; None where there is none.

        Raises:
            DeniedError: It is a link or a folder, or lies behind a link.
        """
        parts = path.split("/")
        ways = ["/".join(parts[: end + 1]) for end in range(len(parts))]
        # Names are no patterns, whatever they begin with.
        plain = {"GIT_LITERAL_PATHSPECS": "1"}
        listed = text_of((await self._git.run("ls-tree", "-z", self.commit, "--", *ways, env=plain)).stdout)
        modes = {line.partition("\t")[2]: line.split()[0] for line in listed.split("\0") if line}
        for way in ways:
            mode = modes.get(way, "")
            if mode and not (mode.startswith(_REGULAR) if way == path else mode == _FOLDER):
                what = "a symbolic link" if mode == _LINK else "a folder" if mode == _FOLDER else "no folder"
                raise DeniedError(
                    f"{way} is {what}", path="path", found=f"mode {mode}", expected="a plain file, below folders"
                )
        return modes.get(path)


@asynccontextmanager
async def fetched(remote: Remote, branch: str, place: Path, remaining: Callable[[], float]) -> AsyncIterator[Branch]:
    """Fetch the newest commit of a branch into a folder that goes away afterwards, and yield it.

    Args:
        remote: The repository.
        branch: Its name; the repository's own first branch if empty.
        place: Where the folder is made; what killed processes have left there goes.
        remaining: Returns the seconds that are left for all of it.

    Raises:
        NotFoundError: No such repository or branch.
        ConflictError: The name is a tag.
        UnauthenticatedError: It takes no credentials, or not these.
        ConnectionFailedError: The server cannot be reached.
        MissingRequirementError: git is not installed.
    """
    with own_folder(place) as folder:
        git = Git(folder, remote, remaining)
        found = Branch(git, remote)
        single = ["--branch", branch] if branch else []
        await git.run(
            "clone", "--quiet", "--bare", "--template=", "--depth=1", "--single-branch", "--no-tags",
            f"--filter=blob:limit={_LARGE}", *single, "--", remote.url, ".",
        )  # fmt: skip
        head = await git.run("symbolic-ref", "--quiet", "--short", "HEAD", accepted=(0, 1))
        found.name = text_of(head.stdout).strip()
        if not found.name and not branch:
            raise ConflictError(
                f"{remote.address} has no branch checked out", path="branch", found="a commit that is checked out by itself", expected="a branch",
                suggestions=["name one: --branch main", "check one out there"],
            )  # fmt: skip
        if not found.name:
            raise ConflictError(
                f"'{branch}' of {remote.address} is a tag, and no branch", path="branch", found=branch, expected="a branch",
                suggestions=["name the branch that its tags are made from: --branch main"],
            )  # fmt: skip
        commit = await git.run("rev-parse", "--quiet", "--verify", "HEAD^{commit}", accepted=(0, 1, 128))
        found.commit = text_of(commit.stdout).strip()
        if commit.exit_code != 0:
            raise NotFoundError(
                f"{remote.address} has no commit yet",
                path="repository",
                found="an empty repository",
                expected="a branch",
            )
        yield found
