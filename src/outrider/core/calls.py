"""Call forms: one normalisation from what a person wrote to (family, operation, parameters), the same for every door."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from outrider.core.errors import InvalidConfigError, UnknownOperationError
from outrider.core.operation import OperationDeclaration
from outrider.core.registry import Family, Registry
from outrider.core.schema import describe

VERB_FIELDS = ("action", "operation")


class Call(msgspec.Struct, frozen=True):
    """A normalised call; its canonical text is `kubernetes.get {"kind": "pods"}`."""

    family: str
    operation: str
    params: dict[str, Any]

    @property
    def name(self) -> str:
        """`family.operation`."""
        return f"{self.family}.{self.operation}"


def normalise(registry: Registry, name: str, arguments: Sequence[Any]) -> Call:
    """Bring `@name(arguments...)` into its canonical form.

    Form A is positional: `("get", "pods", {"namespace": "shop"})`; form B is one object: `({"action": "get", ...},)`.
    An exact `family.operation` in `name` gives the verb too, as in `call: host.http_check`.

    Raises:
        InvalidConfigError: The call fits neither form, or gives a parameter twice.
        UnknownOperatorError: No such family.
        UnknownOperationError: No such operation.
    """
    family_name, dot, verb = name.partition(".")
    family, preset = registry.family(family_name)
    if dot:
        return _positional(family, preset, [verb, *arguments])
    if not arguments:
        raise _without_verb(family)
    if len(arguments) == 1 and isinstance(arguments[0], Mapping):
        return _from_options(family, preset, arguments[0])
    if isinstance(arguments[0], str):
        return _positional(family, preset, arguments)
    raise InvalidConfigError(
        f"@{family.name}: the first argument is neither an operation's name nor the options",
        found=type(arguments[0]).__name__,
        expected='("operation", ..., {options}) or ({ action: "operation", ... })',
        suggestions=[f'write @{family.name}("{_first_operation(family)}", ...)'],
    )


def _from_options(family: Family, preset: Mapping[str, object], options: Mapping[str, Any]) -> Call:
    verbs = [field for field in VERB_FIELDS if field in options]
    if not verbs:
        raise _without_verb(family)
    if len(verbs) > 1:
        raise InvalidConfigError(
            f"@{family.name}: 'action' and 'operation' are both given",
            found=" and ".join(describe(options[field]) for field in verbs),
            suggestions=["remove 'operation'"],
        )
    verb = options[verbs[0]]
    if not isinstance(verb, str):
        raise InvalidConfigError(
            f"@{family.name}: '{verbs[0]}' is not a name",
            found=describe(verb),
            expected="the name of an operation",
            suggestions=[f'write {verbs[0]}: "{_first_operation(family)}"'],
        )
    rest = {key: value for key, value in options.items() if key != verbs[0]}
    return _positional(family, preset, [verb, rest])


def _positional(family: Family, preset: Mapping[str, object], arguments: Sequence[Any]) -> Call:
    operation, verb_preset = family.operation(arguments[0])
    call = f"{family.name}.{operation.name}"
    values = list(arguments[1:])
    options = values.pop() if values and isinstance(values[-1], Mapping) else {}
    if any(isinstance(value, Mapping) for value in values):
        raise InvalidConfigError(
            f"{call}: the options object must be the last argument",
            expected=signature(family, operation),
            suggestions=["put all options into one object at the end"],
        )
    presets: dict[str, Any] = dict(preset)
    _add_fixed(presets, verb_preset, call)
    free = [field for field in operation.positional if field not in presets]
    if operation.variadic and free and free[-1] == operation.positional[-1]:
        values = _gathered(values, len(free) - 1)
    if len(values) > len(free):
        raise InvalidConfigError(
            f"{call}: {len(values)} positional arguments",
            found=", ".join(map(describe, values)),
            expected=signature(family, operation),
            suggestions=["give the others by name, in the options"],
        )
    positional = dict(zip(free, values, strict=False))
    for key in options:
        if key in positional:
            raise InvalidConfigError(
                f"{call}: '{key}' is given twice, as argument and in the options",
                path=f"$.{key}",
                found=f"{describe(positional[key])} and {describe(options[key])}",
                suggestions=[f"remove '{key}' from the options"],
            )
    params = presets | positional
    _add_fixed(params, options, call)
    return Call(family.name, operation.name, params)


def _gathered(values: list[Any], first: int) -> list[Any]:
    """Return positional arguments with those from one on as a list, unless that is what was given."""
    rest = values[first:]
    return values if not rest or (len(rest) == 1 and isinstance(rest[0], list)) else [*values[:first], rest]


def _add_fixed(params: dict[str, Any], further: Mapping[str, Any], call: str) -> None:
    """Add parameters to those that the called name fixes; a repetition must say the same."""
    for key, value in further.items():
        if key in params and params[key] != value:
            raise InvalidConfigError(
                f"{call}: '{key}' is {describe(params[key])} by the name that was called",
                path=f"$.{key}",
                found=describe(value),
                expected=describe(params[key]),
                suggestions=[f"remove '{key}', or call {call} by its own name"],
            )
        params[key] = value


def signature(family: Family, operation: OperationDeclaration) -> str:
    """Return the call's form A, for errors and help: `@host("http_check", url, { ... })`."""
    further = ["..."] if operation.variadic else []
    words = [f'"{operation.name}"', *operation.positional, *further, "{ ... }"]
    return f"@{family.name}({', '.join(words)})"


def _first_operation(family: Family) -> str:
    return family.declaration.operations[0].name


def _without_verb(family: Family) -> InvalidConfigError | UnknownOperationError:
    names = [operation.name for operation in family.declaration.operations]
    return InvalidConfigError(
        f"@{family.name}: no operation is named",
        expected=f"one of {', '.join(names)}",
        suggestions=[f'write @{family.name}("{names[0]}", ...)'],
    )
