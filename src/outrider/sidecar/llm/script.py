"""Answers from a file in place of a model: for demonstrations, tests, and work without a network.

The first entry whose `when` is found in the last message is the answer; `times` bounds how often it is used.
"""

import re
from pathlib import Path
from typing import Any

import msgspec

from outrider.core.errors import InvalidConfigError
from outrider.core.schema import convert

NO_ANSWER = "The script has no answer to this."


class ToolCall(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A tool that the model wants to be called."""

    name: str
    arguments: dict[str, Any] = {}


class Entry(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """One answer.

    Attributes:
        when: Regular expression that the last message must hold; empty fits every one.
        say: Text.
        calls: Tools.
        times: How often it is used at most; None without bound.
    """

    when: str = ""
    say: str = ""
    calls: list[ToolCall] = []
    times: int | None = None


class Script:
    """The answers of a file.

    Args:
        entries: In their order.

    Raises:
        InvalidConfigError: A `when` is no regular expression.
    """

    def __init__(self, entries: list[Entry]) -> None:
        self._entries = entries
        self._left = [entry.times for entry in entries]
        try:
            self._patterns = [re.compile(entry.when, re.IGNORECASE) for entry in entries]
        except re.error as error:
            raise InvalidConfigError(
                f"script: not a regular expression: {error}", path="when", found=str(error.pattern),
                suggestions=["put a backslash before signs that stand for themselves"],
            ) from error  # fmt: skip

    def answer(self, text: str) -> Entry:
        """Return the answer to a message."""
        for number, (entry, pattern) in enumerate(zip(self._entries, self._patterns, strict=True)):
            left = self._left[number]
            if left != 0 and pattern.search(text):
                self._left[number] = None if left is None else left - 1
                return entry
        return Entry(say=NO_ANSWER)


def read_script(path: Path) -> Script:
    """Read a script (YAML: a list of entries).

    Raises:
        OutriderError: It cannot be read, or is no script.
    """
    from outrider.runtime.documents import read_file  # noqa: PLC0415 - YAML, which a sidecar without a script never reads

    found = [convert(document.data, list[Entry]) for document in read_file(path)]
    return Script([entry for entries in found for entry in entries])


def last_text(body: dict[str, Any]) -> str:
    """Return the text of the last message of a call, in any dialect."""
    given = body.get("messages") or body.get("contents") or body.get("input") or ""
    last = given[-1] if isinstance(given, list) and given else given
    return _text(last)


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "\n".join(filter(None, map(_text, value)))
    if isinstance(value, dict):
        return "\n".join(
            filter(
                None,
                (
                    _text(value.get(key))
                    for key in ("text", "content", "parts", "output", "functionResponse", "response", "result")
                ),
            )
        )
    return ""
