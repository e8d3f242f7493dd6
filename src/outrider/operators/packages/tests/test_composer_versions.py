"""Subtleties of Composer's versions, and texts that nobody meant as one."""

from contextlib import suppress
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outrider.core.errors import InvalidConfigError
from outrider.operators.packages.tests.generators.composer import branch, version_range
from outrider.operators.packages.tests.test_version_oracles import allows
from outrider.operators.packages.versions.composer import ComposerScheme
from outrider.operators.packages.versions.tables import VersionTable
from tests.peers.version_oracles import Question, oracle

SCHEME = ComposerScheme()
# Pieces of versions and ranges come often, so that more than the first of them is read.
PIECES = st.sampled_from(
    ["0", "1", "10", ".", "-", "x", "*", "dev", "RC", "p", "@", "as", "|", ",", " ", "^", "~", ">", "=", "#", "\n"]
)
TEXTS = st.one_of(st.text(), st.lists(PIECES).map("".join))


def allowed(text: str, *versions: str) -> list[str]:
    table = VersionTable(SCHEME, versions)
    return table.named(table.mask(text))


@given(TEXTS)
def test_any_text_is_read_or_refused(text: str) -> None:
    for read in (SCHEME.parse, SCHEME.range):
        with suppress(InvalidConfigError):
            read(text)


@pytest.mark.parametrize("text", ["{}.x-dev", "1.{}", "1.0-beta{}", "1.{}.x-dev"])
def test_numbers_of_any_length_are_read(text: str) -> None:
    huge = text.format("9" * 5000)
    assert SCHEME.parse(huge) == SCHEME.parse(text.format(2**63))
    assert allowed(f">={huge}", huge) == [huge]
    SCHEME.range(f"^{huge} || ~{huge} || {huge} - {huge} || {huge}.*" if text == "1.{}" else f"^{huge}")


@pytest.mark.parametrize(
    "text", [">=" + " " * 50_000 + "1", "1" + " " * 50_000 + "|2", "1" * 50_000 + "z", "1" + "-p" * 20_000]
)
@pytest.mark.timeout(5)
def test_long_texts_are_read_in_no_time(text: str) -> None:
    for read in (SCHEME.parse, SCHEME.range):
        with suppress(InvalidConfigError):
            read(text)


@pytest.mark.parametrize(
    "text", ["dev-main", "master", "1.x-dev", "1.0-dev", "1.0a", "1.0-beta.2", "1.0RC1", "1.0-p1-dev"]
)
def test_what_is_less_than_stable_is_a_prerelease(text: str) -> None:
    assert SCHEME.parse(text).prerelease


@pytest.mark.parametrize(
    "text", ["1", "v1.2.3.4", "1.0-p1", "1.0-stable", "1.0-STABLE", "2010-01-02", "1.0+a-dev", "1.0@dev"]
)
def test_what_is_stable_is_a_release(text: str) -> None:
    assert not SCHEME.parse(text).prerelease


def test_branches_are_found_by_their_names_alone() -> None:
    versions = ("dev-b", "dev-a", "1.0", "2.0")
    assert allowed("dev-a || ^1.0", *versions) == ["dev-a", "1.0"]
    assert allowed("<3", *versions) == ["1.0", "2.0"]
    assert allowed("!=1.0", *versions) == ["dev-a", "dev-b", "2.0"]
    assert allowed(">=dev-a", *versions) == []


@pytest.mark.parametrize("text", ["1.\u0663", "1.0-\u017ftable", "\u00a01.0", "1.0\n2.0"])
def test_letters_digits_and_blanks_of_others_are_none(text: str) -> None:
    with pytest.raises(InvalidConfigError, match="is not a version of Composer"):
        SCHEME.parse(text)


@pytest.mark.real
@pytest.mark.long
@pytest.mark.timeout(600)
def test_generated_ranges_over_branches_of_several_names() -> None:
    random = Random(13)
    questions = [Question("range", version_range(random), branch(random)) for _ in range(20_000)]
    answers = oracle("composer").answers(questions)
    wrong = [
        one for one, answer in zip(questions, answers, strict=True) if allows("composer", one.one, one.two) != answer
    ]
    assert wrong == []


@pytest.mark.real
def test_the_native_tool_knows_no_order_between_branches() -> None:
    questions = [
        Question("order", "dev-a", "dev-b"),
        Question("order", "dev-b", "dev-a"),
        Question("order", "dev-a", "0"),
    ]
    assert oracle("composer").answers(questions) == "??<"
