"""Texts of MSBuild with properties and functions within: `$(Name)`, `$(Name.Method(…))` and `$([Class]::Function(…))`.

https://learn.microsoft.com/visualstudio/msbuild/msbuild-properties and .../property-functions. What is not known here is no error by itself:
who needs the text has to say that it cannot be had.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import NamedTuple

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_FUNCTION = re.compile(r"\[(?P<type>[A-Za-z0-9_.]+)\]::(?P<name>[A-Za-z0-9_]+)")
_MEMBER = re.compile(r"\.(?P<name>[A-Za-z0-9_]+)")
_CODE = re.compile(r"%([0-9A-Fa-f]{2})")
_QUOTES = "'\"`"
_DEEPEST = 40
LONGEST = 100_000

Function = Callable[[Sequence[str]], str]
Method = Callable[[str, Sequence[str]], str]


class NotKnownError(Exception):
    """What a text says cannot be told here; the message says why."""


class Expander(NamedTuple):
    """Expands texts.

    Attributes:
        properties: Gives the value of a property; an empty one where it is not set. It may raise `NotKnownError`.
        functions: By their types and names, in small letters: `msbuild::normalizepath`.
        methods: Of texts, by their names in small letters.
    """

    properties: Callable[[str], str]
    functions: Mapping[str, Function]
    methods: Mapping[str, Method]

    def expand(self, text: str, depth: int = 0) -> str:
        """Return a text with all values in it.

        Raises:
            NotKnownError: It has what is not known here.
        """
        if depth > _DEEPEST:
            raise NotKnownError("it has too much within one another")
        found, at = "", 0
        while (start := text.find("$(", at)) >= 0:
            end = closing(text, start + 1)
            found += text[at:start] + self._value(text[start + 2 : end], depth + 1)
            at = end + 1
            if len(found) > LONGEST:
                raise NotKnownError("it becomes too long")
        return found + text[at:]

    def _value(self, inner: str, depth: int) -> str:
        inner = inner.strip()
        name, function = _NAME.match(inner), _FUNCTION.match(inner)
        if name is not None:
            value, at = self.properties(name[0]), name.end()
        elif function is not None:
            key = f"{function['type'].lower()}::{function['name'].lower()}"
            if key not in self.functions:
                raise NotKnownError(f"{function[0]} is not known here")
            arguments, at = self._arguments(inner, function.end(), depth)
            value = _called(self.functions[key], arguments, function[0])
        else:
            raise NotKnownError(f"$({inner}) is not known here")
        return self._members(value, inner, at, depth)

    def _members(self, value: str, inner: str, at: int, depth: int) -> str:
        while at < len(inner):
            member = _MEMBER.match(inner, at)
            if member is None or member["name"].lower() not in self.methods:
                raise NotKnownError(f"$({inner}) is not known here")
            arguments, at = self._arguments(inner, member.end(), depth)
            value = _called(partial(self.methods[member["name"].lower()], value), arguments, inner)
        return value

    def _arguments(self, text: str, at: int, depth: int) -> tuple[list[str], int]:
        """Return the arguments that stand in brackets, and where it goes on; none where there are no brackets."""
        if not text.startswith("(", at):
            return [], at
        end = closing(text, at)
        inner = text[at + 1 : end]
        parts = split(inner) if inner.strip() else []
        return [self.expand(_unquoted(part), depth) for part in parts], end + 1


def closing(text: str, opening: int) -> int:
    """Return where the bracket is closed that is opened somewhere; quoted ones do not count.

    Raises:
        NotKnownError: It is not closed.
    """
    depth, quote = 0, ""
    for at in range(opening, len(text)):
        sign = text[at]
        if quote:
            quote = "" if sign == quote else quote
        elif sign in _QUOTES:
            quote = sign
        elif sign in "()":
            depth += 1 if sign == "(" else -1
            if not depth:
                return at
    raise NotKnownError(f"{text[:80]!r} has a bracket that is not closed")


def split(text: str) -> list[str]:
    """Return the parts between commas that stand neither in brackets nor in quotes."""
    parts, begin, at = [], 0, 0
    while at < len(text):
        if text[at] == "(":
            at = closing(text, at)
        elif text[at] in _QUOTES:
            at = _quoted_end(text, at)
        elif text[at] == ",":
            parts.append(text[begin:at])
            begin = at + 1
        at += 1
    return [*parts, text[begin:]]


def unescaped(text: str) -> str:
    """Return a text without `%XX`: https://learn.microsoft.com/visualstudio/msbuild/msbuild-special-characters."""
    return _CODE.sub(lambda match: chr(int(match[1], 16)), text)


def _quoted_end(text: str, at: int) -> int:
    end = text.find(text[at], at + 1)
    if end < 0:
        raise NotKnownError(f"{text[:80]!r} has a quote that is not closed")
    return end


def _unquoted(text: str) -> str:
    text = text.strip()
    return text[1:-1] if len(text) > 1 and text[0] in _QUOTES and text[-1] == text[0] else text


def _called(function: Function, arguments: Sequence[str], shown: str) -> str:
    try:
        return function(arguments)
    except (IndexError, ValueError) as error:
        raise NotKnownError(f"{shown} is called with {', '.join(arguments) or 'nothing'}") from error
