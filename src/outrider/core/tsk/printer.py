"""From a tree back to text, so that reading the text gives the same tree."""

import re
from collections.abc import Iterator

from outrider.core.tsk.expressions import COMPARISON, LEVELS
from outrider.core.tsk.nodes import (
    Binary,
    CallOf,
    ListOf,
    Literal,
    Node,
    ObjectOf,
    Range,
    Ref,
    Scalar,
    Table,
    Ternary,
    Unary,
)

_WORD = re.compile(r"[A-Za-z_][\w-]*", re.ASCII)
_GLOBAL = re.compile(r"\$[A-Za-z_]\w*(?:-[A-Za-z_]\w*)*", re.ASCII)
_ESCAPES = {"\n": "\\n", "\t": "\\t", "\r": "\\r", '"': '\\"', "\\": "\\\\"}
_SPECIAL = re.compile(r'[\x00-\x1f\x7f"\\]')
_INDENT = "  "
_TIGHTEST = 9


def print_table(table: Table, depth: int = 0) -> str:
    """Return the entries of a table, one below the other; tables inside it as blocks."""
    return "".join(f"{_INDENT * depth}{line}\n" for line in _lines(table, depth))


def _lines(table: Table, depth: int) -> Iterator[str]:
    for name, value in table.entries.items():
        if isinstance(value, Table):
            yield f"{_key(name)} {{\n{print_table(value, depth + 1)}{_INDENT * depth}}}"
        else:
            yield f"{_key(name)}: {print_node(value)}"


def print_node(node: Node) -> str:
    """Return a value on one line."""
    return _text(node, 0)


def _text(node: Node, level: int) -> str:
    """Return a value, in brackets where what stands around it binds tighter than `level` allows."""
    match node:
        case Literal(value=value):
            text = _scalar(value)
        case Range(low=low, high=high):
            text = f"{low}-{high}"
        case Ref():
            text = _reference(node)
        case ListOf(items=items):
            text = f"[{', '.join(map(print_node, items))}]"
        case ObjectOf(pairs=pairs):
            inner = ", ".join(f"{_key(name)}: {print_node(value)}" for name, value in pairs.items())
            text = f"{{ {inner} }}" if inner else "{}"
        case CallOf(name=name, arguments=arguments, fields=fields):
            text = "".join([f"@{name}({', '.join(map(print_node, arguments))})", *(f".{field}" for field in fields)])
        case _:
            text = _operation(node, level)
    return text


def _scalar(value: Scalar) -> str:
    if isinstance(value, str):
        return _string(value)
    if value is None or isinstance(value, bool):
        return {True: "true", False: "false", None: "null"}[value]
    return repr(value)


def _operation(node: Unary | Binary | Ternary, level: int) -> str:
    match node:
        case Unary(operator=operator, operand=operand):
            return f"{operator}{_text(operand, _TIGHTEST)}"
        case Binary(operator=operator, left=left, right=right):
            own = LEVELS[operator]
            text = f"{_text(left, own + (own == COMPARISON))} {operator} {_text(right, own + 1)}"
            return f"({text})" if own < level else text
        case Ternary(condition=condition, yes=yes, no=no):
            text = f"{_text(condition, 1)} ? {_text(yes, 0)} : {_text(no, 0)}"
            return f"({text})" if level else text


def _reference(node: Ref) -> str:
    prefix = {"local": "", "global": "$", "env": "@env.", "var": "@var."}[node.scope]
    return "".join([prefix, node.name, *(f".{field}" for field in node.fields)])


def _key(name: str) -> str:
    return name if _WORD.fullmatch(name) or _GLOBAL.fullmatch(name) else _string(name)


def _string(text: str) -> str:
    return '"' + _SPECIAL.sub(lambda match: _ESCAPES.get(match[0], f"\\u{ord(match[0]):04x}"), text) + '"'
