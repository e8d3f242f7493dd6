"""What tokens cost: a dated file of prices, and the cost of a call by it."""

from pathlib import Path

import msgspec

from outrider.core.codec import decode
from outrider.core.errors import InvalidConfigError
from outrider.sidecar.llm.usage import Usage

STANDARD = Path(__file__).with_name("prices.json")
# Prices are written for so many tokens.
_PER = 1_000_000


class Price(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Of one model, in nano-units of the currency for a million tokens.

    Attributes:
        input: Of the prompt.
        output: Of the answer, its reasoning among it.
        cached: Of the prompt, where it was read from the provider's cache; as `input` if absent.
        written: Where it was written into it; as `input` if absent.
    """

    input: int
    output: int
    cached: int | None = None
    written: int | None = None

    def plain(self, tokens: int, output: int) -> int:
        """Return the cost of a prompt that no cache has and of an answer, in nano-units, rounded up."""
        return -(-(tokens * self.input + output * self.output) // _PER)

    def cost(self, usage: Usage) -> int:
        """Return what a call cost, in nano-units, rounded up."""
        cached, written = min(usage.cached, usage.input), min(usage.written, usage.input)
        plain = max(0, usage.input - cached - written)
        total = (
            plain * self.input
            + cached * (self.cached if self.cached is not None else self.input)
            + written * (self.written if self.written is not None else self.input)
            + usage.output * self.output
        )
        return -(-total // _PER)


class PriceList(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """A file of prices.

    Attributes:
        date: When they were looked up, such as `2026-11-28`.
        currency: Such as `USD`.
        models: Prices by `PROVIDER/MODEL`, as the provider names it.
    """

    date: str
    currency: str
    models: dict[str, Price]


def known_prices(own: Path | None) -> PriceList:
    """Return the prices that come with the sidecar, and over them those of a file; of one in another currency those alone.

    Raises:
        InvalidConfigError: The file cannot be read, or is none of prices.
    """
    standard = read_prices(STANDARD)
    if own is None:
        return standard
    given = read_prices(own)
    if given.currency != standard.currency:
        return given
    return msgspec.structs.replace(given, models=standard.models | given.models)


def read_prices(path: Path) -> PriceList:
    """Return the prices of a file.

    Raises:
        InvalidConfigError: It cannot be read, or is not such a file.
    """
    try:
        return decode(path.read_bytes(), PriceList)
    except OSError as error:
        raise InvalidConfigError(
            f"{path}: the prices cannot be read: {error.strerror}", found=str(path), expected="a file of prices",
            suggestions=["name a file that is there"],
        ) from error  # fmt: skip
