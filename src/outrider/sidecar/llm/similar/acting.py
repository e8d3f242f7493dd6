"""Whether an answer does anything but say something: what it calls has arguments that belong to its own question."""

from collections.abc import Iterable
from typing import Any

import msgspec

# Of each dialect, what an answer or a piece of one calls.
_CALLS = frozenset({"tool_calls", "function_call", "functionCall", "toolCall", "executableCode"})
# In types of items, blocks and events, such as `web_search_call` and `mcp_tool_use`.
_CALLING = ("_call", "tool_use", "tool_result", "_approval_request")
# What has none of it needs no reading: any of the above, also in another spelling.
_MARKS = (b"call", b"Call", b"tool_use", b"tool_result", b"approval", b"executableCode", b"\\u00")


def acts(body: bytes, *, stream: bool) -> bool:
    """Return whether an answer calls a tool; one that cannot be read does.

    Args:
        body: Of the answer.
        stream: Whether it is one of events.
    """
    return any(_acts(one) for one in (_events(body) if stream else (body,)))


def _events(body: bytes) -> Iterable[bytes]:
    for line in body.splitlines():
        data = line.removeprefix(b"data:").strip()
        if line.startswith(b"data:") and data != b"[DONE]":
            yield data


def _acts(said: bytes) -> bool:
    if not any(mark in said for mark in _MARKS):
        return False
    try:
        return _has_call(msgspec.json.decode(said))
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return True


def _has_call(document: Any) -> bool:
    waiting = [document]
    while waiting:
        one = waiting.pop()
        if isinstance(one, list):
            waiting.extend(one)
        elif isinstance(one, dict):
            kind = one.get("type")
            if isinstance(kind, str) and any(name in kind for name in _CALLING):
                return True
            if any(one.get(name) for name in _CALLS):
                return True
            waiting.extend(one.values())
    return False
