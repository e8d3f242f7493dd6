"""Quantities as types, so that a model says `every: Duration` and a document says `every: 500ms`."""

from typing import Any, ClassVar, Self

import msgspec

from outrider.core.units import format_duration, format_money, format_size, parse_duration, parse_money, parse_size


class Duration(float):
    """Seconds, written as `500ms`, `10s` or `1h30m`."""

    SCHEMA: ClassVar[dict[str, Any]] = {
        "type": "string",
        "pattern": r"^([0-9]+(\.[0-9]+)?(ms|s|m|h|d))+$",
        "examples": ["500ms", "10s", "1h30m"],
    }
    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the written form."""
        return cls(parse_duration(text))

    def __str__(self) -> str:
        return format_duration(self)


class Size(int):
    """Bytes, written as `64MB` or `64Mi`."""

    SCHEMA: ClassVar[dict[str, Any]] = {
        "type": "string",
        "pattern": r"^[0-9]{1,20}(\.[0-9]{1,20})?\s*([kKMGT]?B|[KMGT]iB?)?$",
        "examples": ["64MB", "64Mi"],
    }
    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the written form."""
        return cls(parse_size(text))

    def __str__(self) -> str:
        return f"{int(self)}B"

    def readable(self) -> str:
        """Return a rounded form for people, such as `64.0 MB`."""
        return format_size(self)


class Money(int):
    """Nano-units of a currency, written as `5.00 USD`."""

    SCHEMA: ClassVar[dict[str, Any]] = {
        "type": "string",
        "pattern": r"^[0-9]{1,12}(\.[0-9]{1,9})? [A-Z]{3}$",
        "examples": ["5.00 USD"],
    }
    currency: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the written form."""
        nano, currency = parse_money(text)
        made = cls(nano)
        made.currency = currency
        return made

    def __str__(self) -> str:
        return format_money(self, self.currency)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Money) and int(self) == int(other) and self.currency == other.currency

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash((int(self), self.currency))


QUANTITIES = (Duration, Size, Money)


def duration(text: str) -> Any:
    """Return a model's default for a Duration field; a plain value would stop msgspec from writing the JSON Schema."""
    return msgspec.field(default_factory=lambda: Duration.parse(text))


def size(text: str) -> Any:
    """Return a model's default for a Size field, for the same reason."""
    return msgspec.field(default_factory=lambda: Size.parse(text))
