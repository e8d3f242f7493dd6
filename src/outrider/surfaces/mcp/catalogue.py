"""The tools that stand for operations: names, descriptions and schemas from the registry."""

from collections.abc import Iterator
from typing import Any

import msgspec

from outrider.core.errors import OutriderError
from outrider.core.mcp.tools import Annotations, Tool
from outrider.core.operation import Effect
from outrider.core.plans import Plan
from outrider.core.registry import Registry
from outrider.core.schema import bare_schema, json_schema
from outrider.runtime.implementation import Operation, load_operation
from outrider.surfaces.fields import field_helps

_PLANS = {
    Effect.WRITE: " Changes nothing yet: it returns the plan of the change, and plan_apply does it.",
    Effect.DESTROY: " Destroys. Changes nothing yet: it returns the plan, and plan_apply does it.",
}


def operation_tools(registry: Registry) -> dict[str, Operation]:
    """Return every operation that can be used on this machine, by the name of its tool."""
    return {f"{found.family}_{found.declaration.name}": found for found in _usable(registry)}


def _usable(registry: Registry) -> Iterator[Operation]:
    for family in registry.families.values():
        for declaration in family.declaration.operations:
            try:
                yield load_operation(registry, family.name, declaration.name)
            except OutriderError:
                continue  # a library is missing: it cannot run, and so it is no tool


def operation_tool(name: str, operation: Operation, *, planned: bool = True) -> Tool:
    """Describe an operation as a tool; one that changes something is planned by it, unless it is done at once."""
    declaration = operation.declaration
    return Tool(
        name=name,
        title=declaration.summary,
        description=f"{declaration.summary}.{_PLANS.get(declaration.effect, '') if planned else ''}",
        input_schema=arguments_schema(operation.code.params),
        output_schema=_output_schema(operation, planned=planned),
        annotations=Annotations(
            read_only_hint=declaration.effect is Effect.READ,
            destructive_hint=declaration.effect is Effect.DESTROY,
            idempotent_hint=declaration.idempotent or declaration.effect is Effect.READ,
        ),
    )


def arguments_schema(params: type[msgspec.Struct]) -> dict[str, Any]:
    """Return the JSON Schema of a tool's arguments, each with its description; nothing else is accepted."""
    schema = bare_schema(params)
    helps = field_helps(params)
    schema["properties"] = {
        name: {**field, "description": helps[name]} if name in helps else field
        for name, field in schema.get("properties", {}).items()
    }
    return {**schema, "additionalProperties": False}


def _output_schema(operation: Operation, *, planned: bool) -> dict[str, Any] | None:
    if planned and operation.code.narrow is not None:
        return None  # a read by some arguments and a change by others
    return json_schema(Plan if planned and operation.declaration.effect.changes else operation.code.result)
