"""Values of .tsk: literals, lists, objects, references, calls and operators, by precedence climbing."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from outrider.core.errors import InvalidConfigError
from outrider.core.tsk.faults import QUOTES, fault
from outrider.core.tsk.nodes import (
    Binary,
    CallOf,
    ListOf,
    Literal,
    Node,
    ObjectOf,
    Range,
    Ref,
    Scope,
    Source,
    Ternary,
    Unary,
)
from outrider.core.tsk.scanner import NEWLINE, Tokens

MAX_DEPTH = 64
MAX_OPERATORS = 100
LEVELS = {"||": 1, "|": 1, "&&": 2, "==": 3, "!=": 3, "<": 3, ">": 3, "<=": 3, ">=": 3,
           "+": 4, "-": 4, "*": 5, "/": 5, "%": 5}  # fmt: skip
COMPARISON = 3
_LITERALS = frozenset({"string", "number"})
_CONSTANTS = {"true": True, "false": False, "null": None}
_SCOPES: dict[str, Scope] = {"env": "env", "var": "var"}
# What other readers of such files run or change, and what to use in its place.
_REFUSED = {
    "lambda": "a call", "each": "one entry per call", "map": "one entry per call", "query": "a call of an operation",
    "learn": "a plain value", "optimize": "a plain value", "fujsen": "a call of an operation", "include": "one file",
}  # fmt: skip


class ExpressionParser:
    """Reads values from tokens.

    Args:
        source: For places.
        tokens: The file.
    """

    def __init__(self, source: Source, tokens: Tokens) -> None:
        self.source = source
        self.tokens = tokens
        self.index = 0
        self._depth = 0
        self._readers: dict[str, Callable[[int], Node]] = {
            "word": self._word, "global": self._global, "at": self._call_or_reference, "range": self._range,
            "[": self._list, "{": self._object, "(": self._group,
        }  # fmt: skip

    @property
    def kind(self) -> str:
        """What the next token is."""
        return self.tokens.kinds[self.index]

    @property
    def at(self) -> int:
        """Where the next token begins."""
        return self.tokens.places[self.index]

    def take(self) -> Any:
        """Pass the next token and return what it stands for."""
        self.index += 1
        return self.tokens.values[self.index - 1]

    def expect(self, sign: str, what: str) -> None:
        """Pass a sign.

        Raises:
            InvalidConfigError: Another token is there.
        """
        if self.kind != sign:
            raise self.unexpected(what)
        self.index += 1

    def value(self) -> Node:
        """Read a value."""
        condition = self._binary(1)
        if self.tokens.kinds[self.index] != "?":
            return condition
        at = self.at
        self._pass_operator()
        with self.deeper():
            yes = self.value()
            self._skip_newlines()
            self.expect(":", "':' of `condition ? yes : no`")
            self._skip_newlines()
            return Ternary(condition, yes, self.value(), at)

    def _binary(self, lowest: int) -> Node:
        kinds = self.tokens.kinds
        left = self._unary()
        length = 0
        while (operator := kinds[self.index]) in LEVELS and (level := LEVELS[operator]) >= lowest:
            at = self.at
            self._pass_operator()
            right = self._binary(level + 1)
            left = Binary("||" if operator == "|" else operator, left, right, at)
            length += 1
            if length > MAX_OPERATORS:  # the tree grows by a level with each
                raise fault(
                    self.source, at, f"more than {MAX_OPERATORS} operators in a row", expected=f"at most {MAX_OPERATORS}",
                    fix="give parts of it names of their own",
                )  # fmt: skip
            if level == COMPARISON and LEVELS.get(self.kind) == COMPARISON:
                raise fault(
                    self.source, self.at, "a comparison of a comparison", found=self.kind,
                    fix="write both with && between them",
                )  # fmt: skip
        return left

    def _pass_operator(self) -> None:
        self.index += 1
        self._skip_newlines()

    def _skip_newlines(self) -> None:
        while self.kind == NEWLINE:
            self.index += 1

    def _unary(self) -> Node:
        tokens, index = self.tokens, self.index
        kind, at = tokens.kinds[index], tokens.places[index]
        if kind in _LITERALS:
            self.index = index + 1
            return Literal(tokens.values[index], at)
        if kind in ("!", "-"):
            self.index += 1
            with self.deeper():
                return Unary(kind, self._unary(), at)
        read = self._readers.get(kind)
        if read is None:
            raise self.unexpected("a value", fix=QUOTES)
        return read(at)

    def _global(self, at: int) -> Node:
        return Ref("global", self.take(), self._fields(), at)

    def _range(self, at: int) -> Node:
        low, high = self.take()
        return Range(low, high, at)

    def _word(self, at: int) -> Node:
        word = self.take()
        if word in _CONSTANTS:
            return Literal(_CONSTANTS[word], at)
        if self.kind == "(":
            raise fault(self.source, at, f"'{word}' is called without @", found=f"{word}(", fix=f"write @{word}(...)")
        return Ref("local", word, self._fields(), at)

    def _fields(self) -> tuple[str, ...]:
        names = []
        while self.kind == "field":
            names.append(str(self.take()))
        if names and self.kind == "(":
            raise fault(
                self.source, self.at, f"'.{names[-1]}(...)' is a method, and values have none", found=f".{names[-1]}(",
                fix="read the field without brackets, or call an operation",
            )  # fmt: skip
        return tuple(names)

    def _call_or_reference(self, at: int) -> Node:
        name = str(self.take())
        if name in _REFUSED:
            raise fault(
                self.source, at, f"@{name} is not run here", found=f"@{name}", fix=f"use {_REFUSED[name]} instead"
            )
        if self.kind == "(":
            return self._call(name, at)
        verb = str(self.take()) if self.kind == "field" else ""
        if verb and self.kind == "(":
            return self._call(f"{name}.{verb}", at)
        if name not in _SCOPES or not verb:
            raise fault(
                self.source, at, f"@{name} is neither called nor a variable", found=f"@{name}",
                expected="@name(...), @env.NAME or @var.NAME", fix=f'write @{name}("operation", ...)',
            )  # fmt: skip
        return Ref(_SCOPES[name], verb, self._fields(), at)

    def _call(self, name: str, at: int) -> CallOf:
        self.index += 1
        arguments = self._items(")")
        return CallOf(name, arguments, self._fields(), at)

    def _list(self, at: int) -> ListOf:
        self.index += 1
        return ListOf(self._items("]"), at)

    def _items(self, closing: str) -> list[Node]:
        items: list[Node] = []
        with self.deeper():
            while self.kind != closing:
                items.append(self.value())
                if self.kind == ",":
                    self.index += 1
                elif self.kind != closing:
                    raise self.unexpected(f"',' or '{closing}'", fix="put a comma between the values")
        self.index += 1
        return items

    def _object(self, at: int) -> ObjectOf:
        self.index += 1
        pairs: dict[str, Node] = {}
        keys: dict[str, int] = {}
        with self.deeper():
            while True:
                while self.kind in (NEWLINE, ","):
                    self.index += 1
                if self.kind == "}":
                    break
                self._pair(pairs, keys)
                if self.kind not in (NEWLINE, ",", "}"):
                    raise self.unexpected("',' or '}'", fix="put a comma or a new line between the fields")
        self.index += 1
        return ObjectOf(pairs, keys, at)

    def _pair(self, pairs: dict[str, Node], keys: dict[str, int]) -> None:
        at = self.at
        if self.kind not in ("key", "word", "string"):
            raise self.unexpected("a field's name", fix="write name: value")
        key = str(self.take())
        if self.kind not in (":", "="):
            raise self.unexpected(f"':' after the field '{key}'", fix=f"write {key}: value")
        self._pass_operator()
        if key in pairs:
            raise fault(
                self.source, at, f"'{key}' is given twice", found=f"first at {self.source.place(keys[key])}",
                fix=f"remove one '{key}'",
            )  # fmt: skip
        pairs[key], keys[key] = self.value(), at

    def _group(self, at: int) -> Node:
        del at
        self.index += 1
        with self.deeper():
            inner = self.value()
        self.expect(")", "')'")
        return inner

    @contextmanager
    def deeper(self) -> Iterator[None]:
        """Count a level of nesting while something inside is read.

        Raises:
            InvalidConfigError: There are more than 64.
        """
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise fault(
                self.source, self.tokens.places[self.index - 1], f"nested deeper than {MAX_DEPTH} levels", expected=f"at most {MAX_DEPTH} levels",
                fix="flatten it",
            )  # fmt: skip
        yield
        self._depth -= 1

    def unexpected(self, expected: str, *, fix: str = "") -> InvalidConfigError:
        """Return the error for the next token."""
        kind, value = self.kind, self.tokens.values[self.index]
        found = {"newline": "the end of the line", "end": "the end of the file"}.get(kind)
        found = found or (kind if value is None else f"{kind} {str(value)[:40]!r}")
        return fault(
            self.source,
            self.at,
            f"expected {expected}, found {found}",
            found=found,
            expected=expected,
            fix=fix or QUOTES,
        )
