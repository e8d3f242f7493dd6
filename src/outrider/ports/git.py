"""Git repositories at their servers, by the `git` program: one branch as it is now, read and written without a work tree.

No file of a repository is ever laid out on the disk: no link is followed, no filter and no hook of it is started. No settings of the
machine or its user are read, and nobody is asked for anything. (git(1), "Environment Variables"; gitcredentials(7); git-push(1),
"OUTPUT"; partial clones: git-rev-list(1), `--filter`.)
"""

import base64
import os
import re
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from outrider.core.errors import (
    ConflictError,
    ConnectionFailedError,
    DeniedError,
    ExecutionFailedError,
    InvalidConfigError,
    LimitedError,
    MissingRequirementError,
    NotFoundError,
    OutriderError,
    UnauthenticatedError,
    UnavailableError,
)
from outrider.core.secrets import SecretValue
from outrider.ports.process import Completed, run

_ERROR_SHOWN = 1000
_OUTPUT_LIMIT = 16 * 1024 * 1024
# Files above it are fetched only when they are read.
_LARGE = "1m"
_INHERITED = (
    "PATH", "SSH_AUTH_SOCK", "http_proxy", "https_proxy", "HTTPS_PROXY", "no_proxy", "NO_PROXY", "all_proxy", "ALL_PROXY",
    "GIT_SSL_CAINFO", "SSL_CERT_FILE",
)  # fmt: skip
_SETTINGS = {
    "core.askPass": "",
    "credential.helper": "",
    "gc.auto": "0",
    "http.followRedirects": "false",
    "maintenance.auto": "false",
    "protocol.version": "2",
    "push.recurseSubmodules": "no",
    "transfer.credentialsInUrl": "die",
}
_REGULAR, _LINK, _FOLDER = "100", "120000", "040000"


class Remote(msgspec.Struct, frozen=True):
    """A repository at its server.

    Attributes:
        address: As git takes it: https, http, ssh, `USER@HOST:PATH`, or the path of a folder.
        user: For http and https.
        password: Of the user, or a token.
    """

    address: str
    user: str = ""
    password: SecretValue | None = None

    @property
    def url(self) -> str:
        """The address as git is given it.

        Raises:
            InvalidConfigError: It is none of the forms, or holds a password.
        """
        if re.match(r"https?://", self.address):
            if "@" in self.address.split("/")[2]:
                raise InvalidConfigError(
                    "repository: the address holds a user or a password", path="repository", expected="an address without them",
                    suggestions=["give them apart: --user NAME --password '{\"secret\": \"NAME\"}'"],
                )  # fmt: skip
            return self.address
        if self.user or self.password:
            raise InvalidConfigError(
                "user and password are for http and https", path="user", found=self.address, expected="an address with https://",
                suggestions=["leave them out: ssh uses the keys of its agent"],
            )  # fmt: skip
        if re.match(r"ssh://[^-]|file:///|[A-Za-z0-9_.]+@[A-Za-z0-9.][A-Za-z0-9.-]*:", self.address):
            return self.address
        # As an address and not as a path: what is cloned by its path is cloned whole.
        return Path(self.address).as_uri() if self.address.startswith("/") else self._refused()

    def _refused(self) -> str:
        raise InvalidConfigError(
            "repository: not an address of a git repository", path="repository", found=self.address,
            expected="https://HOST/PATH, ssh://USER@HOST/PATH, USER@HOST:PATH, or the full path of a folder",
        )  # fmt: skip

    def settings(self) -> dict[str, str]:
        """Return the setting that sends user and password to this address, and to no other."""
        if not self.user and self.password is None:
            return {}
        secret = self.password.reveal() if self.password else ""
        token = base64.b64encode(f"{self.user}:{secret}".encode()).decode()
        return {f"http.{self.url}.extraHeader": f"Authorization: Basic {token}"}


class Branch:
    """A branch as it was when it was fetched; used within `fetched`.

    Attributes:
        name: Of the branch.
        commit: Its newest one.
    """

    def __init__(self, git: "_Git", remote: Remote) -> None:
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
        names = [name.partition(":")[2] for name in _text(done.stdout).split("\0") if name]
        return sorted(name for name in names if not endings or name.endswith(endings))

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

    async def identity(self, path: str) -> str:
        """Return what tells the content of a file from any other; empty where there is none."""
        done = await self._git.run("rev-parse", "--quiet", "--verify", f"{self.commit}:{path}", accepted=(0, 1, 128))
        return _text(done.stdout).strip()

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
            stored = _text((await self._git.run("hash-object", "-w", "--stdin", given=content)).stdout).strip()
            await self._git.run("update-index", "--add", "--cacheinfo", f"{mode},{stored},{path}")
        tree = _text((await self._git.run("write-tree")).stdout).strip()
        name, address = author
        who = {
            f"GIT_{role}_{part}": value
            for role in ("AUTHOR", "COMMITTER")
            for part, value in (("NAME", name), ("EMAIL", address))
        }
        made = await self._git.run("commit-tree", tree, "-p", self.commit, given=message.encode(), env=who)
        return _text(made.stdout).strip()

    async def push(self, commit: str, branch: str = "") -> None:
        """Have the branch be at a commit that follows it, or make a new one there.

        Args:
            commit: Made by `commit_with`.
            branch: A new one; this branch if empty.

        Raises:
            ConflictError: The branch has moved on, or the new one is there already.
            DeniedError: The server refuses: a hook, or a branch that is protected.
            OutriderError: It cannot be reached, or takes no credentials.
        """
        target = f"refs/heads/{branch or self.name}"
        # Empty: there must be none. Named: it must still be the one that the commit follows.
        lease = f"--force-with-lease={target}:{'' if branch else self.commit}"
        done = await self._git.run(
            "push", "--porcelain", "--no-verify", lease, self._remote.url, f"{commit}:{target}", accepted=None
        )
        if done.exit_code != 0:
            raise _push_error(done, branch or self.name, self._remote.address, new=bool(branch))

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
        listed = _text((await self._git.run("ls-tree", "-z", self.commit, "--", *ways)).stdout)
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
async def fetched(remote: Remote, branch: str, remaining: Callable[[], float]) -> AsyncIterator[Branch]:
    """Fetch the newest commit of a branch into a folder that goes away afterwards, and yield it.

    Args:
        remote: The repository.
        branch: Its name; the repository's own first branch if empty.
        remaining: Returns the seconds that are left for all of it.

    Raises:
        NotFoundError: No such repository or branch.
        ConflictError: The name is a tag.
        UnauthenticatedError: It takes no credentials, or not these.
        ConnectionFailedError: The server cannot be reached.
        MissingRequirementError: git is not installed.
    """
    with tempfile.TemporaryDirectory(prefix="outrider-git-") as folder:
        git = _Git(Path(folder), remote, remaining)
        found = Branch(git, remote)
        single = ["--branch", branch] if branch else []
        await git.run(
            "clone", "--quiet", "--bare", "--template=", "--depth=1", "--single-branch", "--no-tags",
            f"--filter=blob:limit={_LARGE}", *single, "--", remote.url, ".",
        )  # fmt: skip
        head = await git.run("symbolic-ref", "--quiet", "--short", "HEAD", accepted=(0, 1))
        found.name = _text(head.stdout).strip()
        if not found.name:
            raise ConflictError(
                f"'{branch}' of {remote.address} is a tag, and no branch", path="branch", found=branch, expected="a branch",
                suggestions=["name the branch that its tags are made from: --branch main"],
            )  # fmt: skip
        commit = await git.run("rev-parse", "--quiet", "--verify", "HEAD^{commit}", accepted=(0, 1, 128))
        found.commit = _text(commit.stdout).strip()
        if commit.exit_code != 0:
            raise NotFoundError(
                f"{remote.address} has no commit yet",
                path="repository",
                found="an empty repository",
                expected="a branch",
            )
        yield found


class _Git:
    """git in one bare repository, with no settings but its own and those given here."""

    def __init__(self, folder: Path, remote: Remote, remaining: Callable[[], float]) -> None:
        self._folder = folder
        self._remote = remote
        self._remaining = remaining
        settings = {**_SETTINGS, **remote.settings()}
        self._environment = {
            **{name: os.environ[name] for name in _INHERITED if name in os.environ},
            "HOME": str(folder),
            "LC_ALL": "C",
            "GIT_CEILING_DIRECTORIES": str(folder.parent),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": "/dev/null",
            "GIT_ATTR_NOSYSTEM": "1",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_ALLOW_PROTOCOL": "http:https:ssh:file",
            "GIT_SSH_COMMAND": "ssh -o BatchMode=yes -o ConnectTimeout=15",
            "SSH_ASKPASS_REQUIRE": "never",
            # In the environment, and not among the arguments: a secret shows in no list of processes.
            "GIT_CONFIG_COUNT": str(len(settings)),
            **{f"GIT_CONFIG_KEY_{number}": name for number, name in enumerate(settings)},
            **{f"GIT_CONFIG_VALUE_{number}": value for number, value in enumerate(settings.values())},
        }

    async def run(
        self,
        *arguments: str,
        given: bytes = b"",
        env: Mapping[str, str] | None = None,
        accepted: tuple[int, ...] | None = (0,),
    ) -> Completed:
        """Run git and return how it ended.

        Args:
            arguments: Of git.
            given: What it reads.
            env: Further variables.
            accepted: Exit codes that are no error; all if None.
        """
        try:
            done = await run(
                ["git", *arguments], timeout=self._remaining(), input=given, env={**self._environment, **(env or {})},
                cwd=self._folder, output_limit=_OUTPUT_LIMIT,
            )  # fmt: skip
        except NotFoundError as error:
            raise MissingRequirementError(
                "git is not installed",
                found="no git on PATH",
                expected="git 2.31 or newer",
                suggestions=["install git"],
            ) from error
        if accepted is not None and done.exit_code not in accepted:
            raise _error(_said(done), self._remote.address, arguments[0])
        if done.truncated:
            raise LimitedError(
                f"git {arguments[0]}: {self._remote.address} holds too much", found=f"more than {_OUTPUT_LIMIT} bytes",
                suggestions=["narrow it: --path FOLDER"],
            )  # fmt: skip
        return done


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def _said(done: Completed) -> str:
    return done.stderr.decode("utf-8", "replace").strip()[-_ERROR_SHOWN:] or f"exit code {done.exit_code}"


_CREDENTIALS = ['give user and password or token: --user NAME --password \'{"secret": "NAME"}\'']
_KINDS: list[tuple[str, type[OutriderError], str, list[str]]] = [
    (r"Remote branch .* not found", NotFoundError, "branch", ["name a branch that is there: --branch main"]),
    (r"returned error: 401|Authentication failed|could not read (Username|Password)|Permission denied \(|terminal prompts disabled",
     UnauthenticatedError, "password", _CREDENTIALS),
    (r"returned error: 403", DeniedError, "repository", ["let the user write to the repository"]),
    (r"returned error: 404|[Rr]epository .*not found|not appear to be a git repository|does not exist", NotFoundError, "repository",
     ["check the address", *_CREDENTIALS]),
    (r"returned error: (429|5\d\d)", UnavailableError, "repository", []),
    (r"Host key verification failed", ConnectionFailedError, "repository", ["make its key known: ssh-keyscan HOST >> ~/.ssh/known_hosts"]),
    (r"[Cc]ould not resolve|unable to access|unable to connect|Connection (refused|timed out|reset|closed)|RPC failed|early EOF|hung up",
     ConnectionFailedError, "repository", []),
]  # fmt: skip


def _error(said: str, address: str, verb: str) -> OutriderError:
    for pattern, kind, path, suggestions in _KINDS:
        lines = [line.strip() for line in said.splitlines() if re.search(pattern, line)]
        if lines:
            return kind(f"{address}: {lines[-1]}", path=path, suggestions=suggestions)
    return ExecutionFailedError(f"git {verb} of {address} failed: {said}", path="repository")


def _push_error(done: Completed, branch: str, address: str, *, new: bool) -> OutriderError:
    rejection = re.search(r"^!\t[^\t]*\t(.*)", _text(done.stdout), re.MULTILINE)
    if rejection is None:
        return _error(_said(done), address, "push")
    if "[remote rejected]" not in rejection[1] or re.search(r"cannot lock ref|failed to update ref", rejection[1]):
        return ConflictError(
            f"{address} has a branch '{branch}' already" if new else f"branch '{branch}' of {address} has moved on",
            path="new_branch" if new else "branch", found=rejection[1], expected="a new name" if new else "the commit that was read",
        )  # fmt: skip
    told = " ".join(
        line.removeprefix("remote:").strip() for line in _said(done).splitlines() if line.startswith("remote:")
    )
    return DeniedError(
        f"{address} does not take the commit on '{branch}': {told or rejection[1]}", path="branch", found=rejection[1],
        suggestions=["write to a branch of its own, for a merge request: --new-branch NAME"],
    )  # fmt: skip
