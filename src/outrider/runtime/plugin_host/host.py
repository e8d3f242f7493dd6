"""One warm plugin process as its agent sees it: start, handshake, executions, events under credit, stop."""

import asyncio
import contextlib
import itertools
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

import msgspec

from outrider.core.codec import to_builtins
from outrider.core.errors import (
    DeadlineExceededError,
    ExecutionFailedError,
    InternalError,
    LimitedError,
    OutcomeUnknownError,
    OutriderError,
    UnavailableError,
)
from outrider.core.schema import convert, describe
from outrider.ports.telemetry import logger
from outrider.runtime.plugin_host.log_budget import LogBudget
from outrider.runtime.plugin_host.protocol import (
    MAX_LINE,
    VERSION,
    Message,
    PluginCall,
    PluginEvent,
    PluginLog,
    error_of,
    parse,
    serialise,
)
from outrider.runtime.plugins.manifest import Plugin

HANDSHAKE_SECONDS = 10.0
STOP_SECONDS = 2.0
CANCEL_SECONDS = 2.0
WRITE_BUFFER = 4 * 1024 * 1024
MAX_CALLS = 64
_log = logger(__name__)


class HostProcess(Protocol):
    """A started plugin process; `kill` ends everything that it ever started, `exceeded` is the limit that ended it."""

    stdin: asyncio.StreamWriter
    stdout: asyncio.StreamReader
    stderr: asyncio.StreamReader
    pid: int
    level: str
    exceeded: str

    async def wait(self) -> int:
        """Return the exit status once it ended."""

    async def kill(self) -> None:
        """End it and all its descendants."""


Start = Callable[[], Awaitable[HostProcess]]


class HostCallbacks(msgspec.Struct, frozen=True):
    """What the agent does with what the plugin says.

    `event` must return quickly: the events it was given and not yet committed are bounded by the credit. `line` sees what is
    said, and whether the agent says it.
    """

    event: Callable[[PluginEvent], None]
    call: Callable[[PluginCall], Awaitable[Any]]
    log: Callable[[str, int | None], None]
    line: Callable[[bytes, bool], None] | None = None


class PluginHost:
    """One plugin process.

    Args:
        plugin: What runs in it.
        config: Its checked configuration; secrets travel in it, over the pipe only.
        start: Starts the confined process.
        callbacks: Where its events, calls and log lines go.
    """

    def __init__(self, plugin: Plugin, config: dict[str, Any], start: Start, callbacks: HostCallbacks) -> None:
        self.plugin = plugin
        self._config = config
        self._start = start
        self._callbacks = callbacks
        self._process: HostProcess | None = None
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._credit = 0
        self._calls = 0
        self._log_budget = LogBudget(callbacks.log)
        self._tasks: set[asyncio.Task[None]] = set()
        self._fault: OutriderError | None = None
        self.ended = asyncio.Event()

    @property
    def name(self) -> str:
        """The plugin's id."""
        return self.plugin.manifest.id

    @property
    def level(self) -> str:
        """The sandbox level it runs at."""
        return self._process.level if self._process else ""

    @property
    def fault(self) -> OutriderError | None:
        """Why it ended, where that was a fault of its own."""
        return self._fault

    async def start(self, *, credit: int = 0) -> None:
        """Start the process, shake hands, and for a trigger grant its first credit.

        Raises:
            OutriderError: It did not start, or refused its configuration; nothing stays behind.
        """
        self._process = await self._start()
        self._spawn(self._read())
        self._spawn(self._drain_log())
        try:
            params = {"config": self._config, "protocol": VERSION, "concurrency": self.plugin.manifest.concurrency}
            answer = await self._request("initialize", params, HANDSHAKE_SECONDS)
            if not isinstance(answer, dict) or not answer.get("ready") or answer.get("protocol") != VERSION:
                raise self._broken("the handshake", describe(answer), f'{{"ready": true, "protocol": {VERSION}}}')
            self._credit = credit
            await self._request("start", {"credit": credit}, HANDSHAKE_SECONDS)
        except OutcomeUnknownError as error:
            await self.kill()
            raise self._broken("the handshake", f"its end with {error.found}", "an answer") from error
        except BaseException:
            await self.kill()
            raise

    def execute(self, method: str, params: dict[str, Any], timeout: float) -> tuple[int, "asyncio.Future[Any]"]:
        """Send an execution and return its number and the future of its answer; `finish` waits for it.

        Raises:
            UnavailableError: Its process does not run.
            LimitedError: It does not read its input.
        """
        return self._send_request(method, {**params, "timeout": timeout})

    async def finish(self, number: int, answer: "asyncio.Future[Any]", timeout: float) -> dict[str, Any]:
        """Wait for an execution's answer.

        Raises:
            DeadlineExceededError: It did not answer in time; its process was ended.
            OutcomeUnknownError: Its process ended while it worked.
            OutriderError: What the plugin answered.
        """
        try:
            async with asyncio.timeout(timeout):
                result = await asyncio.shield(answer)
        except TimeoutError as error:
            await self.cancel(number, answer)
            raise DeadlineExceededError(
                f"{self.name}: not done within {round(timeout, 2):g} s", expected=f"an answer within {round(timeout, 2):g} s",
                suggestions=["give it a longer timeout"],
            ) from error  # fmt: skip
        except asyncio.CancelledError:
            await self.cancel(number, answer)
            raise
        finally:
            self._waiting.pop(number, None)
        return result if isinstance(result, dict) else {"value": result}

    async def cancel(self, number: int, answer: "asyncio.Future[Any]") -> None:
        """Ask for the end of an execution; a plugin that does not obey is ended with its whole process."""
        with contextlib.suppress(LimitedError):  # one that does not read will not obey either
            self._send(Message(method="cancel", params={"id": number}))
        done, _ = await asyncio.wait({answer}, timeout=CANCEL_SECONDS)
        if not done:
            await self.kill()

    def grant(self, count: int, committed: list[str]) -> None:
        """Give a trigger back its credit for events that are on disk now."""
        self._credit += count
        self._tell(Message(method="credit", params={"n": count, "committed": committed}))

    async def stop(self) -> None:
        """End the plugin: by request, then by the end of its input, then by force."""
        if self._process is None or self.ended.is_set():
            return
        try:
            await self._request("stop", {}, STOP_SECONDS)
        except OutriderError:
            _log.debug("plugin did not answer the stop request", extra={"plugin": self.name})
        self._process.stdin.close()
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await self._process.wait()
        except TimeoutError:
            _log.warning("plugin ended by force", extra={"plugin": self.name})
        await self.kill()

    async def kill(self) -> None:
        """End the process and everything it started."""
        if self._process is not None:
            await self._process.kill()
            self._process.stdin.close()
            await self.ended.wait()
        current = asyncio.current_task()
        for task in [task for task in self._tasks if task is not current]:
            task.cancel()
            await asyncio.wait({task})

    async def _request(self, method: str, params: dict[str, Any], timeout: float) -> Any:
        number, answer = self._send_request(method, params)
        try:
            async with asyncio.timeout(timeout):
                return await answer
        except TimeoutError as error:
            raise DeadlineExceededError(f"{self.name}: no answer to '{method}' within {timeout:g} s") from error
        finally:
            self._waiting.pop(number, None)

    def _send_request(self, method: str, params: dict[str, Any]) -> tuple[int, "asyncio.Future[Any]"]:
        if self._process is None or self.ended.is_set():
            raise UnavailableError(f"{self.name}: its process is not running", retry_after=1.0)
        number = next(self._numbers)
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._send(Message(id=number, method=method, params=params))
        self._waiting[number] = answer
        return number, answer

    def _send(self, message: Message) -> None:
        if self._process is None or self._process.stdin.is_closing():
            return
        if self._process.stdin.transport.get_write_buffer_size() > WRITE_BUFFER:
            raise LimitedError(f"{self.name}: it does not read its input", retry_after=1.0)
        line = serialise(message)
        self._process.stdin.write(line)
        if self._callbacks.line is not None:
            self._callbacks.line(line, True)

    def send_raw(self, data: bytes) -> None:
        """Send bytes as they are, to see what the plugin makes of them."""
        if self._process is not None:
            self._process.stdin.write(data)

    def _tell(self, message: Message) -> None:
        """Send what nobody can send again: a plugin that does not read it is ended."""
        try:
            self._send(message)
        except LimitedError as error:
            self._fault = error
            if self._process is not None:
                self._spawn(self._process.kill())

    async def _read(self) -> None:
        assert self._process is not None
        try:
            while line := await self._next_line(self._process.stdout):
                if self._callbacks.line is not None:
                    self._callbacks.line(line, False)
                self._handle(parse(line))
        except OutriderError as error:
            self._fault = error
            _log.warning("plugin ended: %s", error.message, extra={"plugin": self.name, "found": error.found})
            await self._process.kill()
        except Exception:  # noqa: BLE001 - it survives any fault here: who waits for it must not wait for ever
            self._fault = InternalError(f"{self.name}: its output could not be handled")
            _log.exception("the output of a plugin could not be handled", extra={"plugin": self.name})
            await self._process.kill()
        status = await self._wait_for_end()
        self._finish_all(self._process.exceeded or _status_text(status))
        if self._fault is None and self._process.exceeded:
            self._fault = LimitedError(
                f"plugin '{self.name}' was ended for its {self._process.exceeded}",
                suggestions=["raise the limit in plugin.yaml, or make the plugin take less"],
            )
        self.ended.set()

    async def _wait_for_end(self) -> int:
        """Wait for a process that closed its output; nobody can talk with it any more, so it does not live on."""
        assert self._process is not None
        try:
            async with asyncio.timeout(STOP_SECONDS):
                return await self._process.wait()
        except TimeoutError:
            await self._process.kill()
            return await self._process.wait()

    async def _next_line(self, stream: asyncio.StreamReader) -> bytes:
        try:
            return await stream.readuntil(b"\n")
        except asyncio.IncompleteReadError:
            return b""
        except asyncio.LimitOverrunError as error:
            raise self._broken("a line", f"more than {MAX_LINE} bytes", f"at most {MAX_LINE} bytes a line") from error

    def _handle(self, message: Message) -> None:
        if not message.method:
            self._answered(message)
        elif message.method == "event":
            self._event(convert(message.params, PluginEvent))
        elif message.method == "log":
            line = convert(message.params, PluginLog)
            self._log_line(line.text, line.execution)
        elif message.method == "call" and message.id is not None:
            if self._calls >= MAX_CALLS:
                raise self._broken("its bound", f"more than {MAX_CALLS} calls at a time", "to wait for answers")
            self._calls += 1
            self._spawn(self._serve_call(message.id, convert(message.params, PluginCall)))
        else:
            raise self._broken("a message", f"method {message.method!r}", "event, log or call")

    def _event(self, event: PluginEvent) -> None:
        if self.plugin.manifest.type != "trigger":
            raise self._broken("a message", "an event", "no event from a plugin that is no trigger")
        if self._credit <= 0:
            raise self._broken("its credit", "an event without credit", "to wait for credit")
        self._credit -= 1
        self._callbacks.event(event)

    def _answered(self, message: Message) -> None:
        answer = self._waiting.pop(message.id, None) if isinstance(message.id, int) else None
        if answer is None or answer.done():
            return
        if message.error is not None:
            answer.set_exception(error_of(message.error, self.name))
        else:
            answer.set_result(message.result)

    async def _serve_call(self, number: int | str, call: PluginCall) -> None:
        try:
            answer = Message(id=number, result=to_builtins(await self._callbacks.call(call)))
        except OutriderError as error:
            answer = Message(id=number, error=error.body())
        finally:
            self._calls -= 1
        self._tell(answer)

    async def _drain_log(self) -> None:
        """Read the log all the time, so that the plugin never blocks on it; keep a bounded number of lines a second."""
        assert self._process is not None
        while data := await self._process.stderr.read(MAX_LINE):
            for line in data.splitlines():
                self._log_line(line.decode("utf-8", "replace"), None)
        self._log_budget.flush()

    def _log_line(self, text: str, execution: int | None) -> None:
        self._log_budget.add(text, execution, asyncio.get_running_loop().time())

    def _finish_all(self, reason: str) -> None:
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(
                    self._fault
                    or OutcomeUnknownError(
                        f"{self.name}: its process ended while it worked",
                        found=reason,
                        expected="an answer",
                    )
                )
                answer.exception()  # It is looked at here, so that an answer nobody waits for raises no warning.
        self._waiting.clear()

    def _broken(self, what: str, found: str, expected: str) -> OutriderError:
        return ExecutionFailedError(f"plugin '{self.name}' broke {what}", found=found, expected=expected)

    def _spawn(self, work: Any) -> None:
        task: asyncio.Task[None] = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _status_text(status: int) -> str:
    return f"signal {-status}" if status < 0 else f"exit status {status}"
