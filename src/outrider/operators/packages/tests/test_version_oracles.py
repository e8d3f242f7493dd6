"""Generated versions and ranges, of which the native tools are asked as they run here."""

from importlib import import_module
from random import Random
from types import ModuleType

import pytest

from outrider.core.errors import InvalidConfigError
from outrider.operators.packages.tests.test_version_tables import order
from outrider.operators.packages.versions.ecosystems import scheme_of
from outrider.operators.packages.versions.tables import VersionTable
from tests.peers.version_oracles import ECOSYSTEMS, PACKED, Question, oracle

PAIRS = 100_000
# Wrong ones are shown up to here.
SHOWN = 20

pytestmark = [pytest.mark.real, pytest.mark.long, pytest.mark.timeout(600)]


def generator(ecosystem: str) -> ModuleType:
    return import_module(f"outrider.operators.packages.tests.generators.{ecosystem}")


def allows(ecosystem: str, text: str, version: str) -> str:
    versions = VersionTable(scheme_of(ecosystem), [version])
    try:
        mask = versions.mask(text)
    except InvalidConfigError:
        return "!"
    return "!" if versions.unsorted else "y" if mask else "n"


@pytest.mark.parametrize("ecosystem", [*ECOSYSTEMS, *PACKED])
def test_order_of_generated_versions(ecosystem: str) -> None:
    random, make = Random(7), generator(ecosystem).version
    questions = [Question("order", make(random), make(random)) for _ in range(PAIRS)]
    answers = oracle(ecosystem).answers(questions)
    wrong = [
        (question.one, question.two, answer)
        for question, answer in zip(questions, answers, strict=True)
        if order(ecosystem, question.one, question.two) != answer
    ]
    assert wrong[:SHOWN] == []


@pytest.mark.parametrize("ecosystem", ECOSYSTEMS)
def test_generated_ranges(ecosystem: str) -> None:
    random, make = Random(11), generator(ecosystem)
    questions = [Question("range", make.version_range(random), make.version(random)) for _ in range(PAIRS)]
    answers = oracle(ecosystem).answers(questions)
    wrong = [
        (question.one, question.two, answer)
        for question, answer in zip(questions, answers, strict=True)
        if allows(ecosystem, question.one, question.two) != answer
    ]
    assert wrong[:SHOWN] == []
    assert answers.count("y") > PAIRS / 50, "too few ranges allow anything"
