"""The rules of NuGet, of which no native tool can be asked here: one test for each rule, and the order written another way."""

from contextlib import suppress
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outrider.core.errors import InvalidConfigError
from outrider.operators.packages.tests.test_version_tables import order
from outrider.operators.packages.versions.nuget import NugetScheme
from outrider.operators.packages.versions.tables import VersionTable

SCHEME = NugetScheme()
EXAMPLES = 1_000
LABELS = "0 1 2 10 2147483647 2147483648 -1 -0 - a A b aa a- a1 0a rc RC"
NO_VERSION = "|1.|.1|1..2|1. .2|1 2|-1|+1|1.-1|1.2.3.Beta|1.2.3.4.5|1-|1+|1-+a|1-a+|1-01|1-a b|1\x1c|\uff11"
# What floats, and the lowest version that it stands for.
FLOATING = """\
* 0.0.0
*-* 0.0.0-0
*-rc.* 0.0.0-rc.0
1.* 1.0.0
1.1.* 1.1.0
1.0.0.* 1.0.0
1.1* 1.10.0
1.*-* 1.0.0-0
1.0.*-0* 1.0.0-0
1.0.*--* 1.0.0--
1.0.*-a-* 1.0.0-a-
1.0.*-a.* 1.0.0-a.0
1.0.*-a-b.* 1.0.0-a-b.0
1.0.0.*-* 1.0.0-0
1.0.0-* 1.0.0-0
1.0.0-0* 1.0.0-0
1.0.0--* 1.0.0--
1.0.0-a* 1.0.0-a
1.0.0-a-* 1.0.0-a-
1.0.0-a.* 1.0.0-a.0
1.0.0.0-beta* 1.0.0-beta
"""
NOT_FLOATING = """
[1.0.0,1.1.*) (,2.*.*) <1.0.* ~* ^* >=* 1.*.0 1.*.0-beta-* 1.*.0-beta 1.0.0.0.* 1.0.** 1.0.*-*bla 1.0.*-*bla+*
** 1.0.0-preview.*+blabla 1.0.*-- 1.0.*-alpha*+ 1.0.*- 1.0.0-a-b.* -* 1.0.0-00*
"""


def allows(text: str, version: str) -> bool:
    return VersionTable(SCHEME, [version]).mask(text) == 1


def compared(one: str, two: str) -> str:
    """Compare two versions part by part, as the documentation puts it."""
    numbers, labels = parts(one)
    other_numbers, other_labels = parts(two)
    for left, right in zip(numbers, other_numbers, strict=True):
        if left != right:
            return "<" if left < right else ">"
    if not labels or not other_labels:
        return "=" if labels == other_labels else "<" if labels else ">"
    for left_label, right_label in zip(labels, other_labels, strict=False):
        if (sign := label_compared(left_label.lower(), right_label.lower())) != "=":
            return sign
    return sign_of(len(labels), len(other_labels))


def parts(text: str) -> tuple[list[int], list[str]]:
    numbers, _, labels = text.partition("+")[0].partition("-")
    found = [int(number) for number in numbers.split(".")]
    return found + [0] * (4 - len(found)), labels.split(".") if labels else []


def label_compared(one: str, two: str) -> str:
    if is_number(one) and is_number(two):
        return sign_of(int(one), int(two))
    if is_number(one) != is_number(two):
        return "<" if is_number(one) else ">"
    return "=" if one == two else "<" if one < two else ">"


def is_number(label: str) -> bool:
    return label.removeprefix("-").isdigit() and -(2**31) <= int(label) < 2**31


def sign_of(one: int, two: int) -> str:
    return "=" if one == two else "<" if one < two else ">"


numbers = st.lists(st.sampled_from(["0", "1", "2", "10", "01", "2147483647"]), min_size=1, max_size=4).map(".".join)
label = st.sampled_from(LABELS.split())
labels = st.lists(label, max_size=3).map(lambda found: "-" + ".".join(found) if found else "")
version = st.tuples(numbers, labels, st.sampled_from(["", "", "+1", "+B.02"])).map("".join)


@settings(max_examples=EXAMPLES)
@given(version, version)
def test_keys_are_in_the_order_of_a_comparison_part_by_part(one: str, two: str) -> None:
    assert order("nuget", one, two) == compared(one, two)


@settings(max_examples=EXAMPLES)
@given(version, version, version, st.sampled_from("[("), st.sampled_from(")]"))
def test_an_interval_allows_what_lies_between_its_bounds(
    low: str, high: str, found: str, opening: str, closing: str
) -> None:
    if compared(low, high) == ">" or (compared(low, high) == "=" and opening + closing in ("[)", "(]")):
        with pytest.raises(InvalidConfigError):
            SCHEME.range(f"{opening}{low},{high}{closing}")
        return
    above, below = "<=" if opening == "[" else "<", "<=" if closing == "]" else "<"
    wanted = compared(low, found) in above and compared(found, high) in below
    assert allows(f"{opening}{low},{high}{closing}", found) is wanted


@settings(max_examples=EXAMPLES)
@given(st.text() | st.text("[(,)]*-+. 0123rca\u2003\x1c", max_size=20))
def test_any_text_is_read_or_refused(text: str) -> None:
    for read in (SCHEME.parse, SCHEME.range):
        with suppress(InvalidConfigError):
            read(text)


@pytest.mark.parametrize(
    "text", ["1" * 9_999, "1." * 9_999, "1" + " " * 99_999 + "x", "1-" + "1" * 99_999 + "!", "[" * 99_999]
)
def test_long_texts_are_refused(text: str) -> None:
    for read in (SCHEME.parse, SCHEME.range):
        with pytest.raises(InvalidConfigError):
            read(text)


@pytest.mark.parametrize("text", ["0" * 9_999 + "1", "1.0.0.0", " 1 .\t0 ", "1+0.01", "\u30001\u2003"])
def test_zeros_blanks_and_build_metadata_do_not_count(text: str) -> None:
    assert order("nuget", text, "1") == "="


@pytest.mark.parametrize("text", ["1.2147483647", "1.0.0.2147483647"])
def test_numbers_have_32_bits(text: str) -> None:
    SCHEME.parse(text)
    with pytest.raises(InvalidConfigError):
        SCHEME.parse(text.replace("647", "648"))


@pytest.mark.parametrize("text", NO_VERSION.split("|"))
def test_what_is_no_version(text: str) -> None:
    with pytest.raises(InvalidConfigError):
        SCHEME.parse(text)


@pytest.mark.parametrize(("text", "expected"), [("1-0", True), ("1-a+b", True), ("1+a-b", False), ("1.2.3.4", False)])
def test_labels_make_a_prerelease(text: str, *, expected: bool) -> None:
    assert SCHEME.parse(text).prerelease is expected


@pytest.mark.parametrize(
    "ascending",
    [
        # Of the documentation.
        "1.0.1-aaa 1.0.1-alpha10 1.0.1-alpha2 1.0.1-beta 1.0.1-open 1.0.1-rc.2 1.0.1-rc.10 1.0.1-zzz 1.0.1",
        # The fourth number counts before labels do.
        "1.0.0-a 1.0.0 1.0.0.1-a 1.0.0.1 1.0.1-a",
        # Labels of 32 bits are numbers, the others texts.
        "1--5 1--1 1-0 1-2147483647 1-a.1 1-a.2147483647 1-a.-",
        "4.2.0-nightly.2024-02-01-0102 4.2.0-nightly.202401090430",
        # A label more is more.
        "1-a 1-a.0 1-a.0.0 1-a.a 1-a-",
    ],
)
def test_order_of_labels(ascending: str) -> None:
    versions = ascending.split()
    assert all(order("nuget", one, two) == "<" for one, two in pairwise(versions))


@pytest.mark.parametrize(("one", "two"), [("1-BETA.x", "1-beta.X+a"), ("1.6.2-BeTa", "1.6.02-beta"), ("1--0", "1-0")])
def test_labels_that_are_equal(one: str, two: str) -> None:
    assert order("nuget", one, two) == "="


@pytest.mark.parametrize(("text", "lowest"), [line.split() for line in FLOATING.splitlines()])
def test_a_floating_range_starts_at_its_lowest_version_and_has_no_end(text: str, lowest: str) -> None:
    floating = SCHEME.range(text)
    assert floating.spans == SCHEME.range(lowest).spans
    assert floating.preferred == text


@pytest.mark.parametrize(
    ("text", "preferred"),
    [
        ("[1.*,2.0.0)", "1.*"),
        ("( 1.0.*-rc*, ]", "1.0.*-rc*"),
        ("[*, 2)", "*"),
        (" 1.* ", "1.*"),
        ("1*", None),
        ("[1.0]", None),
        ("(, )", None),
    ],
)
def test_the_floating_text_is_what_is_preferred(text: str, preferred: str | None) -> None:
    assert SCHEME.range(text).preferred == preferred


@pytest.mark.parametrize("text", NOT_FLOATING.split())
def test_what_does_not_float(text: str) -> None:
    with pytest.raises(InvalidConfigError):
        SCHEME.range(text)


@pytest.mark.parametrize(
    ("text", "version"), [("1.0", "2.0.0-beta"), ("1.*", "3.0.0-rc"), ("[1,2)", "2.0.0-0"), ("(,1]", "1-a")]
)
def test_ranges_do_not_leave_prereleases_out(text: str, version: str) -> None:
    assert allows(text, version)


@pytest.mark.parametrize("text", ["(1.0,1.0)", "(1.0-a, 1-A)"])
def test_an_interval_without_its_only_version_allows_nothing(text: str) -> None:
    assert SCHEME.range(text).spans == ()


@pytest.mark.parametrize(
    "text", ["(,)", "[,]", "[]", "()", "( )", "[1.0)", "(1.0)", "(1,1]", "[2,1]", "[1,2,3]", "[1", "1]", ",1"]
)
def test_what_is_no_interval(text: str) -> None:
    with pytest.raises(InvalidConfigError):
        SCHEME.range(text)
