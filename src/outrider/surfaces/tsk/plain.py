"""The same tree as plain data, for YAML and JSON.

A call is a mapping with one key that begins with `@`; its value is the options, or the list of arguments. `call` and `with`
say the same without quotes. A table has its name in brackets. Whatever has no form of its own is `{"@": "text as in .tsk"}`.
"""

from collections.abc import Mapping
from typing import Any

from outrider.core.errors import InvalidConfigError, OutriderError
from outrider.core.schema import describe
from outrider.core.source import Path, Position
from outrider.core.tsk.nodes import (
    CallOf,
    File,
    ListOf,
    Literal,
    Node,
    ObjectOf,
    Ref,
    Source,
    Table,
    Unary,
)
from outrider.core.tsk.parser import parse
from outrider.core.tsk.printer import print_node
from outrider.runtime.documents import Document

_EXPRESSION = "@"
_VARIABLE = {"variable"}


def from_document(document: Document, name: str) -> File:
    """Return the tree of a YAML or JSON document.

    Raises:
        InvalidConfigError: Naming line and column.
    """
    reader = _Reader(document, name)
    if not isinstance(document.data, dict):
        raise reader.fault((), "a file of calls is a mapping", document.data, "write name: {...} for each call")
    root = reader.table(document.data, ())
    return File(Source(name, positions=reader.positions), root)


def to_plain(table: Table) -> dict[str, Any]:
    """Return a table as plain data; `from_document` reads the same tree from it."""
    return {
        f"[{name}]" if isinstance(value, Table) else name: to_plain(value)
        if isinstance(value, Table)
        else _plain(value)
        for name, value in table.entries.items()
    }


class _Reader:
    def __init__(self, document: Document, name: str) -> None:
        self.positions: list[Position] = []
        self._document = document
        self._name = name

    def table(self, data: Mapping[str, Any], path: Path) -> Table:
        table = Table(self._place(path))
        for key, value in data.items():
            name = key[1:-1] if key.startswith("[") and key.endswith("]") else key
            if name in table.entries:
                raise self.fault((*path, key), f"'{name}' is given twice", key, f"rename one '{name}'")
            table.keys[name] = self._place((*path, key), of_key=True)
            if name != key:
                if not isinstance(value, dict):
                    raise self.fault((*path, key), f"the table {key} is no mapping", value, f"write {key}: {{...}}")
                table.entries[name] = self.table(value, (*path, key))
            else:
                table.entries[name] = self.node(value, (*path, key))
        return table

    def node(self, data: Any, path: Path) -> Node:
        at = self._place(path)
        if isinstance(data, list):
            return ListOf([self.node(item, (*path, index)) for index, item in enumerate(data)], at)
        if isinstance(data, dict):
            return self._mapping(data, path, at)
        if isinstance(data, int | float) and not isinstance(data, bool) and data < 0:
            return Unary("-", Literal(-data, at), at)
        return Literal(data, at)

    def _mapping(self, data: dict[str, Any], path: Path, at: int) -> Node:
        if len(data) == 1:
            (key, value), *_ = data.items()
            if key == _EXPRESSION:
                return self._expression(value, (*path, key))
            if key.startswith("@") and not key.startswith("@@"):
                return CallOf(key[1:], self._arguments(value, (*path, key)), (), at)
            if key in _VARIABLE and isinstance(value, str):
                return Ref("global", value, (), at)
        if "call" in data and set(data) <= {"call", "with"} and isinstance(data["call"], str):
            given = [self.node(data["with"], (*path, "with"))] if "with" in data else []
            return CallOf(data["call"].removeprefix("@"), given, (), at)
        pairs = {key.removeprefix("@") if key.startswith("@@") else key: self.node(value, (*path, key)) for key, value in data.items()}  # fmt: skip
        keys = {key.removeprefix("@") if key.startswith("@@") else key: self._place((*path, key), of_key=True) for key in data}  # fmt: skip
        return ObjectOf(pairs, keys, at)

    def _arguments(self, value: Any, path: Path) -> list[Node]:
        if isinstance(value, list):
            return [self.node(item, (*path, index)) for index, item in enumerate(value)]
        return [] if value is None else [self.node(value, path)]

    def _expression(self, value: Any, path: Path) -> Node:
        if not isinstance(value, str):
            raise self.fault(path, '"@" takes a text', value, 'write {"@": "$name"}')
        at = self._place(path)
        try:
            node = parse(f"value: {value}", self._name).root.entries["value"]
        except OutriderError as error:
            raise self.fault(path, f'"@": {error.message}', value, error.hint or "correct the text") from error
        assert not isinstance(node, Table)
        moved: Node = _moved(node, at)
        return moved

    def _place(self, path: Path, *, of_key: bool = False) -> int:
        source = self._document.source
        text = source.key(path) if of_key else source.value(path)
        _, line, column = text.rsplit(":", 2) if text.count(":") >= 2 else ("", "1", "1")
        self.positions.append(Position(self._name, int(line), int(column)))
        return len(self.positions) - 1

    def fault(self, path: Path, message: str, found: Any, fix: str) -> InvalidConfigError:
        return InvalidConfigError(
            message, source=self._document.source.value(path), found=describe(found), suggestions=[fix]
        )


def _moved(node: Any, at: int) -> Any:
    """Return a tree whose every place is `at`: the place of the text that it was read from."""
    if isinstance(node, list | tuple):
        return type(node)(_moved(item, at) for item in node)
    if isinstance(node, dict):
        return {key: at if isinstance(value, int) else _moved(value, at) for key, value in node.items()}
    if not hasattr(node, "__struct_fields__"):
        return node
    changed = {name: _moved(getattr(node, name), at) for name in node.__struct_fields__ if name != "at"}
    return type(node)(**changed, at=at)


def _plain(node: Node) -> Any:
    match node:
        case Literal(value=value):
            plain: Any = value
        case Unary(operator="-", operand=Literal(value=int() | float() as number)) if number and number is not True:
            plain = -number
        case ListOf(items=items):
            plain = [_plain(item) for item in items]
        case ObjectOf(pairs=pairs) if not _reads_as_call(pairs):
            plain = {f"@{name}" if name.startswith("@") else name: _plain(value) for name, value in pairs.items()}
        case CallOf(name=name, arguments=[ObjectOf() as options], fields=()):
            plain = {f"@{name}": _plain(options)}
        case CallOf(name=name, arguments=arguments, fields=()):
            plain = {f"@{name}": [_plain(item) for item in arguments]}
        case _:
            plain = {_EXPRESSION: print_node(node)}
    return plain


def _reads_as_call(pairs: Mapping[str, Node]) -> bool:
    """Return whether an object would be taken for something else where it stands as it is."""
    return (set(pairs) == _VARIABLE) or ("call" in pairs and set(pairs) <= {"call", "with"})
