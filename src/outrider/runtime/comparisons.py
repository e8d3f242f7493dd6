"""The common part of CEL as closures: comparisons of a field with a literal, joined with `&&`, `||`, `!`.

A rule is a comparison nine times out of ten, and CEL takes four times as long for one, because it first turns the whole event
into values of its own. What is not in the part that is known here is left to CEL; what is, gives the same answer.
"""

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

Variables = Mapping[str, Any]
# True, False, or None for an error, which CEL's `&&` and `||` can absorb.
Closure = Callable[[Variables], bool | None]
Getter = Callable[[Variables], Any]

_TOKEN = re.compile(
    r"""\s*(?: (?P<string>"[^"\\\n]*"|'[^'\\\n]*')
             | (?P<number>-?\d+(?:\.\d+)?(?![\w.]))
             | (?P<name>[A-Za-z_]\w*)
             | (?P<operator>==|!=|<=|>=|&&|\|\||[<>!().\[\]])
             )""",
    re.VERBOSE,
)
_LITERALS = {"true": True, "false": False, "null": None}
_ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_LARGE = 2**53
_MISSING = object()


class _NotSimpleError(Exception):
    """The text has something that only CEL understands."""


def compile_comparison(text: str, variables: Sequence[str]) -> Closure | None:
    """Return a closure that gives what CEL would, or None where the text is not one of the simple ones.

    Args:
        text: A condition that CEL has compiled.
        variables: Names that it may use.
    """
    try:
        return _Parser(_tokens(text), variables).whole()
    except _NotSimpleError:
        return None


def _tokens(text: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    position, text = 0, text.rstrip()
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None or match.lastgroup is None:
            raise _NotSimpleError
        found.append((match.lastgroup, match[match.lastgroup]))
        position = match.end()
    return found


class _Parser:
    """Recursive descent over the tokens of one condition."""

    def __init__(self, tokens: list[tuple[str, str]], variables: Sequence[str]) -> None:
        self._tokens = [*tokens, ("end", "")]
        self._variables = variables
        self._at = 0

    def whole(self) -> Closure:
        closure = self._either()
        if self._tokens[self._at][0] != "end":
            raise _NotSimpleError
        return closure

    def _accept(self, text: str) -> bool:
        kind, found = self._tokens[self._at]
        if kind == "operator" and found == text:
            self._at += 1
            return True
        return False

    def _expect(self, kind: str, text: str = "") -> str:
        found_kind, found = self._tokens[self._at]
        if found_kind != kind or (text and found != text):
            raise _NotSimpleError
        self._at += 1
        return found

    def _either(self) -> Closure:
        parts = [self._both()]
        while self._accept("||"):
            parts.append(self._both())
        return parts[0] if len(parts) == 1 else _joined(parts, absorbing=True)

    def _both(self) -> Closure:
        parts = [self._negation()]
        while self._accept("&&"):
            parts.append(self._negation())
        return parts[0] if len(parts) == 1 else _joined(parts, absorbing=False)

    def _negation(self) -> Closure:
        if self._accept("!"):
            inner = self._negation()
            return lambda variables: None if (value := inner(variables)) is None else not value
        if self._accept("("):
            inner = self._either()
            self._expect("operator", ")")
            return inner
        return self._comparison()

    def _comparison(self) -> Closure:
        getter = self._field()
        kind, found = self._tokens[self._at]
        if kind == "operator" and (found in _ORDER or found in ("==", "!=")):
            self._at += 1
            return _compared(getter, found, self._literal())
        return _truth(getter)

    def _field(self) -> Getter:
        name = self._expect("name")
        if name not in self._variables:
            raise _NotSimpleError
        keys = [name]
        while True:
            if self._accept("."):
                keys.append(self._expect("name"))
            elif self._accept("["):
                keys.append(self._expect("string")[1:-1])
                self._expect("operator", "]")
            else:
                break
        if self._tokens[self._at] == ("operator", "("):
            raise _NotSimpleError  # a method
        return _getter(keys)

    def _literal(self) -> Any:
        kind, found = self._tokens[self._at]
        self._at += 1
        if kind == "string":
            return found[1:-1]
        if kind == "number":
            return _number(found)
        if kind == "name" and found in _LITERALS:
            return _LITERALS[found]
        raise _NotSimpleError


def _number(text: str) -> int | float:
    number: int | float = float(text) if "." in text else int(text)
    if abs(number) > _LARGE:
        raise _NotSimpleError  # where integers and floating-point numbers part
    return number


def _getter(keys: list[str]) -> Getter:
    def get(variables: Variables) -> Any:
        value: Any = variables
        for key in keys:
            if not isinstance(value, Mapping):
                return _MISSING
            value = value.get(key, _MISSING)
        return value

    return get


def _joined(parts: list[Closure], *, absorbing: bool) -> Closure:
    """Return `||` (absorbing true) or `&&` (absorbing false): that value wins, even over errors."""

    def joined(variables: Variables) -> bool | None:
        result: bool | None = not absorbing
        for part in parts:
            value = part(variables)
            if value is absorbing:
                return absorbing
            if value is None:
                result = None
        return result

    return joined


def _truth(getter: Getter) -> Closure:
    def truth(variables: Variables) -> bool | None:
        value = getter(variables)
        return value if isinstance(value, bool) else None

    return truth


def _compared(getter: Getter, sign: str, literal: Any) -> Closure:
    if sign in ("==", "!="):
        wanted = sign == "=="

        def equal(variables: Variables) -> bool | None:
            value = getter(variables)
            if value is _MISSING:
                return None
            return (_kind(value) == kind and value == literal) is wanted

        kind = _kind(literal)
        return equal
    if not isinstance(literal, int | float | str) or isinstance(literal, bool):
        raise _NotSimpleError
    order = _ORDER[sign]

    def ordered(variables: Variables) -> bool | None:
        value = getter(variables)
        if _kind(value) != kind:
            return None
        return order(value, literal)

    kind = _kind(literal)
    return ordered


def _kind(value: Any) -> str:
    """Return what CEL compares with what: numbers of any type, and else only equal types."""
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int | float):
        return "number"
    return type(value).__name__
