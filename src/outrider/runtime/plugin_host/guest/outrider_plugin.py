"""The plugin side of the line protocol, for plugins in Python. Standard library only; runs inside the sandbox.

A trigger:

    class Door(Trigger):
        def run(self):
            while not self.wait(5):
                self.event({"open": True}, severity="high")

    main(Door)

An action, an output or a tool defines `execute(request)` and returns a dict. `print` goes to the plugin's log, never into the protocol.
The protocol itself is described in docs/reference/plugin-protocol.md.
"""

from __future__ import annotations

import functools
import json
import os
import re
import sys
import threading
import time
from queue import SimpleQueue

# A type checker takes this for true. Importing typing would be a quarter of the start.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, NoReturn

PROTOCOL = 1
LAST_SECONDS = 5.0  # for executions that are under way when the plugin is asked to end
MAX_LINE = 512 * 1024  # the agent ends a plugin that writes a longer line


def seconds(text: str) -> float:
    """Return the seconds of a duration such as `500ms`, `10s` or `1h30m`."""
    units = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
    return sum(float(number) * units[unit] for number, unit in re.findall(r"(\d+(?:\.\d+)?)(ms|[smhd])", text))


class PluginError(Exception):
    """A failure that the plugin wants to report with a code of its own.

    Args:
        message: What is wrong, naming the field or object.
        code: Code of the error table; EXECUTION_FAILED if nothing fits better.
        retryable: Whether the same execution may succeed later.
    """

    def __init__(self, message: str, *, code: str = "EXECUTION_FAILED", retryable: bool = False) -> None:
        super().__init__(message)
        self.body = {"code": code, "message": message, "retryable": retryable}


class CancelledError(PluginError):
    """The agent withdrew the execution."""

    def __init__(self) -> None:
        super().__init__("cancelled", code="CANCELLED")


class _Link:
    """The dialogue with the agent: one reader thread, writes under a lock."""

    def __init__(self) -> None:
        # Descriptor 1 becomes the log, so that a stray print cannot break the protocol.
        self._out = os.dup(1)
        os.dup2(2, 1)
        self._lock = threading.Lock()
        self._waiting: dict[int, SimpleQueue[dict[str, Any]]] = {}
        self._next = 0
        self._closed = False

    def send(self, message: dict[str, Any]) -> None:
        line = json.dumps(message, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode() + b"\n"
        if len(line) > MAX_LINE:
            raise PluginError(f"a message has {len(line)} bytes, expected at most {MAX_LINE}")
        with self._lock:
            while line:
                line = line[os.write(self._out, line) :]

    def request(self, method: str, params: dict[str, Any]) -> Any:
        box: SimpleQueue[dict[str, Any]] = SimpleQueue()
        with self._lock:
            if self._closed:
                raise CancelledError
            self._next += 1
            number = self._next
            self._waiting[number] = box
        try:
            self.send({"id": number, "method": method, "params": params})
            answer = box.get()
        finally:
            self._waiting.pop(number, None)
        if "error" in answer:
            error = answer["error"]
            raise PluginError(
                error.get("message", "failed"),
                code=error.get("code", "INTERNAL"),
                retryable=bool(error.get("retryable")),
            )
        return answer.get("result")

    def answered(self, message: dict[str, Any]) -> None:
        box = self._waiting.get(message["id"])
        if box is not None:
            box.put(message)

    def fail_all(self) -> None:
        with self._lock:
            self._closed = True
            waiting = list(self._waiting.values())
        for box in waiting:
            box.put({"error": {"code": "CANCELLED", "message": "the plugin is asked to end"}})


class Plugin:
    """What all plugins have in common; `config` holds the checked configuration."""

    def __init__(self, config: dict[str, Any], link: _Link) -> None:
        self.config = config
        self._link = link
        self._stopping = threading.Event()

    def setup(self) -> None:
        """Prepare; what is raised here refuses the configuration."""

    def call(self, operation: str, /, **params: Any) -> Any:
        """Ask the agent to run an operation that plugin.yaml lists under permissions.operations, and return its result."""
        return self._link.request("call", {"operation": operation, "params": params})

    def call_within(self, timeout: float, operation: str, /, **params: Any) -> Any:
        """The same, with seconds in place of those that the operation has by itself."""
        return self._link.request("call", {"operation": operation, "params": params, "timeout": timeout})

    def log(self, text: str) -> None:
        """Write a line to the plugin's log."""
        self._link.send({"method": "log", "params": {"text": text}})

    @property
    def stopping(self) -> bool:
        """Whether the plugin is asked to end."""
        return self._stopping.is_set()

    def stop(self) -> None:
        """Called from the reader thread when the plugin is asked to end; extend it to wake a blocked `run`."""
        self._stopping.set()


class Trigger(Plugin):
    """Reports events. Subclasses define `run`, which watches until `wait` returns True."""

    def __init__(self, config: dict[str, Any], link: _Link) -> None:
        super().__init__(config, link)
        self._credit = 0
        self._room = threading.Condition()
        self._number = 0
        self._uncommitted: dict[str, threading.Event] = {}

    def run(self) -> None:
        """Watch and report until asked to stop."""
        raise NotImplementedError

    def wait(self, seconds: float) -> bool:
        """Sleep; return True at once when the plugin is asked to end."""
        return self._stopping.wait(seconds)

    def event(
        self,
        data: dict[str, Any],
        *,
        severity: str = "medium",
        unhealthy: bool | None = None,
        key: str = "",
        commit_timeout: float | None = None,
    ) -> bool:
        """Report an event; waits while the agent grants no credit.

        Args:
            data: What was seen.
            severity: low, medium, high or critical.
            unhealthy: True begins a state that the agent repeats until an event with False and the same key.
            key: What the state is about, where one plugin watches several things.
            commit_timeout: Seconds to wait for credit and until the event is on disk.

        Returns:
            False where it was not on disk in time, or the plugin is asked to end.

        Raises:
            PluginError: The event is too large for one message.
            ValueError: The data has no JSON form.
        """
        deadline = None if commit_timeout is None else time.monotonic() + commit_timeout
        with self._room:
            granted = self._room.wait_for(lambda: self._credit > 0 or self.stopping, commit_timeout)
            if self.stopping or not granted:
                return False
            self._credit -= 1
            self._number += 1
            local_id = str(self._number)
            committed = threading.Event()
            if commit_timeout is not None:
                self._uncommitted[local_id] = committed
        params: dict[str, Any] = {"id": local_id, "severity": severity, "data": data}
        if unhealthy is not None:
            params["unhealthy"] = unhealthy
        if key:
            params["key"] = key
        try:
            self._link.send({"method": "event", "params": params})
            return deadline is None or committed.wait(max(0.0, deadline - time.monotonic()))
        except (PluginError, ValueError):
            self.credit({"n": 1})  # nothing was sent
            raise
        finally:
            self._uncommitted.pop(local_id, None)

    def credit(self, params: dict[str, Any]) -> None:
        """Note that the agent took events over."""
        for local_id in params.get("committed", ()):
            waiting = self._uncommitted.get(local_id)
            if waiting is not None:
                waiting.set()
        with self._room:
            self._credit += params.get("n", 0)
            self._room.notify_all()

    def stop(self) -> None:
        super().stop()
        with self._room:
            self._room.notify_all()


class Action(Plugin):
    """Executes requests. Subclasses define `execute`."""

    concurrency = 1

    def execute(self, request: Request) -> dict[str, Any]:
        """Do one execution and return its result."""
        raise NotImplementedError


class Output(Action):
    """Sends reports; the report is `request.input`."""


class Tool(Action):
    """Answers calls of an AI agent; the arguments are `request.input`."""


class Request:
    """One execution.

    Attributes:
        input: The parameters (`with` of the step), a tool's arguments, or an output's report.
        context: The event and the rule behind it.
        attempt: 1 for the first try.
        idempotency_key: The same for every attempt.
        timeout: Seconds that the execution may take.
    """

    def __init__(self, number: Any, params: dict[str, Any], link: _Link) -> None:
        self.number = number
        self.input: dict[str, Any] = params.get("input", {})
        self.context: dict[str, Any] = params.get("context", {})
        self.attempt: int = params.get("attempt", 1)
        self.idempotency_key: str = params.get("idempotency_key", "")
        self.timeout: float = params.get("timeout", 60.0)
        self._cancelled = threading.Event()
        self._link = link

    @property
    def cancelled(self) -> bool:
        """Whether the agent withdrew the execution."""
        return self._cancelled.is_set()

    def cancel(self) -> None:
        """Withdraw the execution."""
        self._cancelled.set()

    def check(self) -> None:
        """Raise CancelledError where the agent withdrew the execution."""
        if self.cancelled:
            raise CancelledError

    def log(self, text: str) -> None:
        """Add a line to the log of this execution."""
        self._link.send({"method": "log", "params": {"text": text, "execution": self.number}})


class _Host:
    """Reads the agent's messages and gives them to the plugin."""

    def __init__(self, plugin_type: type[Plugin]) -> None:
        self._type = plugin_type
        self._link = _Link()
        self._plugin: Plugin | None = None
        self._work: SimpleQueue[Request | None] = SimpleQueue()
        self._requests: dict[Any, Request] = {}
        self._started = threading.Event()
        self._ended = threading.Event()

    def serve(self) -> None:
        reader = threading.Thread(target=self._read, daemon=True)
        reader.start()
        self._started.wait()
        plugin = self._plugin
        if isinstance(plugin, Trigger) and not plugin.stopping:
            plugin.run()
            if not plugin.stopping:
                self._link.send({"method": "log", "params": {"text": "the trigger ended by itself"}})
                self._leave(1)
        elif isinstance(plugin, Action):
            self._serve_action(plugin)
        self._ended.wait()
        self._leave(0)

    def _leave(self, status: int) -> NoReturn:
        # The reader is blocked in a read that holds a lock, on which an ordinary end of the interpreter would abort.
        sys.stderr.flush()
        os._exit(status)

    def _serve_action(self, plugin: Action) -> None:
        workers = [
            threading.Thread(target=self._execute_all, args=(plugin,), daemon=True)
            for _ in range(plugin.concurrency - 1)
        ]
        for worker in workers:
            worker.start()
        self._execute_all(plugin)
        deadline = time.monotonic() + LAST_SECONDS
        for worker in workers:
            worker.join(max(0.0, deadline - time.monotonic()))

    def _execute_all(self, plugin: Action) -> None:
        while (request := self._work.get()) is not None:
            self._answer(request.number, functools.partial(self._execute, plugin, request))
            self._requests.pop(request.number, None)
        self._work.put(None)

    @staticmethod
    def _execute(plugin: Action, request: Request) -> dict[str, Any]:
        request.check()  # it may have been withdrawn while it waited for its turn
        return plugin.execute(request)

    def _answer(self, number: Any, work: Callable[[], Any]) -> None:
        try:
            self._link.send({"id": number, "result": work() or {}})
        except PluginError as error:
            self._link.send({"id": number, "error": error.body})
        except Exception as error:  # noqa: BLE001 - the boundary of the plugin host: any fault of a plugin is an answer
            import traceback  # noqa: PLC0415 - costs memory in every host, needed in few

            traceback.print_exc()
            body = {"code": "EXECUTION_FAILED", "message": f"{type(error).__name__}: {error}", "retryable": False}
            self._link.send({"id": number, "error": body})

    def _read(self) -> None:
        for line in sys.stdin.buffer:
            try:
                message = json.loads(line)
                if "method" in message:
                    self._dispatch(message["method"], message.get("id"), message.get("params", {}))
                else:
                    self._link.answered(message)
            except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
                sys.stderr.write(f"a line that is no message was left out: {error!r}\n")
        self._end()

    def _dispatch(self, method: str, number: Any, params: dict[str, Any]) -> None:
        if method == "initialize":
            self._answer(number, lambda: self._initialize(params))
        elif method == "start":
            if isinstance(self._plugin, Trigger):
                self._plugin.credit({"n": params.get("credit", 0)})
            self._link.send({"id": number, "result": {}})
            self._started.set()
        elif method == "credit" and isinstance(self._plugin, Trigger):
            self._plugin.credit(params)
        elif method in ("execute", "send"):
            request = Request(number, params, self._link)
            self._requests[number] = request
            self._work.put(request)
        elif method == "cancel":
            request_to_cancel = self._requests.get(params.get("id"))
            if request_to_cancel is not None:
                request_to_cancel.cancel()
        elif method == "stop":
            self._link.send({"id": number, "result": {}})  # first, because the process may be gone right after
            self._end()
        elif number is not None:
            error = {"code": "UNSUPPORTED", "message": f"unknown method {method!r}", "retryable": False}
            self._link.send({"id": number, "error": error})

    def _initialize(self, params: dict[str, Any]) -> dict[str, Any]:
        if params.get("protocol") != PROTOCOL:
            raise PluginError(
                f"protocol {params.get('protocol')} is not spoken here, only {PROTOCOL}", code="UNSUPPORTED"
            )
        plugin = self._type(params.get("config", {}), self._link)
        plugin.setup()
        self._plugin = plugin
        if isinstance(plugin, Action):
            plugin.concurrency = params.get("concurrency", 1)
        return {"ready": True, "protocol": PROTOCOL, "pid": os.getpid()}

    def _end(self) -> None:
        if self._plugin is not None:
            self._plugin.stop()
        self._link.fail_all()
        self._work.put(None)
        self._ended.set()
        self._started.set()


def main(plugin_type: type[Plugin]) -> None:
    """Serve the plugin until the agent ends the dialogue."""
    _Host(plugin_type).serve()
