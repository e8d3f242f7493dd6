"""The OpenAPI document: what the framework knows of the fixed routes, and a path for each operation."""

from collections.abc import Iterator
from typing import Any

from litestar import Litestar

from outrider.core.errors import ErrorBody
from outrider.core.operation import Effect
from outrider.core.plans import Plan, PlanState
from outrider.core.registry import Registry
from outrider.core.schema import schema_with_components
from outrider.runtime.implementation import Operation
from outrider.surfaces.mcp.catalogue import arguments_schema, operation_tools

_PARAMETERS = [
    {"name": "timeout", "in": "query", "description": "Deadline of the whole call, such as 30s", "schema": {"type": "string"}},
    {"name": "traceparent", "in": "header", "description": "W3C Trace Context", "schema": {"type": "string"}},
]  # fmt: skip
_CHANGE_PARAMETERS = [
    {"name": "mode", "in": "query", "description": "plan shows the change, apply makes it",
     "schema": {"type": "string", "enum": ["plan", "apply"], "default": "plan"}},
    {"name": "Idempotency-Key", "in": "header", "description": "A repeated request with the same key does nothing twice",
     "schema": {"type": "string", "minLength": 1, "maxLength": 255}},
]  # fmt: skip
_ERROR_ANSWER = {"$ref": "#/components/responses/Error"}


def document(app: Litestar, registry: Registry) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document of the application with the operations of a registry."""
    found: dict[str, Any] = app.openapi_schema.to_schema()
    components: dict[str, Any] = found.setdefault("components", {}).setdefault("schemas", {})
    envelope = {"type": "object", "required": ["error"], "properties": {"error": _schema(ErrorBody, "", components)}}
    found["components"]["responses"] = {"Error": _answer("What is wrong and what to do", envelope)}
    for path in found["paths"].values():
        for route in path.values():
            route["responses"] = {status: answer for status, answer in route["responses"].items() if status < "300"} | {
                "default": _ERROR_ANSWER
            }
    for name, operation in operation_tools(registry).items():
        route = f"/v1/operators/{operation.family}/{operation.declaration.name}"
        found["paths"][route] = {"post": _route(name, operation, components)}
    found["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    found["security"] = [{"token": []}]
    return found


def _route(name: str, operation: Operation, components: dict[str, Any]) -> dict[str, Any]:
    declaration = operation.declaration
    changes = declaration.effect is not Effect.READ
    return {
        "operationId": name,
        "summary": declaration.summary,
        "description": f"Effect: {declaration.effect}. Codes of its own: {', '.join(declaration.errors) or 'none'}.",
        "tags": [operation.family],
        "deprecated": bool(declaration.deprecated),
        "parameters": [*_PARAMETERS, *(_CHANGE_PARAMETERS if changes else [])],
        "requestBody": {
            "required": "required" in arguments_schema(operation.code.params),
            "content": {"application/json": {"schema": _schema(operation.code.params, f"{name}.", components)}},
        },
        "responses": dict(_answers(name, operation, components)),
    }


def _answers(name: str, operation: Operation, components: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    result = _schema(operation.code.result, f"{name}.", components)
    if operation.declaration.effect is Effect.READ:
        yield "200", _answer("The result", result)
    else:
        plan = _schema(Plan, "", components)
        yield "200", _answer("The plan; with mode=apply the result", {"anyOf": [plan, result]})
        yield "202", _answer("It is being applied", _schema(PlanState, "", components))
    yield "default", _ERROR_ANSWER


def _answer(description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _schema(target: Any, prefix: str, components: dict[str, Any]) -> dict[str, Any]:
    """Return a type's schema; the models in it become components, under a prefix that keeps equal names apart."""
    schema, found = schema_with_components(target, f"#/components/schemas/{prefix}{{name}}")
    components.update({f"{prefix}{name}": model for name, model in found.items()})
    return schema
