"""Subtleties of RubyGems' versions, and texts that nobody meant as one."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outrider.core.errors import InvalidConfigError
from outrider.operators.packages.versions.gem import GemScheme
from outrider.operators.packages.versions.tables import VersionTable

SCHEME = GemScheme()
# Letters of versions and ranges come often, so that more than the first of them is read.
TEXTS = st.one_of(st.text(), st.text("0019aZ.-,<>=!~ \n\0"))


def allowed(text: str, *versions: str) -> list[str]:
    table = VersionTable(SCHEME, versions)
    return table.named(table.mask(text))


@given(TEXTS)
def test_any_text_is_read_or_refused(text: str) -> None:
    for read in (SCHEME.parse, SCHEME.range):
        with contextlib.suppress(InvalidConfigError):
            read(text)


def test_numbers_of_any_length_are_compared() -> None:
    small, large = "1" + "0" * 5000, "1" + "0" * 4999 + "1"
    assert SCHEME.parse(small).key < SCHEME.parse(large).key
    assert allowed(f"~> {small}.0", small, large, f"{small}.9", f"{large}.a") == [small, f"{small}.9"]


def test_the_nines_are_followed_by_ten() -> None:
    assert allowed("~> 1.9.0", "1.9.99", "1.10.a", "1.10") == ["1.9.99"]


@pytest.mark.parametrize("text", ["1.a", "1.0.0.A", "1-1", "1.2b3"])
def test_a_letter_or_a_hyphen_makes_a_prerelease(text: str) -> None:
    assert SCHEME.parse(text).prerelease


@pytest.mark.parametrize("text", ["", "0", "1.2.3.4", " 10 "])
def test_numbers_alone_are_a_release(text: str) -> None:
    assert not SCHEME.parse(text).prerelease


def test_zeros_count_by_what_follows_them() -> None:
    ascending = ["1.a.b", "1.a.0.b", "1.a.0.0.b", "1.a", "1.a.0.0.1", "1.a.0.1", "1.a.1", "1.0.0.1", "1.0.1", "1.1"]
    keys = [SCHEME.parse(text).key for text in ascending]
    assert keys == sorted(keys)
    assert len(set(keys)) == len(keys)


def test_the_last_number_of_a_pessimistic_requirement_may_grow_but_to_no_prerelease_of_the_next() -> None:
    versions = ("1.2.a", "1.2", "1.10", "2.a", "2.0.0.rc1", "2")
    assert allowed("~> 1.2", *versions) == ["1.2", "1.10"]
    assert allowed("~> 1.2.a", *versions) == ["1.2.a", "1.2", "1.10"]
    assert allowed("~> 2.0.0.rc1", *versions) == ["2.0.0.rc1", "2"]


@pytest.mark.parametrize("text", ["1beta", "1.", "1..2", "v1", "1+2", "1.\u0663", "\u00a01"])
def test_refused_versions_are_named(text: str) -> None:
    with pytest.raises(InvalidConfigError, match="is not a version of RubyGems"):
        SCHEME.parse(text)
