"""Values that are written out, so that they are known without evaluating anything."""

from typing import Any

from outrider.core.tsk.nodes import ListOf, Literal, Node, ObjectOf, Range, Unary


class NotWrittenError(Exception):
    """A value is only known when the file is evaluated."""


def written(node: Node) -> Any:
    """Return a value that is written out, as plain data.

    Raises:
        NotWrittenError: It is a reference, a call or a computation.
    """
    match node:
        case Literal(value=value):
            return value
        case Range(low=low, high=high):
            return {"from": low, "to": high}
        case Unary(operator="-", operand=Literal(value=int() | float() as value)):
            return -value
        case ListOf(items=items):
            return [written(item) for item in items]
        case ObjectOf(pairs=pairs):
            return {name: written(value) for name, value in pairs.items()}
    raise NotWrittenError
