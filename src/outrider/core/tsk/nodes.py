"""The tree that a file of calls stands for, whether it was written in .tsk, YAML or JSON. Nothing in it runs by itself.

`at` is a place in the source; `Source.place` turns it into `file:line:column`.
"""

from bisect import bisect_right
from collections.abc import Sequence
from typing import Literal as OneOf

import msgspec

from outrider.core.source import Position

# The nodes are left out of the search for reference cycles (gc=False): a tree has none, and the search costs a third of reading.
Scope = OneOf["local", "global", "env", "var"]
Scalar = str | int | float | bool | None


class Literal(msgspec.Struct, frozen=True, gc=False):
    """A value that stands for itself."""

    value: Scalar
    at: int


class Range(msgspec.Struct, frozen=True, gc=False):
    """Two whole numbers with a hyphen between them, the lower one first."""

    low: int
    high: int
    at: int


class Ref(msgspec.Struct, frozen=True, gc=False):
    """A name: a key of the same table, `$global`, `@env.NAME` or `@var.NAME`; `fields` are read from its value."""

    scope: Scope
    name: str
    fields: tuple[str, ...]
    at: int


class ListOf(msgspec.Struct, frozen=True, gc=False):
    """A list."""

    items: list["Node"]
    at: int


class ObjectOf(msgspec.Struct, frozen=True, gc=False):
    """An object; `keys` holds the place of each key."""

    pairs: dict[str, "Node"]
    keys: dict[str, int]
    at: int


class CallOf(msgspec.Struct, frozen=True, gc=False):
    """A call of an operation or of a built-in function; `fields` are read from its result."""

    name: str
    arguments: list["Node"]
    fields: tuple[str, ...]
    at: int


class Unary(msgspec.Struct, frozen=True, gc=False):
    """`!` or `-` before a value."""

    operator: str
    operand: "Node"
    at: int


class Binary(msgspec.Struct, frozen=True, gc=False):
    """Two values with an operator between them; `at` is the operator's place."""

    operator: str
    left: "Node"
    right: "Node"
    at: int


class Ternary(msgspec.Struct, frozen=True, gc=False):
    """`condition ? yes : no`."""

    condition: "Node"
    yes: "Node"
    no: "Node"
    at: int


Node = Literal | Range | Ref | ListOf | ObjectOf | CallOf | Unary | Binary | Ternary


class Table(msgspec.Struct):
    """A section or block: values and further tables by key. A key that begins with `$` is known in the whole file."""

    at: int
    entries: dict[str, "Node | Table"] = {}
    keys: dict[str, int] = {}


class Source:
    """A file that was read.

    Args:
        name: What errors call it.
        text: Its content, where `at` is an offset into it.
        positions: Where it is not: the places by number.
    """

    def __init__(self, name: str, text: str = "", positions: Sequence[Position] = ()) -> None:
        self.name = name
        self.text = text
        self._positions = positions
        self._lines: list[int] = []

    def position(self, at: int) -> Position:
        """Return line and column of a place."""
        if self._positions:
            return self._positions[at]
        if not self._lines:
            self._lines = [0, *(offset + 1 for offset, sign in enumerate(self.text) if sign == "\n")]
        line = bisect_right(self._lines, at)
        return Position(self.name, line, at - self._lines[line - 1] + 1)

    def place(self, at: int) -> str:
        """Return `file:line:column`."""
        return str(self.position(at))


class File(msgspec.Struct):
    """A file as a whole."""

    source: Source
    root: Table
