"""Quantities of processors and memory as Kubernetes writes them (apimachinery, resource.Quantity): 500m, 0.5, 128Mi, 1G, 1e3."""

import math
import re
from decimal import Decimal
from typing import Annotated

import msgspec

from outrider.core.errors import InvalidConfigError

_PATTERN = r"^[0-9]+(\.[0-9]+)?(n|u|m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei|[eE][+-]?[0-9]{1,2})?(?!\n)$"
Quantity = Annotated[str, msgspec.Meta(pattern=_PATTERN, max_length=40, examples=["500m", "192Mi"])]
OptionalQuantity = Annotated[
    str, msgspec.Meta(pattern=rf"^({_PATTERN[1:-1]})?(?!\n)$", max_length=40, examples=["500m", "192Mi"])
]
_PARTS = re.compile(r"([0-9.]+)([A-Za-z]*|[eE][+-]?[0-9]+)")
_POWERS = {
    "": Decimal(1), "n": Decimal("1e-9"), "u": Decimal("1e-6"), "m": Decimal("1e-3"),
    **{letter: Decimal(1000) ** power for power, letter in enumerate("kMGTPE", 1)},
    **{f"{letter}i": Decimal(1024) ** power for power, letter in enumerate("KMGTPE", 1)},
}  # fmt: skip


def parse_quantity(text: str) -> Decimal:
    """Return a quantity as a number: processors, or bytes.

    Raises:
        InvalidConfigError: It is none.
    """
    match = _PARTS.fullmatch(text.strip())
    try:
        number, unit = (match[1], match[2]) if match else ("", "?")
        if unit[:1] in ("e", "E") and len(unit) > 1 and unit[1:].lstrip("+-").isdigit():
            return Decimal(text)
        return Decimal(number) * _POWERS[unit]
    except (ArithmeticError, KeyError):
        raise InvalidConfigError(
            f"'{text[:40]}' is no quantity", found=text[:40], expected="a number with a unit, such as 500m or 192Mi"
        ) from None


def show_memory(amount: Decimal | float) -> str:
    """Return bytes as whole Mi, rounded up, such as 192Mi."""
    return f"{math.ceil(Decimal(str(amount)) / _POWERS['Mi'])}Mi"


def show_cpu(amount: Decimal | float) -> str:
    """Return processors in thousandths, rounded up, such as 250m; whole ones without a unit."""
    thousandths = math.ceil(Decimal(str(amount)) * 1000)
    return str(thousandths // 1000) if thousandths % 1000 == 0 else f"{thousandths}m"
