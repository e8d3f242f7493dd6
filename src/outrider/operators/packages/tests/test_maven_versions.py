"""What Maven leaves open or says in circles, and texts of any kind."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outrider.core.errors import InvalidConfigError
from outrider.operators.packages.versions.maven import MavenScheme
from outrider.operators.packages.versions.ranges import EVERYTHING

MAVEN = MavenScheme()
# What Maven's rules are about, and what Java and Python may see in other ways.
WORDS = ("0", "1", "0" * 20, "9" * 5000, "alpha", "a", "GA", "foo", ".", "-", "[", "]", "(", ")", ",", " ", "\u0661", "\U0001d7cf", "\ud800")  # fmt: skip
TEXTS = st.text() | st.lists(st.sampled_from(WORDS)).map("".join)


@pytest.mark.parametrize(
    "ascending",
    [
        # Maven puts the last of each below or above the first one as well.
        ("1.0.alpha.1", "1", "1-1"),
        ("1-alpha", "1", "1.foo.1"),
        ("0-alpha", "0", "foo"),
        ("1-0-alpha", "1", "1-foo"),
        ("1.0000000000.alpha.1", "1", "1.5"),
        ("1.0.0.Beta-redhat-1", "1.0.0", "1.0.0.Final-redhat-1"),
    ],
)
def test_where_maven_runs_in_a_circle_the_release_stays_in_the_middle(ascending: tuple[str, ...]) -> None:
    keys = [MAVEN.parse(text).key for text in ascending]
    assert keys[0] < keys[1] < keys[2]


@pytest.mark.parametrize("text", ["1.0-alpha-1", "1.0b2", "1.0.0.M1", "1.0.CR1", "1-SNAPSHOT", "alpha", "1.0.alpha.1"])
def test_words_below_a_release_make_prereleases(text: str) -> None:
    assert MAVEN.parse(text).prerelease


@pytest.mark.parametrize("text", ["1.0", "1.0.Final", "1.0-sp-1", "31.1-android", "1.0-a", "1.0-20240102.030405-1"])
def test_other_words_make_none(text: str) -> None:
    assert not MAVEN.parse(text).prerelease


def test_a_version_alone_is_preferred_where_any_is_allowed() -> None:
    soft = MAVEN.range("1.0")
    assert (soft.spans, soft.preferred) == (EVERYTHING, "1.0")


def test_sets_prefer_none() -> None:
    assert MAVEN.range("[1.0]").preferred is None
    assert MAVEN.range("").spans == ()


@given(TEXTS, TEXTS)
def test_any_text_is_read_or_refused(one: str, two: str) -> None:
    with suppress(InvalidConfigError):
        MAVEN.range(one)
    with suppress(InvalidConfigError):
        left, right = MAVEN.parse(one).key, MAVEN.parse(two).key
        assert (left < right) + (left == right) + (left > right) == 1


def test_long_versions_are_compared_without_recursion() -> None:
    assert MAVEN.parse("1-" * 20_000 + "1").key < MAVEN.parse("1-" * 20_000 + "2").key
