"""The registry as lists show it, the same at every door."""

import msgspec

from outrider.core.registry import Registry


class OperatorRow(msgspec.Struct, kw_only=True):
    """A family as the registry knows it; `state` is `ready` or `broken`."""

    name: str
    aliases: list[str]
    operations: int
    state: str
    summary: str


def operator_rows(registry: Registry) -> list[OperatorRow]:
    """Return the families; one that cannot be used is named with its fault."""
    rows = [
        OperatorRow(
            name=family.name,
            aliases=[alias.name for alias in family.declaration.aliases],
            operations=len(family.declaration.operations),
            state="ready",
            summary=family.declaration.summary,
        )
        for family in registry.families.values()
    ]
    return rows + [
        OperatorRow(name=broken.module, aliases=[], operations=0, state="broken", summary=broken.error.message)
        for broken in registry.broken
    ]
