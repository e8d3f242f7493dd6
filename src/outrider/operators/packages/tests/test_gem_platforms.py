"""Platforms of gems, and the best variant of a version for one."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outrider.operators.packages.gem.platforms import Platform, best, fits, parsed
from outrider.operators.packages.tests.platform_table import TABLE


def test_they_are_what_rubygems_takes_them_for() -> None:
    rows: dict[str, str] = json.loads(TABLE.read_text())["platforms"]
    wrong = []
    for target, letters in rows.items():
        others = [text for text in rows if text != target]
        nearest = {others[position] for position in best(others, target)}
        for text, letter in zip(rows, letters, strict=True):
            found = "b" if text in nearest else "y" if fits(text, target) else "n"
            if found != letter:
                wrong.append((text, target, letter))
    assert wrong == []
    assert len(rows) > 60


@pytest.mark.parametrize(
    ("text", "platform"),
    [
        ("x86_64-linux", Platform("x86_64", "linux", "")),
        ("x86_64-linux-musl", Platform("x86_64", "linux", "musl")),
        ("i686-darwin-9", Platform("x86", "darwin", "9")),
        ("java", Platform("", "java", "")),
        ("mswin32", Platform("x86", "mswin32", "")),
        ("x64-mswin64_140", Platform("x64", "mswin64", "140")),
        ("nothing", Platform("", "unknown", "")),
    ],
)
def test_parts_of_a_platform(text: str, platform: Platform) -> None:
    assert parsed(text) == platform


def test_the_platform_itself_is_best() -> None:
    assert best(["ruby", "x86_64-linux-gnu", "x86_64-linux"], "x86_64-linux") == [2]
    assert best(["ruby", "x86_64-linux-gnu", "universal-linux"], "x86_64-linux") == [2]
    assert best(["ruby", "java"], "x86_64-linux") == [0]
    assert best(["java"], "x86_64-linux") == []
    assert best(["java", "ruby"], "ruby") == [1]


@given(st.text(), st.text())
def test_any_text_is_a_platform(one: str, two: str) -> None:
    assert fits("ruby", two)
    assert fits(one, one)
    assert set(best([one, two], two)) <= {0, 1}
