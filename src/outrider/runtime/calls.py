"""Checking a call that is written in a file, before anything runs."""

from collections.abc import Collection
from typing import Any

from outrider.core.calls import normalise
from outrider.core.errors import InvalidConfigError, collected
from outrider.core.operation import OperationDeclaration
from outrider.core.schema import convert
from outrider.core.source import Path, format_path
from outrider.runtime.discovery import registry
from outrider.runtime.implementation import load_operation


def validate_call(name: str, params: dict[str, Any], *, unknown: Collection[Path] = ()) -> OperationDeclaration:
    """Check `call: family.operation` with its parameters and return the operation's declaration.

    Args:
        name: Family and operation.
        params: The parameters.
        unknown: Paths in them whose values are known only when it runs; they fit for now.

    Raises:
        UnknownOperatorError: No such family.
        UnknownOperationError: No such operation.
        InvalidConfigError: The parameters do not fit; all faults, with paths below `with`.
    """
    call = normalise(registry(), name, [params])
    operation = load_operation(registry(), call.family, call.operation)
    try:
        convert(call.params, operation.code.params, base=("with",))
    except InvalidConfigError as error:
        left_open = {format_path(("with", *path)) for path in unknown}
        faults = [fault for fault in error.causes or [error] if fault.path not in left_open]
        if faults:
            raise collected(faults) from error
    return operation.declaration


def call_targets(name: str, params: dict[str, Any]) -> tuple[str, ...]:
    """Return what a valid call acts on, each as `kind/name`, for policies."""
    call = normalise(registry(), name, [params])
    operation = load_operation(registry(), call.family, call.operation)
    return operation.code.targets(convert(call.params, operation.code.params, base=("with",)))
