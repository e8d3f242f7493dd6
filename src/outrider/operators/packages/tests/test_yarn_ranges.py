"""Which versions a range has for Yarn 4 where prereleases count: as semver of npm answers in its place."""

import contextlib
from random import Random

import pytest

from outrider.core.errors import InvalidConfigError
from outrider.operators.packages.tests.generators import npm
from outrider.operators.packages.versions.ecosystems import scheme_of
from outrider.operators.packages.versions.tables import VersionTable
from outrider.operators.packages.yarn.ranges import has_version
from tests.peers.version_oracles import Question, oracle

SHOWN = 20


def answer(text: str, version: str) -> str:
    try:
        return "y" if has_version(text, version) else "n"
    except InvalidConfigError:
        return "!"


@pytest.mark.real
@pytest.mark.parametrize("pairs", [5_000, pytest.param(100_000, marks=pytest.mark.long)])
def test_generated_ranges(pairs: int) -> None:
    random = Random(pairs)
    questions = [Question("prereleases", npm.version_range(random), npm.version(random)) for _ in range(pairs)]
    answers = oracle("npm").answers(questions)
    wrong = [
        (question.one, question.two, said)
        for question, said in zip(questions, answers, strict=True)
        if answer(question.one, question.two) != said
    ]
    assert wrong[:SHOWN] == []
    assert answers.count("y") > pairs / 50


@pytest.mark.parametrize(
    "text", ["^1" + " " * 50_000 + "|| 2", "=" * 50_000, "v" * 50_000, " v=" * 20_000 + "1", "1." * 20_000, "9" * 5_000]
)
def test_no_range_takes_long(text: str) -> None:
    """Any package of a registry may have one."""
    assert answer(text, "1.0.0") in "yn!"
    with contextlib.suppress(InvalidConfigError):
        VersionTable(scheme_of("npm"), ["1.0.0"]).mask(text)
