"""The code behind an operation: its types and bodies. One per module `operations/<name>.py`, named OPERATION."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import cache
from typing import Any, Generic, TypeVar

import msgspec

from outrider.core.errors import InternalError
from outrider.core.operation import Change, Effect, OperationDeclaration
from outrider.core.registry import Family, Registry
from outrider.runtime.context import Context
from outrider.runtime.discovery import import_module

P = TypeVar("P", bound=msgspec.Struct)
R = TypeVar("R", bound=msgspec.Struct)
Inverse = tuple[str, dict[str, Any]]


class Implementation(Generic[P, R]):
    """Types and bodies of one operation.

    Args:
        params: Its parameters; defaults live in the type.
        result: Its result.
        run: Does it; must enforce `context.preconditions`.
        plan: Tells what `run` would change, and changes nothing; required for write and destroy.
        target: Names the target as `kind/name`, for policies and audit; all of them where a call acts on several.
        narrow: Returns a weaker effect for particular parameters, such as read where nothing is written.
        inverse: Returns the call (operation, parameters) that undoes a finished one, or None.
        text: Gives the lines in which people read the result on a terminal; a table if None.
        notes: Gives what people are told beside these lines, on stderr, where the lines are a document that goes into a file.
        findings: Whether a result tells of something that wants doing: the command ends with 6 then.
        malformed: Whether a part of the input could not be read, of which the rest was: the command ends with 2 then.
    """

    def __init__(
        self,
        *,
        params: type[P],
        result: type[R],
        run: Callable[[P, Context], Awaitable[R]],
        plan: Callable[[P, Context], Awaitable[Change]] | None = None,
        target: Callable[[P], str | tuple[str, ...]] = lambda _: "",
        narrow: Callable[[P], Effect] | None = None,
        inverse: Callable[[P, Mapping[str, Any]], Inverse | None] | None = None,
        text: Callable[[R], Iterable[str]] | None = None,
        notes: Callable[[R], Iterable[str]] = lambda _: (),
        findings: Callable[[R], bool] = lambda _: False,
        malformed: Callable[[R], bool] = lambda _: False,
    ) -> None:
        self.params = params
        self.result = result
        self.run = run
        self.plan = plan
        self._target = target
        self.narrow = narrow
        self.inverse = inverse
        self.text = text
        self.notes = notes
        self.findings = findings
        self.malformed = malformed

    def targets(self, params: P) -> tuple[str, ...]:
        """Return what a call acts on, each as `kind/name`; at least one."""
        found = self._target(params)
        return (found,) if isinstance(found, str) else found


class Operation(msgspec.Struct, frozen=True):
    """A declaration together with its code."""

    family: str
    declaration: OperationDeclaration
    code: Implementation[Any, Any]

    @property
    def name(self) -> str:
        """`family.operation`."""
        return f"{self.family}.{self.declaration.name}"

    def effect(self, params: Any) -> Effect:
        """Return the effect of a call with these parameters."""
        return self.code.narrow(params) if self.code.narrow else self.declaration.effect


@cache
def _load(module: str, family: str, declaration_name: str, extra: str) -> Implementation[Any, Any]:
    loaded = import_module(f"{module}.operations.{declaration_name}", extra=extra)
    code = getattr(loaded, "OPERATION", None)
    if not isinstance(code, Implementation):
        raise InternalError(f"{loaded.__name__} does not define OPERATION, which {family}'s manifest promises")
    return code


def load_operation(registry: Registry, family_name: str, verb: str) -> Operation:
    """Import one operation's code; nothing else of its family is imported.

    Raises:
        UnknownOperatorError: No such family.
        UnknownOperationError: No such operation.
        MissingRequirementError: A library that it needs is not installed.
    """
    family: Family
    family, _ = registry.family(family_name)
    declaration, _ = family.operation(verb)
    # The extras of another distribution are not ours to name.
    extra = "" if family.origin else ",".join(family.declaration.requires)
    return Operation(family.name, declaration, _load(family.module, family.name, declaration.name, extra))
