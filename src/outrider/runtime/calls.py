"""Checking a call that is written in a file, before anything runs."""

from typing import Any

from outrider.core.calls import normalise
from outrider.core.operation import OperationDeclaration
from outrider.core.schema import convert
from outrider.runtime.discovery import registry
from outrider.runtime.implementation import load_operation


def validate_call(name: str, params: dict[str, Any]) -> OperationDeclaration:
    """Check `call: family.operation` with its parameters and return the operation's declaration.

    Raises:
        UnknownOperatorError: No such family.
        UnknownOperationError: No such operation.
        InvalidConfigError: The parameters do not fit; all faults, with paths below `with`.
    """
    call = normalise(registry(), name, [params])
    operation = load_operation(registry(), call.family, call.operation)
    convert(call.params, operation.code.params, base=("with",))
    return operation.declaration


def call_target(name: str, params: dict[str, Any]) -> str:
    """Return what a valid call acts on, as `kind/name`, for policies."""
    call = normalise(registry(), name, [params])
    operation = load_operation(registry(), call.family, call.operation)
    return operation.code.target(convert(call.params, operation.code.params, base=("with",)))
