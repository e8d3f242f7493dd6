"""The registry as lists show it, the same at every door."""

import msgspec

from outrider.core.errors import DeniedError
from outrider.core.registry import Registry


class OperatorRow(msgspec.Struct, kw_only=True):
    """A family as the registry knows it; `state` is `ready`, `broken` or `not allowed`, `origin` its distribution."""

    name: str
    aliases: list[str]
    operations: int
    state: str
    origin: str
    summary: str


def operator_rows(registry: Registry) -> list[OperatorRow]:
    """Return the families; one that cannot be used is named with its fault."""
    rows = [
        OperatorRow(
            name=family.name,
            aliases=[alias.name for alias in family.declaration.aliases],
            operations=len(family.declaration.operations),
            state="ready",
            origin=family.origin or "outrider",
            summary=family.declaration.summary,
        )
        for family in registry.families.values()
    ]
    return rows + [
        OperatorRow(
            name=broken.module,
            aliases=[],
            operations=0,
            state="not allowed" if isinstance(broken.error, DeniedError) else "broken",
            origin=broken.error.found if isinstance(broken.error, DeniedError) else "",
            summary=broken.error.message,
        )
        for broken in registry.broken
    ]
