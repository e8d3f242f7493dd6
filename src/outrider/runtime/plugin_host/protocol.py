"""The line protocol between an agent and a plugin: one JSON object per line, both ways.

request       {"id": 1, "method": "execute", "params": {...}}       either side, ids of its own
answer        {"id": 1, "result": {...}} or {"id": 1, "error": {"code", "message", "retryable"}}
notification  {"method": "event", "params": {...}}
"""

from typing import Any

import msgspec

from outrider.core.codec import decode, encode
from outrider.core.errors import ErrorBody, ExecutionFailedError, InvalidConfigError, OutriderError, from_body

VERSION = 1
MAX_LINE = 512 * 1024


class Message(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Any line of the dialogue."""

    id: int | str | None = None
    method: str = ""
    params: dict[str, Any] = {}
    result: Any = None
    error: ErrorBody | None = None


class PluginEvent(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Parameters of `event`.

    Attributes:
        id: The plugin's own number of the event, given back when it is committed.
        unhealthy: True begins a state that is repeated; False ends it.
        key: What the state is about.
    """

    id: str = ""
    severity: str = "medium"
    data: dict[str, Any] = {}
    labels: dict[str, str] = {}
    unhealthy: bool | None = None
    key: str = ""


class PluginCall(msgspec.Struct, kw_only=True):
    """Parameters of `call`: an operation that the plugin asks its agent for; `timeout` in place of the operation's own."""

    operation: str
    params: dict[str, Any] = {}
    timeout: float | None = None


class PluginLog(msgspec.Struct, kw_only=True):
    """Parameters of `log`; `execution` is the id of the request that the line belongs to."""

    text: str
    execution: int | None = None


def parse(line: bytes) -> Message:
    """Read one line.

    Raises:
        ExecutionFailedError: It is no message of the protocol.
    """
    try:
        return decode(line, Message)
    except InvalidConfigError as error:
        shown = line[:80].decode("utf-8", "replace").rstrip()
        raise ExecutionFailedError(
            "the plugin broke the line protocol",
            found=shown,
            expected='one JSON object per line, such as {"id":1,"result":{}}',
            suggestions=["write everything else to stderr, which is the plugin's log"],
        ) from error


def serialise(message: Message) -> bytes:
    """Return the line, with its end."""
    return encode(message) + b"\n"


def error_of(body: ErrorBody, plugin: str) -> OutriderError:
    """Return the error that a plugin answered with."""
    return from_body(body).about(plugin)
