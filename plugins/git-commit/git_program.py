"""Runs git on one repository, with no settings but those given here and the repository's own, and without hooks."""

from __future__ import annotations

import base64
import os
import re
import signal
import subprocess
import tempfile
import time

from outrider_plugin import PluginError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

TICK = 0.02
GRACE_SECONDS = 1.0
OUTPUT_LIMIT = 256 * 1024
ERROR_SHOWN = 1000
HOOKS = "/dev/null"
# A hook, signing, a file system monitor or a cleaning in the background would start programs that nobody asked for here.
SETTINGS = {
    "core.hooksPath": HOOKS,
    "core.fsmonitor": "false",
    "core.excludesFile": "/dev/null",
    "core.attributesFile": "/dev/null",
    "commit.gpgSign": "false",
    "push.gpgSign": "false",
    "push.followTags": "false",
    "push.recurseSubmodules": "no",
    "gc.auto": "0",
    "maintenance.auto": "false",
    "pack.threads": "1",
    "pack.windowMemory": "64m",
    "http.followRedirects": "false",
    "log.showSignature": "false",
    "color.ui": "false",
    "credential.helper": "",
    "core.askPass": "",
}


class GitError(Exception):
    """git ended with an error.

    Attributes:
        status: Its exit status.
        output: What it wrote to standard output.
        text: The end of what it wrote to standard error.
    """

    def __init__(self, status: int, output: str, text: str) -> None:
        super().__init__(text or f"exit status {status}")
        self.status, self.output, self.text = status, output, text


class Git:
    """git in one work tree.

    Args:
        folder: The work tree, with `.git` in it.
        settings: Further settings; they travel in the environment, so that a secret shows in no list of processes.
        committer: Name and address.
    """

    def __init__(self, folder: str, settings: Mapping[str, str], committer: tuple[str, str]) -> None:
        self._folder = folder
        home = os.environ.get("HOME") or os.getcwd()  # noqa: PTH109 - pathlib costs memory in every host
        name, address = committer
        self._environment = {
            "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
            "HOME": home,
            "XDG_CONFIG_HOME": home,
            "LC_ALL": "C",
            # Named, and not searched for: no repository above the folder is taken, and no owner has to match.
            "GIT_DIR": os.path.join(folder, ".git"),  # noqa: PTH118 - as above
            "GIT_WORK_TREE": folder,
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": "/dev/null",
            "GIT_ATTR_NOSYSTEM": "1",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_LITERAL_PATHSPECS": "1",
            "GIT_ALLOW_PROTOCOL": "http:https",
            "GIT_COMMITTER_NAME": name,
            "GIT_COMMITTER_EMAIL": address,
            **_in_environment({**SETTINGS, **settings}),
        }

    def run(self, *arguments: str, check: Callable[[], None], given: str = "") -> str:
        """Run git and return what it wrote to standard output.

        Args:
            arguments: Those of git.
            check: Called again and again; what it raises ends git.
            given: What git reads from standard input.

        Raises:
            GitError: It failed.
            PluginError: It is not installed.
        """
        with tempfile.TemporaryFile() as stdin, tempfile.TemporaryFile() as stdout, tempfile.TemporaryFile() as stderr:
            stdin.write(given.encode())
            stdin.seek(0)
            try:
                process = subprocess.Popen(
                    ["git", *arguments], stdin=stdin, stdout=stdout, stderr=stderr, cwd=self._folder,
                    env=self._environment, start_new_session=True,
                )  # fmt: skip
            except FileNotFoundError as error:
                if error.filename == self._folder:
                    raise PluginError(f"config.repository: {self._folder} is gone", code="NOT_FOUND") from error
                raise PluginError("git is not installed", code="MISSING_REQUIREMENT") from error
            _wait(process, check)
            output = _text(stdout.fileno())
            if process.returncode != 0:
                raise GitError(process.returncode, output, _text(stderr.fileno()).strip()[-ERROR_SHOWN:])
            return output


def credentials(remote: str, user: str, password: str) -> dict[str, str]:
    """Return the setting that sends user and password to the remote, and to no other address."""
    if not user and not password:
        return {}
    token = base64.b64encode(f"{user}:{password}".encode()).decode()
    return {f"http.{remote}.extraHeader": f"Authorization: Basic {token}"}


def _in_environment(settings: Mapping[str, str]) -> dict[str, str]:
    found = {"GIT_CONFIG_COUNT": str(len(settings))}
    for number, (name, value) in enumerate(settings.items()):
        found |= {f"GIT_CONFIG_KEY_{number}": name, f"GIT_CONFIG_VALUE_{number}": value}
    return found


def _text(descriptor: int) -> str:
    return os.pread(descriptor, OUTPUT_LIMIT, 0).decode("utf-8", "replace")


def _wait(process: subprocess.Popen[bytes], check: Callable[[], None]) -> None:
    try:
        while True:
            check()
            try:
                process.wait(TICK)
            except subprocess.TimeoutExpired:
                continue
            return
    finally:
        if process.returncode is None:
            _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End git with all that it started; by request first, on which it removes its locks."""
    for number, grace in ((signal.SIGTERM, GRACE_SECONDS), (signal.SIGKILL, GRACE_SECONDS)):
        try:
            os.killpg(process.pid, number)
            process.wait(grace)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            continue
        return


def failure(doing: str, error: GitError) -> PluginError:
    """Return the error for a failed command, as far as git says why."""
    message = f"{doing}: {error}"
    if re.search(r"\.lock': File exists", error.text):
        return PluginError(message, code="UNAVAILABLE", retryable=True)
    return PluginError(message)


def push_failure(remote: str, error: GitError) -> PluginError:
    """Return the error for a failed push."""
    status = re.search(r"returned error: (\d{3})", error.text)
    rejection = re.search(r"^!\t[^\t]*\t(.*)", error.output, re.MULTILINE)
    if rejection:
        reason = f"{rejection[1]} {error.text}".strip()
        return PluginError(f"{remote} does not take the commit: {reason}", code="CONFLICT")
    message = f"push to {remote}: {error}"
    if (status and status[1] in {"401", "403"}) or re.search(r"Authentication failed|could not read", error.text):
        return PluginError(message, code="UNAUTHENTICATED")
    if status and (status[1] == "429" or status[1].startswith("5")):
        return PluginError(message, code="UNAVAILABLE", retryable=True)
    if not status and re.search(r"unable to access|RPC failed|hung up|early EOF", error.text):
        return PluginError(message, code="CONNECTION_FAILED", retryable=True)
    return PluginError(message)


class Deadline:
    """Ends what runs for a request when it is cancelled, or its time is over.

    Args:
        check: Raises where the request is withdrawn.
        timeout: Seconds.
    """

    def __init__(self, check: Callable[[], None], timeout: float) -> None:
        self._check = check
        self._timeout = timeout
        self._end = time.monotonic() + timeout

    def __call__(self) -> None:
        self._check()
        if time.monotonic() > self._end:
            raise PluginError(f"not done within {self._timeout:g} s", code="TIMEOUT", retryable=True)
