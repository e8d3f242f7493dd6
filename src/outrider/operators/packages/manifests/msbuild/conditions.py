"""Conditions of projects: https://learn.microsoft.com/visualstudio/msbuild/msbuild-conditions."""

import re
from collections.abc import Callable
from typing import NamedTuple

from outrider.operators.packages.manifests.msbuild.expansion import NotKnownError, closing
from outrider.operators.packages.manifests.msbuild.functions import version_key

_WORD = re.compile(r"[A-Za-z0-9_.+-]+")
_HEXADECIMAL, _DECIMAL = re.compile(r"0[xX][0-9A-Fa-f]{1,8}"), re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)")
_SIGNS = ("==", "!=", "<=", ">=", "<", ">", "(", ")", "!")
_TRUE, _FALSE = ("true", "on", "yes", "!false", "!off", "!no"), ("false", "off", "no", "!true", "!on", "!yes")
_DEEPEST = 50
_ORDERS: dict[str, Callable[[float, float], bool]] = {
    "<": lambda one, other: one < other,
    ">": lambda one, other: one > other,
    "<=": lambda one, other: one <= other,
    ">=": lambda one, other: one >= other,
}


class _Token(NamedTuple):
    """A part of a condition.

    Attributes:
        kind: `sign`, `word`, `text` or `call`.
        text: Of it; of a call its name.
        argument: Of a call.
    """

    kind: str
    text: str
    argument: str = ""


class Condition:
    """Decides a condition.

    Args:
        text: As it is written.
        expand: Returns a text with all values in it.
        exists: Returns whether a path is there.
    """

    def __init__(self, text: str, expand: Callable[[str], str], exists: Callable[[str], bool]) -> None:
        self._text, self._expand, self._exists = text, expand, exists
        self._tokens = _tokens(text)
        self._at = self._depth = 0
        # The side of `and` and `or` that decides nothing is read and not looked at: what is not known there does no harm.
        self._is_skipping = False

    def holds(self) -> bool:
        """Return whether it does.

        Raises:
            NotKnownError: It is none, or has what is not known here.
        """
        if not self._tokens:
            return True
        found = self._either()
        if self._at < len(self._tokens):
            raise self._wrong()
        return found

    def _either(self) -> bool:
        found = self._all()
        while self._take("or"):
            found = self._after(found, self._all)
        return found

    def _all(self) -> bool:
        found = self._one()
        while self._take("and"):
            found = not self._after(not found, lambda: not self._one())
        return found

    def _after(self, is_decided: bool, read: Callable[[], bool]) -> bool:
        """Read the right side of an `or`, and return what both sides come to."""
        before, self._is_skipping = self._is_skipping, self._is_skipping or is_decided
        found = read()
        self._is_skipping = before
        return is_decided or found

    def _one(self) -> bool:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise self._wrong()
        try:
            if self._take("!"):
                return not self._one()
            if self._take("("):
                found = self._either()
                if not self._take(")"):
                    raise self._wrong()
                return found
            return self._comparison()
        finally:
            self._depth -= 1

    def _comparison(self) -> bool:
        if self._at < len(self._tokens) and self._tokens[self._at].kind == "call":
            return self._call()
        left = self._operand()
        sign = next((one for one in ("==", "!=", "<=", ">=", "<", ">") if self._take(one)), "")
        if not sign:
            return self._truth(left)
        right = self._operand()
        if sign in ("==", "!="):
            return _equal(left, right) is (sign == "==")
        return self._ordered(left, sign, right)

    def _call(self) -> bool:
        token = self._tokens[self._at]
        self._at += 1
        if self._is_skipping:
            return True
        argument = self._expand(token.argument.strip().strip("'"))
        if token.text.lower() == "exists":
            return self._exists(argument)
        if token.text.lower() == "hastrailingslash":
            return argument.endswith(("/", "\\"))
        raise NotKnownError(f"the condition {self._text!r} calls {token.text}")

    def _operand(self) -> str:
        if self._at >= len(self._tokens) or self._tokens[self._at].kind not in ("text", "word"):
            raise self._wrong()
        token = self._tokens[self._at]
        self._at += 1
        if self._is_skipping:
            return ""
        if "@(" in token.text or "%(" in token.text:
            raise NotKnownError(f"the condition {self._text!r} asks for items")
        return self._expand(token.text)

    def _truth(self, text: str) -> bool:
        if self._is_skipping or text.lower() in _TRUE:
            return True
        if text.lower() in _FALSE:
            return False
        raise NotKnownError(f"the condition {self._text!r} is neither true nor false, but {text!r}")

    def _ordered(self, left: str, sign: str, right: str) -> bool:
        if self._is_skipping:
            return True
        one, other = _number(left), _number(right)
        if one is not None and other is not None:
            return _ORDERS[sign](one, other)
        try:
            before, after = version_key(left), version_key(right)
            return _ORDERS[sign]((before > after) - (before < after), 0)
        except ValueError as error:
            raise NotKnownError(f"the condition {self._text!r} compares {left!r} with {right!r}") from error

    def _take(self, text: str) -> bool:
        if self._at < len(self._tokens):
            token = self._tokens[self._at]
            if token.kind in ("sign", "word") and token.text.lower() == text:
                self._at += 1
                return True
        return False

    def _wrong(self) -> NotKnownError:
        return NotKnownError(f"the condition {self._text!r} cannot be read")


def _equal(left: str, right: str) -> bool:
    one, other = _number(left), _number(right)
    if one is not None and other is not None:
        return one == other
    for words, opposite in ((_TRUE, _FALSE), (_FALSE, _TRUE)):
        if left.lower() in words and right.lower() in (*words, *opposite):
            return right.lower() in words
    return left.lower() == right.lower()


def _number(text: str) -> float | None:
    if _HEXADECIMAL.fullmatch(text):
        return float(int(text, 16))
    return float(text) if _DECIMAL.fullmatch(text) else None


def _tokens(text: str) -> list[_Token]:
    found, at = [], 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        token, at = _token(text, at)
        found.append(token)
    return found


def _token(text: str, at: int) -> tuple[_Token, int]:
    if text[at] == "'":
        end = _text_end(text, at)
        return _Token("text", text[at + 1 : end]), end + 1
    if text.startswith("$(", at):
        end = closing(text, at + 1)
        return _Token("text", text[at : end + 1]), end + 1
    sign = next((one for one in _SIGNS if text.startswith(one, at)), "")
    if sign:
        return _Token("sign", sign), at + len(sign)
    word = _WORD.match(text, at)
    if word is None:
        raise NotKnownError(f"the condition {text!r} cannot be read")
    if text.startswith("(", word.end()):
        end = closing(text, word.end())
        return _Token("call", word[0], text[word.end() + 1 : end]), end + 1
    return _Token("word", word[0]), word.end()


def _text_end(text: str, at: int) -> int:
    """Return where a quoted text ends; quotes of functions within it do not end it."""
    place = at + 1
    while place < len(text):
        if text.startswith("$(", place):
            place = closing(text, place + 1)
        elif text[place] == "'":
            return place
        place += 1
    raise NotKnownError(f"the condition {text!r} has a quote that is not closed")
