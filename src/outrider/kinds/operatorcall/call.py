from typing import Any

from outrider.core.calls import Call, normalise
from outrider.core.errors import InvalidConfigError
from outrider.core.schema import describe
from outrider.core.tsk.nodes import CallOf
from outrider.core.tsk.parser import parse
from outrider.core.tsk.written import NotWrittenError, written
from outrider.runtime.discovery import registry

_FORMS = '`family.operation`, `@family("operation", ...)`, or {call: family.operation, with: {...}}'


def read_call(operator: str | dict[str, Any]) -> Call:
    """Return the call that `spec.operator` stands for, in any of its forms.

    Raises:
        InvalidConfigError: It is no call, or its parameters are not written out.
        UnknownOperatorError: No such family.
        UnknownOperationError: No such operation.
    """
    name, arguments = _from_text(operator) if isinstance(operator, str) else _from_tree(operator)
    return normalise(registry(), name, arguments)


def _from_text(text: str) -> tuple[str, list[Any]]:
    if not text.lstrip().startswith("@"):
        if "." not in text:
            raise _no_call(text)
        return text, []
    node = parse(f"call: {text}", "operator").root.entries["call"]
    if not isinstance(node, CallOf) or node.fields:
        raise _no_call(text)
    try:
        return node.name, [written(argument) for argument in node.arguments]
    except NotWrittenError as error:
        raise InvalidConfigError(
            "a scheduled call takes values that are written out",
            found=text[:80],
            suggestions=["write the value in place of the reference or computation"],
        ) from error


def _from_tree(tree: dict[str, Any]) -> tuple[str, list[Any]]:
    if set(tree) <= {"call", "with"} and isinstance(tree.get("call"), str):
        return tree["call"].removeprefix("@"), [tree.get("with", {})]
    name = next(iter(tree), "")
    if len(tree) != 1 or not name.startswith("@"):
        raise _no_call(tree)
    value = tree[name]
    return name, value if isinstance(value, list) else [] if value is None else [value]


def _no_call(found: Any) -> InvalidConfigError:
    return InvalidConfigError(
        "not a call", found=describe(found), expected=_FORMS, suggestions=["write for example operator: host.disk"]
    )
