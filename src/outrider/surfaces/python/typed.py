"""A family's operations as functions, made when they are used."""

import inspect
from collections.abc import Awaitable, Callable
from functools import cache
from typing import Any

import msgspec

from outrider.core.errors import OutriderError
from outrider.core.registry import Family
from outrider.runtime.discovery import registry
from outrider.runtime.implementation import load_operation
from outrider.surfaces.python.calls import call

DEADLINE = "deadline"


@cache
def family_functions(name: str) -> "FamilyFunctions":
    """Return the functions of a family.

    Raises:
        AttributeError: No family has this name, as Python wants it of an import.
    """
    try:
        family, _ = registry().family(name.replace("_", "-"))
    except OutriderError as error:
        raise AttributeError(f"{error.message}; {error.hint}".rstrip("; ")) from error
    return FamilyFunctions(family, name.replace("_", "-"))


class FamilyFunctions:
    """Functions of one family: its operations and their aliases."""

    def __init__(self, family: Family, name: str) -> None:
        self._family = family
        self._name = name

    def __dir__(self) -> list[str]:
        return [operation.name for operation in self._family.declaration.operations]

    def __repr__(self) -> str:
        return f"<operations of @{self._name}>"

    def __getattr__(self, verb: str) -> Callable[..., Awaitable[Any]]:
        """Return the function of an operation."""
        try:
            self._family.operation(verb)
        except OutriderError as error:
            raise AttributeError(f"{error.message}; {error.hint}") from error
        function = _function(self._name, verb)
        setattr(self, verb, function)
        return function


def _function(family: str, verb: str) -> Callable[..., Awaitable[Any]]:
    operation = load_operation(registry(), family, verb)
    signature = operation_signature(operation.code.params, operation.declaration.positional)

    async def function(*arguments: Any, **params: Any) -> Any:
        bound = signature.bind(*arguments, **params).arguments
        deadline = bound.pop(DEADLINE, None)
        return await call(f"{family}.{verb}", dict(bound), timeout=deadline)

    function.__name__ = function.__qualname__ = verb
    function.__doc__ = f"{operation.declaration.summary}."
    function.__signature__ = signature.replace(return_annotation=operation.code.result)  # type: ignore[attr-defined]  # inspect reads it
    return function


def operation_signature(params: type[msgspec.Struct], positional: list[str]) -> inspect.Signature:
    """Return how an operation is called: its positional parameters in order, the others by name, and `deadline` in seconds."""
    fields = {field.encode_name: field for field in msgspec.structs.fields(params)}
    ordered = [*positional, *(name for name in fields if name not in positional)]
    parameters = []
    for name in ordered:
        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD if name in positional else inspect.Parameter.KEYWORD_ONLY
        default = inspect.Parameter.empty if fields[name].required else ...
        parameters.append(inspect.Parameter(name, kind, default=default, annotation=fields[name].type))
    deadline = inspect.Parameter(DEADLINE, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=float | None)
    return inspect.Signature([*parameters, deadline])
