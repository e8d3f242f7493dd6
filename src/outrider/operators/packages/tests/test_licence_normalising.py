"""What authors have written, and what it means: a table that people have looked at, and what holds for any text."""

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outrider.operators.packages.licences import aliases
from outrider.operators.packages.licences.expressions import read_expression, try_expression
from outrider.operators.packages.licences.folding import folded
from outrider.operators.packages.licences.names import meaning_of
from outrider.operators.packages.licences.normalising import Licence, best_of, licence_of, normalised
from outrider.operators.packages.versions.ecosystems import ECOSYSTEMS

TABLE = json.loads((Path(__file__).parent / "tables" / "licences.json").read_text())
PIECES = st.sampled_from([
    "MIT", "Apache", "License", "2.0", "GPL", "v2", "+", "/", " or ", " and ", ",", "(", ")", "or later", "BSD", "3-Clause", " :: ", "the ",
    "https://", "opensource.org/licenses/MIT", "\n", "Permission is hereby granted", "[", "]", "{", '"type":', '"MIT"', "LicenseRef-", "see ",
    "WITH ", "Classpath-exception-2.0", "dual ", "|", "&", ";", "\x00", "\ud800", "\u2028", "9" * 50, "İ", "ß", "ﬁ",
]) | st.text(max_size=4)  # fmt: skip
TEXTS = st.text() | st.lists(PIECES, max_size=30).map("".join) | st.sampled_from([row[1] for row in TABLE])


def how(one: Licence) -> str:
    """Return how a licence is known, as the table has it."""
    return "" if not one.expression else "vague" if one.vague else "guess" if one.guessed else "said"


@pytest.mark.parametrize(
    ("ecosystem", "raw", "expression", "known"), TABLE, ids=[f"{row[0]} {row[1][:40]!r}" for row in TABLE]
)
def test_what_authors_write(ecosystem: str, raw: str, expression: str, known: str) -> None:
    found = normalised(ecosystem, raw)
    assert (found.expression, how(found)) == (expression, known)
    assert found.raw == raw.strip()


def test_the_table_has_hundreds_of_all_ecosystems() -> None:
    assert len(TABLE) > 500
    assert {row[0] for row in TABLE} == set(ECOSYSTEMS)
    assert len({(row[0], row[1]) for row in TABLE}) == len(TABLE)


def check(one: Licence) -> None:
    """Check what holds for any licence."""
    if not one.expression:
        assert not one.guessed
        assert not one.vague
        return
    assert str(read_expression(one.expression)) == one.expression
    assert one.guessed or not one.vague


@given(st.sampled_from(ECOSYSTEMS), TEXTS)
def test_any_text_is_known_or_not_and_never_an_error(ecosystem: str, text: str) -> None:
    one = normalised(ecosystem, text)
    check(one)
    again = normalised(ecosystem, one.expression)
    assert (again.expression, again.guessed) == (one.expression, False)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["type", "name", "url", "license", "x"]), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


@given(st.sampled_from(ECOSYSTEMS), VALUES)
def test_any_value_is_known_or_not_and_never_an_error(ecosystem: str, value: Any) -> None:
    one = licence_of(ecosystem, value)
    check(one)
    # What is kept of it says the same.
    assert not one.expression or normalised(ecosystem, one.raw).expression == one.expression


@given(st.lists(st.sampled_from(["MIT", "Apache-2.0", "BSD", "GPLv2+", "Zlib"]), min_size=1, max_size=4))
def test_alternatives_are_each_known(names: list[str]) -> None:
    found = normalised("pypi", " / ".join(names))
    single = [normalised("pypi", name).expression for name in names]
    assert found.expression == str(read_expression(" OR ".join(single)))


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "text",
    [
        "MIT, " * 200_000, "(" * 400_000, "or later " * 50_000, "a" * 1_000_000, "MIT/" * 100, " " * 500_000 + "MIT", "GPL v" * 80, "/," * 240,
        "[" * 4000, '{"type":' * 500, "https://" + "a." * 2000 + "/" + "b/" * 1000, "License :: " * 40_000, "a (b (c " * 60, "MIT or " * 71,
        "Permission is hereby granted\n" * 30_000, "see license in " * 1000,
    ],
    ids=lambda text: text[:12],
)  # fmt: skip
def test_the_time_is_bounded(text: str) -> None:
    for ecosystem in ECOSYSTEMS:
        check(normalised(ecosystem, text))


def test_every_name_of_the_list_means_its_licence() -> None:
    table = files("outrider.operators.packages.licences").joinpath("names.tsv").read_text(encoding="utf-8")
    wrong, known = [], 0
    for line in table.splitlines():
        identifier, _, name = line.partition("\t")
        expression = try_expression(identifier)
        if expression is not None:
            known += 1
            meaning = meaning_of(name)
            if meaning is None or (meaning.expression, meaning.vague) != (str(expression), False):
                wrong.append((identifier, name, meaning))
    assert wrong == []
    assert known > 680


def test_aliases_are_expressions_and_mean_one_thing() -> None:
    meanings: dict[str, str] = {}
    for table in (aliases.CLEAR, aliases.VAGUE, aliases.REFERENCES):
        for line in table.strip().splitlines():
            expression, _, names = line.partition(": ")
            assert str(read_expression(expression)) == expression, line
            for name in names.split(", "):
                key = folded(name)
                assert key, line
                assert meanings.setdefault(key, expression) == expression, name
    assert len(meanings) > 350


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("The Apache Software License, Version 2.0", "apache 2"),
        ("GNU General Public License v2 or later (GPLv2+)", "GPL-2.0-or-later"),
        ("GNU Lesser General Public License (LGPL), Version 3.0", "LGPL v3"),
        ("BSD License (3-Clause)", "3 clause BSD"),
        ("Ruby's", "ruby"),
        ("GPL (>= 2)", "GPL 2+"),
    ],
)
def test_names_fold_to_the_same(one: str, two: str) -> None:
    assert folded(one) == folded(two)


def test_the_best_of_several_counts() -> None:
    vague, guess, said = (
        normalised("pypi", "BSD"),
        normalised("pypi", "BSD 2-Clause"),
        normalised("pypi", "BSD-3-Clause"),
    )
    unknown = normalised("pypi", "Acme")
    assert best_of(unknown, vague, guess, said) is said
    assert best_of(vague, guess) is guess
    assert best_of(Licence(), unknown) is unknown
    assert best_of(Licence()) == Licence()


def test_the_meaning_of_a_list_is_that_of_its_ecosystem() -> None:
    both = '["MIT","Zlib"]'
    assert {ecosystem: normalised(ecosystem, both).expression for ecosystem in ("npm", "composer", "maven", "gem", "pypi")} == {
        "npm": "MIT OR Zlib", "composer": "MIT OR Zlib", "maven": "MIT OR Zlib", "gem": "MIT OR Zlib", "pypi": "MIT AND Zlib"
    }  # fmt: skip
    assert [normalised(ecosystem, both).guessed for ecosystem in ("npm", "gem")] == [False, True]
    assert normalised("npm", json.dumps(["MIT"] * 51)).expression == ""
