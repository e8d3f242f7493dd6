import re
from fractions import Fraction
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outrider.core.codec import decode, encode
from outrider.core.errors import InvalidConfigError
from outrider.core.quantities import Duration, Money, Size
from outrider.core.units import (
    format_duration,
    format_money,
    format_size,
    parse_duration,
    parse_money,
    parse_size,
)
from tests.core.profiles import quick
from tests.core.values import outcome

milliseconds = st.integers(0, 10**13)
sizes = st.integers(0, 2**63)
near_misses = st.text("0123456789.-+ e%smhdkKMGTiB\n٣", max_size=12) | st.text(max_size=40)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("500ms", 0.5), ("10s", 10.0), ("1h30m", 5400.0), ("0s", 0.0), ("1.5s", 1.5), ("2d", 172800.0)],
)
def test_durations(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text",
    ["", "s", "-1s", "1s ", " 1s", "1 s", "1s\n", "1e3s", ".5s", "1.s", "1M", "٣s", "inf", "9" * 400 + "d"],
)
def test_no_durations(text: str) -> None:
    with pytest.raises(InvalidConfigError) as caught:
        parse_duration(text)
    assert caught.value.suggestions == ["write for example 500ms, 10s or 1h30m"]


def test_a_number_without_a_unit_may_be_any() -> None:
    with pytest.raises(InvalidConfigError) as caught:
        parse_duration("10")
    assert caught.value.suggestions == ["write for example 10s, 10m, 10h or 10d"]


@given(milliseconds)
@quick
def test_duration_round_trip(count: int) -> None:
    assert round(parse_duration(format_duration(count / 1000)) * 1000) == count


@pytest.mark.parametrize(
    ("text", "size"),
    [("512", 512), ("64MB", 64_000_000), ("64Mi", 67_108_864), ("64 MiB", 67_108_864), ("1.5kB", 1500), ("0.1B", 0)],
)
def test_sizes(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "MB", "-1", "1e3", "64K", "64mb", "1,5MB", "٣MB", "9" * 400, "1.", "0x10"])
def test_no_sizes(text: str) -> None:
    with pytest.raises(InvalidConfigError):
        parse_size(text)


@given(sizes)
@quick
def test_size_round_trip_is_exact(size: int) -> None:
    assert parse_size(str(Size(size))) == size


@given(st.decimals(0, 10**6, places=3), st.sampled_from([("kB", 10**3), ("MB", 10**6), ("Ki", 2**10), ("TiB", 2**40)]))
@quick
def test_fractions_of_sizes_are_exact(number: object, unit: tuple[str, int]) -> None:
    assert parse_size(f"{number}{unit[0]}") == int(Fraction(str(number)) * unit[1])


@given(near_misses)
@quick
def test_random_text_is_read_or_refused(text: str) -> None:
    for parse in (parse_duration, parse_size):
        value = outcome(partial(parse, text))
        assert isinstance(value, InvalidConfigError) or 0 <= value < float("inf")  # type: ignore[operator]  # a number


@pytest.mark.parametrize("parse", [parse_duration, parse_size])
def test_error_on_a_long_text_is_short(parse: object) -> None:
    with pytest.raises(InvalidConfigError) as caught:
        parse("x" * 1_000_000)  # type: ignore[operator]  # one of the functions above
    assert len(caught.value.message) < 200


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0 B"), (999, "999 B"), (1500, "1.5 kB"), (64_000_000, "64.0 MB"), (2e12, "2.0 TB")]
)
def test_readable_sizes(size: float, text: str) -> None:
    assert format_size(size) == text


@given(st.from_regex(Duration.SCHEMA["pattern"].removesuffix("$") + r"\Z") | near_misses)
@quick
def test_schema_of_durations_agrees_with_the_parser(text: str) -> None:
    assert (re.fullmatch(Duration.SCHEMA["pattern"], text) is not None) == _is_read(Duration, text)


@given(st.from_regex(Size.SCHEMA["pattern"].removesuffix("$") + r"\Z") | near_misses)
@quick
def test_schema_of_sizes_agrees_with_the_parser(text: str) -> None:
    trimmed = text.strip()
    assert (re.fullmatch(Size.SCHEMA["pattern"], trimmed) is not None) == _is_read(Size, trimmed)


def _is_read(quantity: type[Duration] | type[Size], text: str) -> bool:
    return isinstance(outcome(lambda: quantity.parse(text)), quantity)


@given(milliseconds, sizes)
@quick
def test_quantities_survive_the_wire(count: int, size: int) -> None:
    assert round(decode(encode(Duration(count / 1000)), Duration) * 1000) == count
    assert decode(encode(Size(size)), Size) == size


def test_readable_quantity() -> None:
    assert Size.parse("64MB").readable() == "64.0 MB"


@pytest.mark.parametrize(
    ("text", "nano"), [("5.00 USD", 5 * 10**9), ("5 USD", 5 * 10**9), ("0.000000001 USD", 1), ("0.5 USD", 5 * 10**8)]
)
def test_money(text: str, nano: int) -> None:
    assert parse_money(text) == (nano, "USD")


@pytest.mark.parametrize(
    "text", ["", "5", "USD", "5 usd", "-5 USD", "5,00 USD", "5.0000000001 USD", "5USD", "5 USD ", "٣ USD"]
)
def test_no_money(text: str) -> None:
    with pytest.raises(InvalidConfigError, match="amount of money"):
        parse_money(text)


@given(st.integers(0, 10**20), st.sampled_from(["USD", "EUR"]))
@quick
def test_money_comes_back(nano: int, currency: str) -> None:
    assert parse_money(format_money(nano, currency)) == (nano, currency)


def test_money_is_an_amount_in_a_currency() -> None:
    assert Money.parse("5 USD") == Money.parse("5.00 USD") != Money.parse("5 EUR")
    assert len({Money.parse("5 USD"), Money.parse("5.0 USD"), Money.parse("5 EUR")}) == 2
    assert decode(encode(Money.parse("5 USD")), Money) == Money.parse("5 USD")
    assert format_money(-1_500_000_000, "USD") == "-1.50 USD"
