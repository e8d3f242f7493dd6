"""Versions and what is asked for are to us what they are to Gradle."""

import json
from itertools import pairwise
from random import Random
from typing import Any

import pytest

from outrider.operators.packages.maven.gradle.order import base_of, key, newest_first
from outrider.operators.packages.maven.gradle.selectors import accepts, selector_of, selector_of_pom, status_of
from outrider.operators.packages.tests.generators import gradle as generator
from outrider.operators.packages.tests.test_version_tables import TABLES
from tests.peers.gradle import versions

PAIRS = 100_000
SHOWN = 20


@pytest.fixture(scope="module")
def table() -> dict[str, Any]:
    content: dict[str, Any] = json.loads((TABLES / "gradle.json").read_text())
    return content


def order(one: str, two: str) -> str:
    return "<" if key(one) < key(two) else ">" if key(one) > key(two) else "="


def yes(value: bool) -> str:
    return "y" if value else "n"


def base(version: str) -> str:
    found = base_of(version)
    return found if found == version else f"{found} qualified"


def ours(kind: str, one: str, two: str) -> str:
    """Return what we say to a question that Gradle is asked."""
    answers = {
        "order": lambda: order(one, two),
        "accepts": lambda: yes(accepts(selector_of(one), two)),
        "inverse": lambda: yes(not accepts(selector_of(one), two)),
        "base": lambda: base(one),
        "dynamic": lambda: yes(selector_of(one).is_dynamic),
        "status": lambda: status_of(one),
        "pom": lambda: selector_of_pom(one).text,
    }
    return answers[kind]()


def test_versions_that_are_hard_to_sort(table: dict[str, Any]) -> None:
    rows = table["order"]
    wrong = [
        (one, two, answer)
        for one, answers in rows.items()
        for two, answer in zip(rows, answers, strict=True)
        if order(one, two) != answer
    ]
    assert wrong == []


def test_versions_of_well_known_modules(table: dict[str, Any]) -> None:
    for name, found in table["central"].items():
        groups = [text.split() for text in found]
        assert [(one, two) for group in groups for one, two in pairwise(group) if order(one, two) != "="] == [], name
        assert [(one, two) for (*_, one), (two, *_) in pairwise(groups) if order(one, two) != "<"] == [], name


def test_what_selectors_accept(table: dict[str, Any]) -> None:
    wrong = [
        (text, version, answer)
        for text, answers in table["selectors"].items()
        for version, answer in zip(table["order"], answers, strict=True)
        if ours("accepts", text, version) != answer
    ]
    assert wrong == []


def test_what_texts_are(table: dict[str, Any]) -> None:
    texts = [*table["order"], *table["selectors"]]
    assert "".join(ours("dynamic", text, "") for text in texts) == table["dynamic"]
    assert {text: ours("pom", text, "") for text in table["selectors"]} == table["of POMs"]
    assert {text: base(text) for text in table["order"]} == table["bases"]


def test_a_status_in_metadata_counts() -> None:
    milestone = selector_of("latest.milestone")
    assert accepts(milestone, "1.0-SNAPSHOT", "milestone")
    assert not accepts(milestone, "1.0", "integration")
    assert not accepts(milestone, "1.0", "unheard-of")


def test_the_newest_comes_first_and_equal_ones_stay() -> None:
    assert newest_first(["1.0", "1-0", "1.1", "1.0-rc1", "2"]) == ["2", "1.1", "1.0", "1-0", "1.0-rc1"]


@pytest.mark.real
@pytest.mark.timeout(600)
@pytest.mark.parametrize("count", [2_000, pytest.param(PAIRS, marks=pytest.mark.long)])
def test_drawn_versions_and_selectors(count: int) -> None:
    random = Random(7)
    questions = [("order", *generator.pair(random)) for _ in range(count)]
    for kind in ("accepts", "inverse"):
        pairs = (generator.pair(random) for _ in range(count))
        questions += [(kind, generator.selector(random, near), version) for near, version in pairs]
    for kind in ("base", "status"):
        questions += [(kind, generator.version(random), "") for _ in range(count)]
    for kind in ("dynamic", "pom"):
        questions += [(kind, generator.selector(random, generator.version(random)), "") for _ in range(count)]
    said = versions(questions)
    wrong = [(one, answer, ours(*one)) for one, answer in zip(questions, said, strict=True) if ours(*one) != answer]
    assert wrong[:SHOWN] == []
    assert min(said.count(answer) for answer in "<=>yn") > count / 100
