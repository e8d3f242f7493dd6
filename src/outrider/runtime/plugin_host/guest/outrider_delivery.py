"""For outputs: one bounded attempt at a delivery, and what a report says as plain text. Standard library only."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from datetime import datetime
from queue import Empty, SimpleQueue

from outrider_plugin import CancelledError, PluginError

# Importing typing would be a quarter of the start.
TYPE_CHECKING = False
if TYPE_CHECKING:
    import ssl
    from typing import Any, Self

    from outrider_plugin import Output, Request

TICK = 0.05
SEVERITIES = ("low", "medium", "high", "critical")
NAME, TEXT = 255, 1000


class Attempt:
    """One attempt at a delivery; what fails inside of it is reported as what it was.

    Its connections are cut once the time is over, the agent withdraws the execution, or the plugin is asked to end. A time-out
    of the socket alone would bound each read and write, not their sum.

    Args:
        plugin: Whose attempt.
        request: The execution.
        server: Name of the other end, for messages.
        timeout: Seconds for all of it.
    """

    def __init__(self, plugin: Output, request: Request, *, server: str, timeout: float) -> None:
        self._plugin = plugin
        self._request = request
        self._server = server
        self._timeout = min(timeout, request.timeout)
        self._deadline = time.monotonic() + self._timeout
        self._done = threading.Event()
        # Duplicates: TLS takes the descriptor of a socket away from its object.
        self._handles: list[socket.socket] = []
        self._watcher = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._watcher.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        self._done.set()
        self._watcher.join()
        for handle in self._handles:
            handle.close()
        if isinstance(error, OSError):
            raise self._failure(error) from error

    @property
    def withdrawn(self) -> bool:
        """Whether nobody waits for it any more."""
        return self._request.cancelled or self._plugin.stopping

    def left(self) -> float:
        """Return the seconds that are left.

        Raises:
            TimeoutError: None.
            CancelledError: Nobody waits for it any more.
        """
        if self.withdrawn:
            raise CancelledError
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left

    def connect(self, host: str, port: int, *, kind: int = socket.SOCK_STREAM) -> socket.socket:
        """Return a connected socket.

        Raises:
            OSError: No address of the host can be reached.
        """
        failure = OSError(f"{host} has no address")
        addresses = self._resolve(host, port, kind)
        for index, (family, _, protocol, _, address) in enumerate(addresses):
            connection = socket.socket(family, kind, protocol)
            try:
                self._handles.append(connection.dup())
                connection.settimeout(self.left() / (len(addresses) - index))
                connection.connect(address)
                connection.settimeout(self.left())
            except (OSError, CancelledError) as error:
                connection.close()
                if isinstance(error, CancelledError):
                    raise
                failure = error
            else:
                return connection
        raise failure

    def secured(self, connection: socket.socket, context: ssl.SSLContext, host: str) -> ssl.SSLSocket:
        """Return the connection under TLS, once the server has proved its name."""
        connection.settimeout(self.left())
        return context.wrap_socket(connection, server_hostname=host)

    def _resolve(self, host: str, port: int, kind: int) -> list[tuple[Any, ...]]:
        """Look up beside this thread: getaddrinfo(3) knows no deadline."""
        box: SimpleQueue[list[tuple[Any, ...]] | OSError] = SimpleQueue()

        def look_up() -> None:
            try:
                box.put(socket.getaddrinfo(host, port, type=kind))
            except OSError as error:
                box.put(error)
            except UnicodeError:
                box.put(OSError(f"{host} is no host name"))

        threading.Thread(target=look_up, daemon=True).start()
        while True:
            try:
                found = box.get(timeout=min(TICK, self.left()))
            except Empty:
                continue
            if isinstance(found, OSError):
                raise found
            return found

    def _watch(self) -> None:
        while not self._done.wait(TICK):
            if self.withdrawn or time.monotonic() >= self._deadline:
                for handle in self._handles.copy():
                    with contextlib.suppress(OSError):
                        handle.shutdown(socket.SHUT_RDWR)

    def _failure(self, error: OSError) -> PluginError:
        if self.withdrawn:
            return CancelledError()
        if isinstance(error, TimeoutError) or time.monotonic() >= self._deadline:
            return PluginError(f"{self._server}: not done within {self._timeout:g} s", code="TIMEOUT", retryable=True)
        reason = line(error.strerror or str(error) or type(error).__name__, TEXT)
        return PluginError(f"{self._server}: {reason}", code="CONNECTION_FAILED", retryable=True)


def line(value: Any, limit: int) -> str:
    """Return a value as one line of printable text with at most `limit` characters; nothing for None."""
    text = value if isinstance(value, str) else "" if value is None else json.dumps(value, ensure_ascii=False)
    # A long text is cut before it is looked at.
    words = "".join(character if character.isprintable() else " " for character in text[: 8 * limit]).split()
    flat = " ".join(words)
    return flat if len(flat) <= limit else flat[: limit - 1] + "…"


def moment(text: Any) -> datetime | None:
    """Return a time of RFC 3339, or None."""
    try:
        found = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
    return found if found.tzinfo is not None else None


def mapping(value: Any) -> dict[str, Any]:
    """Return the value if it is a mapping, else an empty one."""
    return value if isinstance(value, dict) else {}


class Report:
    """What a report says; each text is one line of printable characters.

    Args:
        document: The report as the agent sent it. Fields of events that have their default are absent.
    """

    def __init__(self, document: dict[str, Any]) -> None:
        event = mapping(document.get("event"))
        self.data = mapping(event.get("data"))
        self.run = line(document.get("run"), NAME)
        self.rule = line(document.get("rule"), NAME) or "unknown"
        self.state = line(document.get("state"), NAME) or "unknown"
        self.message = line(document.get("message"), TEXT)
        self.source = line(event.get("source"), NAME) or "unknown"
        self.kind = line(event.get("type"), NAME)
        severity = event.get("severity")
        self.severity = severity if severity in SEVERITIES else "medium"
        self.seen = moment(event.get("time"))
        self.count = line(event.get("count", 1), NAME)
        self.started = moment(document.get("started"))
        self.finished = moment(document.get("finished"))
        self.trace = line(document.get("trace_id"), NAME)
        steps = document.get("steps")
        self.steps = [_step(mapping(step)) for step in steps] if isinstance(steps, list) else []
        told = line(self.data.get("summary"), TEXT) or (line(self.data, TEXT) if self.data else "")
        self.summary = told or self.message or f"{self.rule} {self.state}"


def _step(step: dict[str, Any]) -> str:
    """Return what became of a step."""
    result = mapping(step.get("result"))
    told = mapping(result.get("error")).get("message") or mapping(result.get("result")).get("summary")
    attempts = step.get("attempts")
    agent = line(step.get("agent"), NAME)
    said = [
        f"{line(step.get('name'), NAME) or 'step'}: {line(step.get('state'), NAME) or 'unknown'}",
        *([f"on {agent}"] if agent else ()),
        *([f"after {attempts} attempts"] if isinstance(attempts, int) and attempts > 1 else ()),
    ]
    return " ".join(said) + (f" - {line(told, TEXT)}" if told else "")


class Newest:
    """Which report of each subject was the last, so that one that had to be tried again does not undo a newer one."""

    def __init__(self, most: int = 10_000) -> None:
        self._most = most
        self._seen: dict[str, datetime] = {}

    def passed(self, subject: str, finished: datetime) -> bool:
        """Return whether a newer report of the subject was sent before."""
        return finished < self._seen.get(subject, finished)

    def remember(self, subject: str, finished: datetime) -> None:
        """Note a report that was sent; of very many subjects the oldest are forgotten."""
        self._seen.pop(subject, None)
        self._seen[subject] = finished
        if len(self._seen) > self._most:
            del self._seen[next(iter(self._seen))]
