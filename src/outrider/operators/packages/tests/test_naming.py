"""How sets of versions are called in sentences."""

import pytest

from outrider.operators.packages.resolving.naming import described

VERSIONS = [str(number) for number in range(1, 21)]


def said(*numbers: int, full: int = (1 << 20) - 1) -> str:
    return described("core", VERSIONS, full, sum(1 << number - 1 for number in numbers))


@pytest.mark.parametrize(
    ("numbers", "text"),
    [
        ((), "no version of core"),
        (tuple(range(1, 21)), "every version of core"),
        ((3,), "core 3"),
        ((1, 2), "core 2 and older"),
        ((2, 4), "core 2 or 4"),
        ((*range(5, 11), *range(12, 21)), "core 5 and newer (but for 11)"),
        ((*range(2, 9), 10, 11, 12), "core 2 to 12 (but for 9)"),
        ((*range(1, 10), *range(12, 21)), "every version of core (but for 10 and 11)"),
        ((*range(1, 4), *range(10, 13)), "core 3 and older or 10 to 12"),
        ((1, 3, 5, 7, 9, 11), "core 5 or 7 or 9 or 11 or 2 more ranges"),
    ],
)
def test_versions_are_called_as_people_do(numbers: tuple[int, ...], text: str) -> None:
    assert said(*numbers) == text


def test_what_may_not_be_chosen_is_passed_over() -> None:
    assert said(1, 2, 4, full=0b1011) == "every version of core"
