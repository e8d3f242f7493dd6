from typing import Any

import msgspec


class Unknown(msgspec.Struct, frozen=True):
    """A value that only exists when an item of the plan is done.

    Attributes:
        item: The item's number in the plan.
        fields: What is read from its result.
    """

    item: int
    fields: tuple[str, ...] = ()

    def marker(self) -> dict[str, str]:
        """Return what stands for it in the parameters of a planned item."""
        return {"unknown": ".".join((f"item {self.item}.result", *self.fields))}


def with_markers(value: Any) -> Any:
    """Return plain data with markers in place of unknown values."""
    if isinstance(value, Unknown):
        return value.marker()
    if isinstance(value, dict):
        return {key: with_markers(item) for key, item in value.items()}
    return [with_markers(item) for item in value] if isinstance(value, list) else value


def holds_unknown(value: Any) -> bool:
    """Return whether a value is unknown, or has one inside."""
    if isinstance(value, dict):
        return any(map(holds_unknown, value.values()))
    if isinstance(value, list):
        return any(map(holds_unknown, value))
    return isinstance(value, Unknown)
