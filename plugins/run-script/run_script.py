"""Action: runs a script of one folder with a list of arguments; no shell, no environment."""

import json
import os
import selectors
import signal
import stat
import subprocess
import time
from typing import Any, Self

from outrider_plugin import Action, CancelledError, PluginError, Request, main

OUTPUT_LIMIT = 256 * 1024
ERROR_LIMIT = 8192
ERROR_LINES = 10
SHEBANG_LIMIT = 256
TICK = 0.05


def command(folder: str, script: str, arguments: list[str]) -> list[str]:
    """Return the argument list; the interpreter is read here, so that the file needs no execute bit (execve(2)).

    Raises:
        PluginError: There is no such plain file, or it names no interpreter.
    """
    path = os.path.join(folder, script)  # noqa: PTH118 - pathlib costs memory in every host
    if os.path.basename(path) != script or script in {"", ".", ".."}:  # noqa: PTH119 - as above
        raise PluginError(f"script {script!r} is no plain file name", code="INVALID_CONFIG")
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        code = "NOT_FOUND" if isinstance(error, FileNotFoundError) else "DENIED"
        raise PluginError(f"script {script!r} of {folder}: {error.strerror}", code=code) from error
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise PluginError(f"script {script!r} of {folder} is no plain file", code="DENIED")
        first = os.read(descriptor, SHEBANG_LIMIT).split(b"\n", 1)[0].decode("utf-8", "replace")
    finally:
        os.close(descriptor)
    words = first[2:].strip().split(None, 1) if first.startswith("#!") else []
    if not words or not words[0].startswith("/"):
        raise PluginError(f"script {script!r}: its first line names no interpreter, such as #!/bin/sh")
    return [*words, path, *arguments]


class Run:
    """One running script with its process group; output is bounded and read all the time."""

    def __init__(self, arguments: list[str], folder: str) -> None:
        self._process = subprocess.Popen(
            arguments,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=folder,
            env={},
            start_new_session=True,
        )
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        self._out, self._err = self._process.stdout, self._process.stderr
        self.stdout = b""
        self.stderr = b""
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._out, selectors.EVENT_READ)
        self._selector.register(self._err, selectors.EVENT_READ)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._kill()
        self._process.wait()
        self._selector.close()
        self._out.close()
        self._err.close()

    def step(self) -> int | None:
        """Read for a moment; return the exit status once it ended and all it wrote is read."""
        if not self._selector.get_map():
            return self._wait()
        ready = self._selector.select(TICK)
        for key, _ in ready:
            self._take(key.fileobj)
        # A child that stays behind keeps the pipes open; it does not outlive its script.
        if not ready and self._process.poll() is not None:
            self._kill()
            return self._process.returncode
        return None

    def _wait(self) -> int | None:
        try:
            return self._process.wait(TICK)
        except subprocess.TimeoutExpired:
            return None

    def _take(self, stream: Any) -> None:
        data = os.read(stream.fileno(), 65536)
        if not data:
            self._selector.unregister(stream)
        elif stream is self._err:
            self.stderr = (self.stderr + data)[-ERROR_LIMIT:]
        else:
            self.stdout += data
            if len(self.stdout) > OUTPUT_LIMIT:
                raise PluginError(f"the script wrote more than {OUTPUT_LIMIT} bytes to stdout")

    def _kill(self) -> None:
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except ProcessLookupError:
            return


class RunScript(Action):
    """The scripts of one folder."""

    def setup(self) -> None:
        self.folder = self.config["folder"]
        if not os.path.isdir(self.folder):  # noqa: PTH112 - pathlib costs memory in every host
            raise PluginError(f"config.folder: {self.folder} is no folder", code="INVALID_CONFIG")

    def execute(self, request: Request) -> dict[str, Any]:
        script = request.input["script"]
        arguments = command(self.folder, script, request.input.get("arguments", []))
        deadline = time.monotonic() + request.timeout
        try:
            run = Run(arguments, self.folder)
        except OSError as error:
            raise PluginError(f"{script}: {arguments[0]} does not start: {error.strerror}") from error
        with run:
            while (status := run.step()) is None:
                request.check()
                if self.stopping:
                    raise CancelledError
                if time.monotonic() > deadline:
                    raise PluginError(f"{script}: not done within {request.timeout:g} s", code="TIMEOUT")
        if status != 0:
            raise PluginError(f"{script}: {ended(status)}{last_lines(run.stderr)}")
        return result(script, run.stdout)


def ended(status: int) -> str:
    """Return how a process ended, in words."""
    return f"ended by signal {-status}" if status < 0 else f"exit status {status}"


def last_lines(stderr: bytes) -> str:
    """Return the end of the error output, after a colon, or nothing."""
    lines = stderr.decode("utf-8", "replace").strip().splitlines()[-ERROR_LINES:]
    return ": " + "\n".join(lines) if lines else ""


def result(script: str, stdout: bytes) -> dict[str, Any]:
    """Return the object that the script wrote, or its text as `output`."""
    text = stdout.decode("utf-8", "replace")
    try:
        value = json.loads(text, parse_constant=_no_json)
    except (ValueError, RecursionError):
        value = None
    data = value if isinstance(value, dict) else {"output": text}
    return {"summary": f"{script} done", **data}


def _no_json(word: str) -> None:
    raise ValueError(word)


main(RunScript)
