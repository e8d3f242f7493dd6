"""Action: writes files into a git repository, commits them, and pushes the commit."""

from __future__ import annotations

import hashlib
import os
import re

from git_program import HOOKS, Deadline, Git, GitError, credentials, failure, push_failure
from outrider_plugin import Action, CancelledError, PluginError, Request, main
from work_tree import checked, write

# Importing typing would be a quarter of the start.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

TRAILER = "Idempotency-Key"
SHORT = 10
# At most so many commits name a key by chance, in the text of their messages.
CANDIDATES = 100


class GitCommit(Action):
    """One repository."""

    def setup(self) -> None:
        self.folder = self.config["repository"]
        if not os.path.isdir(self.folder):  # noqa: PTH112 - pathlib costs memory in every host
            raise PluginError(f"config.repository is {self.folder}, expected a folder", code="INVALID_CONFIG")
        self.remote = self.config.get("remote", "")
        name, _, address = self.config["author"].rpartition(" <")
        secrets = credentials(self.remote, self.config["user"], self.config["password"]) if self.remote else {}
        self.git = Git(self.folder, secrets, (name, address.rstrip(">")))
        self.settings_hold = False

    def execute(self, request: Request) -> dict[str, Any]:
        files = checked(request.input["files"])
        check = Deadline(lambda: self._check(request), request.timeout)
        self._require_settings(check)
        try:
            branch = self._branch(check)
            key = in_one_word(request.idempotency_key)
            commit = self._commit_with(key, check)
            created = not commit and self._commit(files, self._message(request, key, check), check)
            commit = commit or self.git.run("rev-parse", "HEAD", check=check).strip()
        except GitError as error:
            raise failure(self.folder, error) from error
        if created:
            request.log(f"commit {commit} on {branch} of {self.folder}")
        if self.remote:
            self._push(branch, check)
        words = "committed" if created else "nothing new"
        return {
            "commit": commit,
            "branch": branch,
            "created": created,
            "pushed": bool(self.remote),
            "summary": f"{words} · {branch} {commit[:SHORT]}{' pushed' if self.remote else ''}",
        }

    def _check(self, request: Request) -> None:
        request.check()
        if self.stopping:
            raise CancelledError

    def _require_settings(self, check: Deadline) -> None:
        """Raise where git is too old to take settings from the environment, as it would run hooks then."""
        if self.settings_hold:
            return
        try:
            self.settings_hold = self.git.run("config", "--get", "core.hooksPath", check=check).strip() == HOOKS
        except GitError as error:
            if error.status != 1:  # 1: there is no such setting
                raise failure(self.folder, error) from error
        if not self.settings_hold:
            raise PluginError("git is too old, expected 2.31 or newer", code="MISSING_REQUIREMENT")

    def _branch(self, check: Deadline) -> str:
        """Return the branch that is checked out.

        Raises:
            PluginError: It is not the one of the configuration, or there is no repository.
        """
        try:
            branch = self.git.run("symbolic-ref", "--short", "HEAD", check=check).strip()
        except GitError as error:
            code = "CONFLICT" if "not a symbolic ref" in error.text else "NOT_FOUND"
            raise PluginError(f"{self.folder} is on no branch: {error}", code=code) from error
        wanted = self.config.get("branch", branch)
        if branch != wanted:
            raise PluginError(f"{self.folder} is on branch {branch}, expected {wanted}", code="CONFLICT")
        return branch

    def _commit_with(self, key: str, check: Deadline) -> str:
        """Return the commit of an earlier attempt, or nothing."""
        if not key or not self._has_commits(check):
            return ""
        # The text of a message may hold the line, too, so the trailers decide.
        shape = f"%H %(trailers:key={TRAILER},valueonly,separator=%x20)"
        found = self.git.run(
            "log", f"--max-count={CANDIDATES}", "--fixed-strings", f"--grep={TRAILER}: {key}", f"--format={shape}", "HEAD",
            check=check,
        )  # fmt: skip
        for line in found.splitlines():
            commit, *keys = line.split(" ")
            if key in keys:
                return commit
        return ""

    def _has_commits(self, check: Deadline) -> bool:
        try:
            self.git.run("rev-parse", "--quiet", "--verify", "HEAD", check=check)
        except GitError:
            return False
        return True

    def _message(self, request: Request, key: str, check: Deadline) -> tuple[str, str]:
        """Return author and message, with the key among the trailers."""
        message = request.input["message"].rstrip() + "\n"
        if key:
            trailer = f"--trailer={TRAILER}: {key}"
            message = self.git.run("interpret-trailers", "--no-divider", trailer, check=check, given=message)
        return request.input.get("author", self.config["author"]), message

    def _commit(self, files: dict[tuple[str, ...], bytes], message: tuple[str, str], check: Deadline) -> bool:
        """Write and commit; False where the branch has it all already."""
        paths = ["/".join(names) for names in files]
        author, text = message
        write(self.folder, files)
        self.git.run("add", "--force", "--", *paths, check=check)
        if self._has_commits(check) and not self._differs(paths, check):
            return False
        self.git.run(
            "commit", "--quiet", "--only", "--no-verify", "--cleanup=whitespace", "--file=-",
            f"--author={author}", "--", *paths, check=check, given=text,
        )  # fmt: skip
        return True

    def _differs(self, paths: list[str], check: Deadline) -> bool:
        try:
            self.git.run("diff-index", "--cached", "--quiet", "HEAD", "--", *paths, check=check)
        except GitError as error:
            if error.status == 1:
                return True
            raise
        return False

    def _push(self, branch: str, check: Deadline) -> None:
        ref = f"refs/heads/{branch}"
        try:
            self.git.run("push", "--porcelain", "--no-verify", "--", self.remote, f"{ref}:{ref}", check=check)
        except GitError as error:
            raise push_failure(self.remote, error) from error


def in_one_word(key: str) -> str:
    """Return the key, or what stands for it where it is no single word of ASCII."""
    if re.fullmatch(r"[!-~]{0,200}", key):
        return key
    return hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()


main(GitCommit)
