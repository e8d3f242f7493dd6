"""The `git` program in one bare repository: with no settings of the machine or its user, and nobody is asked for anything.

Sources: git(1), "Environment Variables"; gitcredentials(7); git-push(1), "OUTPUT".
"""

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path

from outrider.core.errors import (
    ConflictError,
    ConnectionFailedError,
    DeniedError,
    ExecutionFailedError,
    LimitedError,
    MissingRequirementError,
    NotFoundError,
    OutriderError,
    UnauthenticatedError,
    UnavailableError,
)
from outrider.ports.git.remote import Remote
from outrider.ports.process import Completed, run

_ERROR_SHOWN = 1000
_OUTPUT_LIMIT = 16 * 1024 * 1024
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
_NO_SETTINGS = {
    "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_ATTR_NOSYSTEM": "1", "GIT_ALLOW_PROTOCOL": "http:https:ssh:file",
}  # fmt: skip
# What counts for whoever has settings of their own: the helpers with their credentials stay.
_OF_USERS = {**_SETTINGS, "core.hooksPath": os.devnull, "http.followRedirects": "initial"}
del _OF_USERS["credential.helper"]
_BLOCK = 512


class Git:
    """git in one bare repository.

    Args:
        folder: Of the repository.
        remote: Where it comes from.
        remaining: Returns the seconds that are left.
        largest: Bytes of the largest file that git may write; any if 0.
        of_user: Whether the settings of the machine and its user count, as for whoever runs git; else none do.
    """

    def __init__(
        self, folder: Path, remote: Remote, remaining: Callable[[], float], *, largest: int = 0, of_user: bool = False
    ) -> None:
        self._folder = folder
        self._remote = remote
        self._remaining = remaining
        # Of files that are too large the system tells git, for it has no bound of its own.
        bound = ["sh", "-c", 'ulimit -f "$0" && exec "$@"', str(largest // _BLOCK)] if largest else []
        self._program = [*bound, "git"]
        settings = {**(_OF_USERS if of_user else _SETTINGS), **remote.settings()}
        inherited = (*_INHERITED, "HOME", "XDG_CONFIG_HOME", "GIT_CONFIG_GLOBAL") if of_user else _INHERITED
        self._environment = {
            "HOME": str(folder),
            **{name: os.environ[name] for name in inherited if name in os.environ},
            "LC_ALL": "C",
            "GIT_CEILING_DIRECTORIES": str(folder.parent),
            **({} if of_user else _NO_SETTINGS),
            "GIT_TERMINAL_PROMPT": "0",
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
                [*self._program, *arguments], timeout=self._remaining(), input=given, env={**self._environment, **(env or {})},
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


def text_of(data: bytes) -> str:
    """Return what git has written; what is no UTF-8 in it goes back to git as it came."""
    return data.decode("utf-8", "surrogateescape")


def is_text(name: str) -> bool:
    """Return whether a name that git has written is UTF-8."""
    return not any("\udc80" <= character <= "\udcff" for character in name)


def _said(done: Completed) -> str:
    return done.stderr.decode("utf-8", "replace").strip()[-_ERROR_SHOWN:] or f"exit code {done.exit_code}"


_CREDENTIALS = ['give user and password or token: --user NAME --password \'{"secret": "NAME"}\'']
_KINDS: list[tuple[str, type[OutriderError], str, list[str]]] = [
    (r"died of signal 25|File too large", LimitedError, "repository", ["use a smaller repository"]),
    (r"Remote branch .* not found", NotFoundError, "branch", ["name a branch that is there: --branch main"]),
    (r"returned error: 401|Authentication failed|could not read (Username|Password)|Permission denied \(|terminal prompts disabled",
     UnauthenticatedError, "password", _CREDENTIALS),
    # Its hooks would be those of somebody else. What git says to do about it has no effect here, where no settings of a user count.
    (r"dubious ownership", DeniedError, "repository", ["run it as the owner of that folder", "have the folder belong to who runs it: chown -R"]),
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


def push_error(done: Completed, branch: str, address: str, *, new: bool) -> OutriderError:
    """Return the error for a push that failed.

    Args:
        done: How it ended, with `--porcelain`.
        branch: To which it went.
        address: Of the repository.
        new: Whether the branch was to be a new one.
    """
    rejection = re.search(r"^!\t[^\t]*\t(.*)", text_of(done.stdout), re.MULTILINE)
    if rejection is None:
        return _error(_said(done), address, "push")
    other = re.search(r"'refs/heads/([^']+)' exists; cannot create", _said(done))
    if other is not None:
        shown = f"'{other[1]}'"
        return ConflictError(
            f"{address} has a branch {shown}, beside which there can be none called '{branch}'", path="new_branch",
            found=other[1], expected="a name that neither begins with another one and a slash, nor the other way round",
            suggestions=[f"delete or rename {shown} there", "have the new branch be called otherwise"],
        )  # fmt: skip
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
