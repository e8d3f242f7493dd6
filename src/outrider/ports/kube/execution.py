"""Commands in containers (pods/exec): what goes in, what comes out, how they end, and that none is left behind.

The end of the connection ends no command: it would go on in its container, unseen. So a command begins behind a line of shell
that tells its process id, by which it is killed. In a container without a shell it runs all the same, gets no input, and cannot
be killed.
"""

import asyncio
import re
from collections.abc import AsyncIterable, AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from urllib.parse import urlencode

import msgspec

from outrider.core.codec import decode
from outrider.core.errors import (
    ConnectionFailedError,
    DeadlineExceededError,
    ExecutionFailedError,
    InvalidConfigError,
    NotFoundError,
    OutriderError,
    UnsupportedError,
)
from outrider.ports.kube.client import KubeClient
from outrider.ports.kube.errors import Status, error_of
from outrider.ports.kube.resources import PODS
from outrider.ports.kube.streams import PIECE, Stream, open_stream
from outrider.ports.process.command import Completed

_STDIN, _STDOUT, _STDERR, _ERROR, _CLOSE = 0, 1, 2, 3, 255
# Only the first can say that the input has ended.
_PROTOCOLS = ("v5.channel.k8s.io", "v4.channel.k8s.io")
_TELL = 'command -v -- "$1" >/dev/null 2>&1 || { echo -; exit 127; }; echo $$; exec "$@"'
# The rest of an input that the command does not read is read all the same: servers have been seen to hang, or to end without a
# word on the command, where it was not.
_TELL_AND_READ = _TELL.replace('exec "$@"', '(exec "$@"); code=$?; cat >/dev/null 2>&1; exit $code')
_KILL = "kill -KILL -{0} || kill -KILL {0} || ! kill -0 {0}"
_LINE_BYTES = 32
_KILL_SECONDS = 3.0
_NO_PROGRAM = re.compile(r"executable file .*not found|exec: .*no such file or directory", re.IGNORECASE)
_NO_START = re.compile(r"OCI runtime|failed to start exec|unable to start container process", re.IGNORECASE)


class Container(msgspec.Struct, frozen=True):
    """A container of a pod."""

    namespace: str
    pod: str
    name: str

    @property
    def title(self) -> str:
        """Its name in errors."""
        return f"{self.namespace}/{self.pod}/{self.name}"


class Pipes(msgspec.Struct, frozen=True):
    """What a command is connected with.

    Attributes:
        stdout: Is given each piece, and must not wait.
        stderr: The same.
        stdin: What it reads, to the end; it has nothing to read from if None.
    """

    stdout: Callable[[bytes], object]
    stderr: Callable[[bytes], object]
    stdin: AsyncIterable[bytes] | None = None


class Kept:
    """The beginning of what a command writes.

    Args:
        limit: Bytes that are kept.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self.data = bytearray()
        self.truncated = False

    def take(self, piece: bytes) -> None:
        """Keep it as far as there is room."""
        room = self._limit - len(self.data)
        self.data += piece[:room]
        self.truncated = self.truncated or len(piece) > room


class MissingProgramError(NotFoundError):
    """The container has no such program; `found` is its name."""


async def run(
    client: KubeClient, container: Container, command: Sequence[str], *, timeout: float, output_limit: int, input: bytes | None = None,  # noqa: A002 - as subprocess has it
) -> Completed:  # fmt: skip
    """Run a command as `execute` does, and return what it wrote; the rest beyond the limit is dropped.

    Args:
        client: The cluster.
        container: Where.
        command: Program and arguments.
        timeout: Seconds.
        output_limit: Bytes that are kept of its output and of its errors.
        input: What it reads from its standard input; it has none if None.

    Raises:
        OutriderError: As for `execute`.
    """
    stdout, stderr = Kept(output_limit), Kept(output_limit)
    pipes = Pipes(stdout.take, stderr.take, None if input is None else _once(input))
    code = await execute(client, container, command, pipes, timeout=timeout)
    return Completed(code, bytes(stdout.data), bytes(stderr.data), stdout.truncated or stderr.truncated)


async def execute(
    client: KubeClient, container: Container, command: Sequence[str], pipes: Pipes, *, timeout: float
) -> int:
    """Run a command, never through a shell, and return its exit code, whatever that is.

    Args:
        client: The cluster.
        container: Where.
        command: Program and arguments.
        pipes: What goes in and comes out. Where one of them fails, the command is killed.
        timeout: Seconds; then, and when this is cancelled, it is killed with its process group.

    Raises:
        MissingProgramError: The container has no such program; for a command with input, no shell.
        DeadlineExceededError: It did not end in time.
        ConnectionFailedError: If `sent`, nobody knows how it ended.
        UnsupportedError: The server cannot be told where the input ends.
        OutriderError: What else the server says.
    """
    running = _Running(client, container, command, pipes)
    try:
        async with asyncio.timeout(timeout):
            try:
                script = _TELL if pipes.stdin is None else _TELL_AND_READ
                return await running.run(["sh", "-c", script, "sh", *command], told=True)
            except MissingProgramError as error:
                if error.found != "sh":
                    raise
                if pipes.stdin is not None:
                    raise _no_input(container) from error
            return await running.run(command, told=False)
    except TimeoutError as error:
        raise _too_slow(container, command, timeout, killed=running.killed) from error


class _Running:
    """One command.

    Attributes:
        killed: Whether it was ended because it had to.
    """

    def __init__(self, client: KubeClient, container: Container, command: Sequence[str], pipes: Pipes) -> None:
        self._client, self._container, self._command, self._pipes = client, container, command, pipes
        self._begun = asyncio.Event()
        self._line = b""
        self._pid = 0
        self.killed = False

    async def run(self, command: Sequence[str], *, told: bool) -> int:
        """Run it and return its exit code; `told` says that its output begins with its process id."""
        if not told:
            self._begun.set()
        goes_on = True
        try:
            async with self._connected(command) as stream:
                try:
                    code = await self._follow(stream, command[0])
                    goes_on = False
                    return code
                finally:
                    if goes_on and not self._begun.is_set():
                        await asyncio.shield(self._learn_pid(stream))
        except ConnectionFailedError:
            goes_on = False  # for all that can be known
            raise
        finally:
            if self._pid and goes_on:
                self.killed = await asyncio.shield(self._kill())

    def _connected(self, command: Sequence[str], *, stdin: bool = True) -> AbstractAsyncContextManager[Stream]:
        container = self._container
        query = [("container", container.name), ("stdout", "true"), ("stderr", "true")]
        if stdin and self._pipes.stdin is not None:
            query.append(("stdin", "true"))
        query += [("command", word) for word in command]
        path = f"{PODS.path(container.namespace, container.pod, 'exec')}?{urlencode(query)}"
        return open_stream(self._client.transport, path, _PROTOCOLS, shown=f"exec in {container.title}")

    async def _follow(self, stream: Stream, program: str) -> int:
        if self._pipes.stdin is not None and stream.protocol != _PROTOCOLS[0]:
            raise UnsupportedError(
                f"{stream.shown}: the server cannot be told where the input ends", found=stream.protocol, expected=_PROTOCOLS[0],
                suggestions=["use an API server of version 1.30 or newer"],
            )  # fmt: skip
        feeding = asyncio.create_task(self._feed(stream))
        reading = asyncio.create_task(self._read(stream, program))
        try:
            await asyncio.wait((feeding, reading), return_when=asyncio.FIRST_COMPLETED)
            if not reading.done():
                feeding.result()  # raises what is wrong with the input
            return await reading
        finally:
            for task in (feeding, reading):
                task.cancel()
            await asyncio.gather(feeding, reading, return_exceptions=True)

    async def _feed(self, stream: Stream) -> None:
        if self._pipes.stdin is None:
            return
        await self._begun.wait()
        try:
            async for data in self._pipes.stdin:
                for start in range(0, len(data), PIECE):
                    await stream.send(_STDIN, data[start : start + PIECE])
            await stream.send(_CLOSE, bytes((_STDIN,)))
        except ConnectionFailedError:
            return  # how the command has ended says whoever reads what comes back

    async def _read(self, stream: Stream, program: str) -> int:
        while (message := await stream.receive()) is not None:
            channel, data = message
            if channel == _STDOUT:
                self._take(data, stream)
            elif channel == _STDERR:
                self._pipes.stderr(data)
            elif channel != _ERROR:
                raise stream.broken(f"a message for channel {channel}")
            elif data:
                return self._exit_code(data, stream, program)
        raise stream.broken("it ended without a word on how the command did")

    def _take(self, data: bytes, stream: Stream) -> None:
        if not self._begun.is_set():
            line, ended, data = (self._line + data).partition(b"\n")
            if not ended and len(line) <= _LINE_BYTES:
                self._line = line
                return
            if line == b"-":
                raise _no_program(self._container, self._command[0])
            if not (ended and line.isdigit()):
                raise stream.broken("no process id came first")
            self._pid = int(line)
            self._begun.set()
        self._pipes.stdout(data)

    def _exit_code(self, data: bytes, stream: Stream, program: str) -> int:
        try:
            outcome = decode(data, _Outcome)
        except InvalidConfigError as error:
            raise stream.broken(f"no status came last: {error.message}") from error
        code = outcome.exit_code()
        if code is None:
            raise _not_run(outcome, self._container, program, stream.shown)
        if not self._begun.is_set():
            raise ExecutionFailedError(f"{stream.shown}: the shell of the container failed", found=f"exit code {code}")
        return code

    async def _learn_pid(self, stream: Stream) -> None:
        """Wait for the process id of a command that is no longer wanted: it may be on its way."""
        with suppress(OutriderError, TimeoutError):
            async with asyncio.timeout(_KILL_SECONDS):
                while not self._begun.is_set() and (message := await stream.receive()) is not None:
                    if message[0] == _STDOUT:
                        self._take(message[1], stream)

    async def _kill(self) -> bool:
        """End the process group, which is the command with what it started, and return whether it is gone."""
        try:
            async with (
                asyncio.timeout(_KILL_SECONDS),
                self._connected(["sh", "-c", _KILL.format(self._pid)], stdin=False) as stream,
            ):
                while (message := await stream.receive()) is not None and message[0] != _ERROR:
                    continue
                return message is not None and decode(message[1], _Outcome).exit_code() == 0
        except (OutriderError, TimeoutError):
            return False


class _Outcome(Status, rename="camel"):
    status: str = ""

    def exit_code(self) -> int | None:
        """Return the exit code; None where the command never ran."""
        if self.status == "Success":
            return 0
        causes = (self.details.causes if self.details else None) or ()
        codes = [
            int(one.message) for one in causes if one.reason == "ExitCode" and re.fullmatch("[0-9]{1,9}", one.message)
        ]
        return codes[0] if codes and self.reason == "NonZeroExitCode" else None


async def _once(data: bytes) -> AsyncIterator[bytes]:
    yield data


def _not_run(outcome: _Outcome, container: Container, program: str, shown: str) -> OutriderError:
    if _NO_PROGRAM.search(outcome.message):
        return _no_program(container, program)
    if _NO_START.search(outcome.message):
        return ExecutionFailedError(f"{shown}: {program} cannot be started: {outcome.message.rpartition('exec: ')[2]}")
    return error_of(outcome.code or 500, outcome, shown)


def _no_input(container: Container) -> MissingProgramError:
    # It would have to be sent before anybody knows that the command has begun, and what comes too early has been seen to be lost.
    return MissingProgramError(
        f"{container.title} has no program 'sh', without which input may be lost", path="stdin", found="sh", expected="an image with a shell",
        suggestions=["give the command what it needs as arguments"],
    )  # fmt: skip


def _no_program(container: Container, program: str) -> MissingProgramError:
    return MissingProgramError(
        f"{container.title} has no program '{program}'", path="command", found=program, expected="a program that the container's image has"
    )  # fmt: skip


def _too_slow(container: Container, command: Sequence[str], timeout: float, *, killed: bool) -> DeadlineExceededError:
    end = "was killed with all it had started" if killed else "may go on there, as nobody could end it"
    return DeadlineExceededError(
        f"'{command[0]}' in {container.title} did not end within {timeout:.3g} s and {end}", found="still running",
        expected=f"an end within {timeout:.3g} s", suggestions=["give a longer timeout"],
    )  # fmt: skip
