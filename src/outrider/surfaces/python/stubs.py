"""Stubs for type checkers, from the types of the operations."""

import types
from collections.abc import Iterator
from enum import Enum
from inspect import Parameter
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import msgspec

from outrider.core.quantities import QUANTITIES
from outrider.core.registry import Registry
from outrider.runtime.implementation import Operation, load_operation
from outrider.surfaces.python.typed import operation_signature

_PLAIN = {**dict.fromkeys(QUANTITIES, "str"), types.NoneType: "None", Any: "Any"}


def package_stub(registry: Registry) -> str:
    """Return the stub of `outrider.operations`: the families that are built in."""
    lines = [
        f"from outrider.operations import {name} as {name}"
        for name in sorted(family.name.replace("-", "_") for family in registry.families.values() if not family.origin)
    ]
    return "\n".join(lines) + "\n"


def family_stub(registry: Registry, name: str) -> str:
    """Return the stub of a family's functions."""
    family, _ = registry.family(name)
    operations = [load_operation(registry, family.name, operation.name) for operation in family.declaration.operations]
    writer = _Writer({operation.declaration.name for operation in operations})
    functions = [writer.function(operation) for operation in operations]
    imports = sorted(f"from {module} import {name}" for module, name in writer.imports)
    return "\n".join([*imports, "", *functions]) + "\n"


class _Writer:
    def __init__(self, taken: set[str]) -> None:
        self._taken = taken
        self.imports: set[tuple[str, str]] = set()

    def function(self, operation: Operation) -> str:
        parameters = operation_signature(operation.code.params, operation.declaration.positional).parameters.values()
        result = self._name(operation.code.result)
        return (
            f"async def {operation.declaration.name}({', '.join(self._parameters(list(parameters)))}) -> {result}: ..."
        )

    def _parameters(self, parameters: list[Parameter]) -> Iterator[str]:
        starred = False
        for parameter in parameters:
            if parameter.kind is Parameter.KEYWORD_ONLY and not starred:
                starred = True
                yield "*"
            default = "" if parameter.default is Parameter.empty else " = ..."
            yield f"{parameter.name}: {self._text(parameter.annotation)}{default}"

    def _text(self, annotation: Any) -> str:
        origin, arguments = get_origin(annotation), get_args(annotation)
        if origin is Annotated:
            return self._text(arguments[0])
        if origin is Literal:
            self.imports.add(("typing", "Literal"))
            return f"Literal[{', '.join(map(repr, arguments))}]"
        if origin in (Union, types.UnionType):
            return " | ".join(dict.fromkeys(map(self._text, arguments)))
        if origin in (list, dict):
            return f"{self._built_in(origin.__name__)}[{', '.join(map(self._text, arguments))}]"
        return self._bare(annotation)

    def _built_in(self, name: str) -> str:
        """Return the name of a built-in type, also where an operation has the same."""
        if name not in self._taken:
            return name
        self.imports.add(("builtins", f"{name} as {name}_type"))
        return f"{name}_type"

    def _bare(self, annotation: Any) -> str:
        if annotation is Any:
            self.imports.add(("typing", "Any"))
        if annotation in _PLAIN:
            return _PLAIN[annotation]
        if issubclass(annotation, msgspec.Struct):
            self.imports.add(("typing", "Any"))
            return f"{self._name(annotation)} | dict[str, Any]"
        return "str" if issubclass(annotation, Enum) else str(annotation.__name__)

    def _name(self, model: type) -> str:
        self.imports.add((model.__module__, model.__name__))
        return model.__name__
