"""Which messages belong together: a provider refuses the result of a tool without its call, and most refuse a call without it."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from outrider.sidecar.memory.limits import MAX_READ_BYTES, MAX_WINDOW
from outrider.sidecar.memory.model import Message

_RESULT_ROLES = ("tool", "function")
# As chat completions, messages and responses name them.
_RESULT_BLOCKS = ("tool_result", "function_call_output")
_CALL_BLOCKS = ("tool_use", "function_call")


def is_result(message: Message) -> bool:
    """Return whether a message holds the result of a tool, and so belongs to what is before it."""
    return message.role in _RESULT_ROLES or _has_block(message.content, _RESULT_BLOCKS)


def is_call(message: Message) -> bool:
    """Return whether a message calls a tool, so that its results follow."""
    if message.role in _RESULT_ROLES:
        return False
    content = message.content
    return (isinstance(content, dict) and bool(content.get("tool_calls"))) or _has_block(content, _CALL_BLOCKS)


def _has_block(content: Any, types: tuple[str, ...]) -> bool:
    if isinstance(content, dict):
        return content.get("type") in types or (
            isinstance(content.get("content"), list) and _has_block(content["content"], types)
        )
    return isinstance(content, list) and any(
        isinstance(block, dict) and block.get("type") in types for block in content
    )


def turns(messages: Iterable[Message]) -> list[list[Message]]:
    """Return messages by what belongs together: a call of tools with its results, any other message alone."""
    found: list[list[Message]] = []
    for message in messages:
        if found and is_result(message):
            found[-1].append(message)
        else:
            found.append([message])
    return found


class Measured(NamedTuple):
    """What counts of a stored message.

    Attributes:
        first: Whether what is before it does not belong to it.
    """

    tokens: int
    size: int
    first: bool


def newest_that_fit(messages: Iterable[Measured], tokens: int | None, last: int | None) -> int:
    """Return how many of a session's messages, newest first, are in a window."""
    room = last if last is not None else MAX_WINDOW
    kept = used = size = 0
    for seen, message in enumerate(messages, 1):
        used += message.tokens
        size += message.size
        if seen > room or (tokens is not None and used > tokens) or size > MAX_READ_BYTES:
            return kept
        if message.first:
            kept = seen
    return kept
