"""The way to an MCP server that is a program: started here and confined, with a message in each line (MCP, "stdio")."""

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from outrider.core.codec import decode_plain, encode
from outrider.core.errors import (
    DeadlineExceededError,
    ExecutionFailedError,
    LimitedError,
    OutriderError,
    UnavailableError,
)
from outrider.core.mcp.asking import Asked, legacy_request, outcome
from outrider.core.mcp.protocol import METHOD_NOT_FOUND
from outrider.core.tool_settings import StdioServerSettings
from outrider.ports.secrets import Resolver
from outrider.runtime.sandbox.process import Confined
from outrider.sidecar.tools.progress import TOKEN, Heard, listener, read_progress
from outrider.sidecar.tools.servers.program import start_program
from outrider.sidecar.tools.servers.wire import LONGEST_LIST, MIB, Answer, room_for

# A program that dies at once is not started more often.
RESTART_SECONDS = 1.0
PATIENCE_SECONDS = 5.0
# Of what it writes to standard error, for errors.
LAST_LINES, LONGEST_LINE = 5, 300
# Bytes that it has not read, beyond which nothing is added: more than those of a pipe that asyncio calls full.
MOST_UNREAD = 128 * 1024
# A longer line is looked at only where it answers somebody: as objects it would be a multiple of that.
_LONG = 64 * 1024
_envelope = msgspec.json.Decoder(dict[str, msgspec.Raw])
_LIST_CHANGED = "notifications/tools/list_changed"
_END = b"\n"


class StdioWire:
    """A program that answers on its standard output.

    Args:
        settings: The program.
        secrets: Opens what is secret of its variables.
        state: Its working folder, which is kept from one start to the next.
        protected: What it must not see.
        changed: Hears that its list of tools is another one.
        longest: Bytes of a result of a call; its wrapping comes on top.
    """

    patience: float | None = PATIENCE_SECONDS

    def __init__(
        self, settings: StdioServerSettings, secrets: Resolver, *, state: Path, protected: list[Path],
        changed: Callable[[], None] = lambda: None, longest: int = MIB,
    ) -> None:  # fmt: skip
        self._settings, self._secrets = settings, secrets
        self._state, self._protected, self._changed = state, protected, changed
        self._line_limit = max(room_for(longest), LONGEST_LIST)
        self._starting = asyncio.Lock()
        self._program: Confined | None = None
        self._serving: asyncio.Task[None] | None = None
        self._waiting: dict[int, asyncio.Future[Answer]] = {}
        self._heard: dict[int, Heard] = {}
        self._lines: deque[str] = deque(maxlen=LAST_LINES)
        self._life, self._not_before = 0, 0.0
        self._problem: OutriderError | None = None

    async def begin(self) -> int:
        """Start the program where it does not run, and return how often it was started.

        Raises:
            OutriderError: It cannot be started, or has ended just now.
        """
        async with self._starting:
            if self._program is None:
                now = asyncio.get_running_loop().time()
                if now < self._not_before:
                    raise self._problem or self._gone()
                self._not_before = now + RESTART_SECONDS
                await self._start()
            return self._life

    async def ask(self, asked: Asked, number: int, timeout: float, *, is_call: bool = False) -> Answer:  # noqa: ARG002 - one bound for all lines
        """Send a request and wait for its answer; arguments as those of Wire.

        Raises:
            OutriderError: The program has ended, or does not answer in time, or answers at too great a length.
        """
        waiter: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting[number] = waiter
        if (heard := listener()) is not None:
            self._heard[number] = heard
        sent = answered = False
        try:
            async with asyncio.timeout(timeout):
                await self._write(asked.body)
                sent = True
                answer = await waiter
            answered = True
        except TimeoutError as error:
            raise DeadlineExceededError(
                f"server '{self._settings.name}' did not answer within {timeout:g} s",
                suggestions=["check that it is well"],
            ) from error
        finally:
            self._waiting.pop(number, None)
            self._heard.pop(number, None)
            if sent and not answered:
                self._cancel(number)
        return answer

    async def tell(self, asked: Asked) -> None:
        """Send a notification.

        Raises:
            UnavailableError: The program has ended.
        """
        await self._write(asked.body)

    async def close(self) -> None:
        """End the program."""
        async with self._starting:
            self._not_before = float("inf")
            if self._serving is not None:
                self._serving.cancel()
                await asyncio.wait({self._serving})

    async def _start(self) -> None:
        self._lines.clear()
        try:
            program = await start_program(
                self._settings, self._secrets, work=self._state, protected=self._protected, line_limit=self._line_limit
            )
        except OutriderError as error:
            self._problem = error
            raise
        self._problem = None
        self._program = program
        self._life += 1
        self._serving = asyncio.get_running_loop().create_task(self._serve(program))

    async def _serve(self, program: Confined) -> None:
        """Read what the program writes until it has ended, and end what is left of it."""
        listening = asyncio.get_running_loop().create_task(self._keep_lines(program.stderr))
        fault: OutriderError | None = None
        try:
            while line := await program.stdout.readline():
                self._take(line)
        except ValueError:  # asyncio's word for a line that is too long
            fault = LimitedError(
                f"server '{self._settings.name}' wrote a message that is too long", expected=f"at most {self._line_limit} bytes",
                suggestions=["ask for less"],
            )  # fmt: skip
        finally:
            self._program, waiting = None, self._waiting
            self._waiting = {}
            try:
                await program.kill()
                with suppress(asyncio.CancelledError):
                    await listening
            finally:
                self._problem = fault or self._gone()
                for waiter in waiting.values():
                    if not waiter.done():
                        waiter.set_exception(self._problem)

    def _take(self, line: bytes) -> None:
        """Take a line of its output; one that is no message is kept as what it says of itself."""
        if len(line) > _LONG and not self._answers(line):
            return
        try:
            message = decode_plain(line)
        except OutriderError:
            message = None
        if not isinstance(message, dict):
            self._lines.append(line.decode("utf-8", "replace").strip()[:LONGEST_LINE])
            return
        if "method" in message:
            self._hear(message)
            return
        number = message.get("id")
        waiter = self._waiting.get(number) if type(number) is int else None
        if waiter is not None and not waiter.done():
            waiter.set_result(Answer(outcome(message) or self._odd(line)))

    def _answers(self, line: bytes) -> bool:
        """Return whether a line is the answer to a request that waits."""
        try:
            number = int(bytes(_envelope.decode(line).get("id", b"")))
        except (msgspec.DecodeError, ValueError, RecursionError):
            return False
        return number in self._waiting

    def _hear(self, message: dict[str, Any]) -> None:
        """Hear a notification, or answer a request of the server: nothing that it could ask for is offered."""
        if "id" not in message:
            if message["method"] == _LIST_CHANGED:
                self._changed()
            self._tell(message)
            return
        answer: dict[str, Any] = {"jsonrpc": "2.0", "id": message["id"]}
        if message["method"] == "ping":
            answer["result"] = {}
        else:
            answer["error"] = {"code": METHOD_NOT_FOUND, "message": "this client offers nothing to servers"}
        self._send(encode(answer))

    def _tell(self, message: dict[str, Any]) -> None:
        """Tell whoever waits for a call of its progress."""
        params = message.get("params")
        number = params.get(TOKEN) if isinstance(params, dict) else None
        if type(number) is not int or (heard := self._heard.get(number)) is None:
            return
        if (progress := read_progress(message, number)) is not None:
            heard(progress)

    def _cancel(self, number: int) -> None:
        """Tell the program that nobody waits any more."""
        if self._program is not None:
            params = {"requestId": number, "reason": "the client does not wait"}
            self._send(legacy_request("notifications/cancelled", params, number=None))

    async def _write(self, body: bytes) -> None:
        """Write a message, once the program has read what came before: one that reads nothing must not fill our memory."""
        program = self._program
        with suppress(ConnectionError):  # its end is told to who waits
            while program is not None and _is_full(program):  # another one may have written first
                await program.stdin.drain()
        if program is None or program is not self._program:
            raise self._problem or self._gone()
        self._send(body)

    def _send(self, body: bytes) -> None:
        """Write a message; where it has not read what came before, it is not told."""
        program = self._program
        if program is not None and not program.stdin.is_closing() and not _is_full(program):
            program.stdin.write(body + _END)

    async def _keep_lines(self, stream: asyncio.StreamReader) -> None:
        while True:
            try:
                line = await stream.readline()
            except ValueError:
                continue
            if not line:
                return
            self._lines.append(line.decode("utf-8", "replace").strip()[:LONGEST_LINE])

    def _gone(self) -> UnavailableError:
        return UnavailableError(
            f"server '{self._settings.name}' has ended", found=" | ".join(self._lines) or "no word",
            expected="a program that answers until its input ends", suggestions=["try its command by hand"],
        )  # fmt: skip

    def _odd(self, line: bytes) -> ExecutionFailedError:
        return ExecutionFailedError(
            f"server '{self._settings.name}': its answer has neither a result nor an error", found=repr(line[:80])
        )


def _is_full(program: Confined) -> bool:
    return program.stdin.transport.get_write_buffer_size() >= MOST_UNREAD
