"""An operation as its manifest declares it, and what a plan says about it."""

from enum import StrEnum
from typing import Any

import msgspec

from outrider.core.quantities import Duration, duration


class Effect(StrEnum):
    """What an operation does to the world."""

    READ = "read"
    WRITE = "write"
    DESTROY = "destroy"

    @property
    def changes(self) -> bool:
        """Whether the operation changes anything, so that it is planned first."""
        return self is not Effect.READ


class Alias(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Another name; its preset is merged before the caller's parameters."""

    name: str
    preset: dict[str, Any] = {}


class Example(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A call that documents the operation and runs as a test.

    Words in braces, such as `{http}`, stand for what the family's test world provides.
    """

    title: str
    params: dict[str, Any] = {}


class OperationDeclaration(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """One typed verb of a family; parameter and result types are in the module of the same name.

    Attributes:
        positional: Parameters that may be given without their name, in order.
        variadic: Whether the last of these is a list of all that follow.
        timeout: Deadline when the caller sets none.
        max_timeout: The longest deadline a caller may ask for.
        idempotent: Whether a repetition after an unknown outcome is harmless.
        attempts: How often a call is tried when it fails with a retryable code and is a read or idempotent.
        errors: Codes it can give beyond INVALID_CONFIG, DENIED, TIMEOUT, CANCELLED and INTERNAL.
        has_plan: False only where the change cannot be told beforehand (then it counts as destroy).
    """

    name: str
    effect: Effect
    summary: str
    positional: list[str] = []
    variadic: bool = False
    aliases: list[Alias] = []
    permissions: list[str] = []
    timeout: Duration = duration("10s")
    max_timeout: Duration = duration("10m")
    idempotent: bool = False
    attempts: int = 1
    errors: list[str] = []
    examples: list[Example] = []
    has_plan: bool = True
    since: str = "0.1.0"
    deprecated: str = ""


class Difference(msgspec.Struct, frozen=True):
    """One field that a change would alter; `before` and `after` are plain data, null where absent."""

    path: str
    before: Any = None
    after: Any = None


class Change(msgspec.Struct, kw_only=True):
    """What one write would do, found out without doing it.

    Attributes:
        target: What is changed, as `kind/name`.
        preconditions: Facts that must still hold when the change is made; the operation gets them back and enforces them.
        will_also_remove: Further objects that go with it.
        warnings: What the reader should know before saying yes.
    """

    target: str
    difference: list[Difference] = []
    preconditions: dict[str, Any] = {}
    will_also_remove: list[str] = []
    warnings: list[str] = []
