"""Why there is nothing to choose, what would do, and what was not considered."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from random import Random

import msgspec
import pytest

from outrider.core.errors import NotFoundError
from outrider.core.http.messages import Response
from outrider.operators.packages.composer.candidates import Candidate
from outrider.operators.packages.composer.order import ComposerOrder
from outrider.operators.packages.composer.platforms import ComposerPlatform
from outrider.operators.packages.composer.pool import Pool, Wish
from outrider.operators.packages.composer.preferences import Preferences
from outrider.operators.packages.composer.program import ComposerProgram
from outrider.operators.packages.composer.rules import RuleMaker
from outrider.operators.packages.composer.universe import ComposerUniverse
from outrider.operators.packages.resolving.checking import unfounded, unmet
from outrider.operators.packages.resolving.outcomes import Impossible
from outrider.operators.packages.resolving.policies import Refusal
from outrider.operators.packages.resolving.questions import Question
from outrider.operators.packages.resolving.solver import Solution, Unsolvable, solve
from outrider.operators.packages.sessions import session_of
from outrider.operators.packages.tests.composer_registry import ComposerAsking, ComposerRegistry, Layout
from outrider.operators.packages.tests.composer_worlds import World, candidates_of, wishes_of, world
from outrider.operators.packages.versions.tables import VersionTable


@pytest.fixture
async def registry() -> AsyncIterator[ComposerRegistry]:
    async with ComposerRegistry() as registry:
        yield registry


@pytest.fixture
def ask(registry: ComposerRegistry, tmp_path: Path) -> ComposerAsking:
    return ComposerAsking(tmp_path, registry.url)


async def test_why_two_wishes_clash(registry: ComposerRegistry, ask: ComposerAsking) -> None:
    registry.add("acme/web 1.0", "acme/core <1.2")
    registry.add("acme/web 1.1", "acme/core ^1 <1.3")
    registry.add("acme/web 2.0-beta1", "acme/core ^1.3")
    for version in ("1.1", "1.2", "1.3"):
        registry.add(f"acme/core {version}")
    answer = await ask.impossible("acme/web", "acme/core:^1.3")
    assert answer.reasons == [
        "Because acme/web 1.1 needs acme/core:^1 <1.3, and acme/web 1.0 needs acme/core:<1.2, every version of acme/web needs acme/core 1.2 and older.",
        "And because you ask for acme/core:^1.3, no version of acme/web can be used.",
        "And because you ask for acme/web:*, there is no solution.",
    ]
    assert answer.remedies == [
        "allow acme/web 2.0-beta1: you ask for acme/web:*",
        "allow acme/core 1.2: you ask for acme/core:^1.3",
    ]
    assert answer.notes == ["acme/web: 1 version is less stable than stable"]
    assert answer.asked == ["acme/web:*", "acme/core:^1.3"]


async def test_who_says_that_it_does_not_go_with_another(registry: ComposerRegistry, ask: ComposerAsking) -> None:
    registry.add("acme/web 1.0")
    registry.add("acme/web 1.1")
    registry.add("acme/core 1.0", "!acme/web >=1.0 <1.1", "acme/tools *")
    registry.add("acme/tools 1.0", "!acme/web >=1.1")
    answer = await ask.impossible("acme/web", "acme/core")
    said = " ".join(answer.reasons)
    assert "acme/tools 1.0 and acme/web 1.1 cannot be used together" in said
    assert "acme/core 1.0 and acme/web 1.0 cannot be used together" in said
    assert said.endswith("there is no solution.")


async def test_who_would_do_where_none_of_them_can(registry: ComposerRegistry, ask: ComposerAsking) -> None:
    registry.add("acme/app 1.0", "acme/log ^1")
    registry.add("acme/a 1.0", "+acme/log 1.0", "ext-own *")
    registry.add("acme/b 1.0", "+acme/log 1.0", "acme/gone *")
    registry.add("acme/hub 1.0")
    registry.add("acme/hub 1.1", "acme/a *")
    registry.add("acme/hub 1.2", "acme/b *")
    answer = await ask.impossible("acme/app", "acme/hub")
    said = " ".join(answer.reasons)
    assert "acme/a 1.0 needs ext-own:*, of which there is no version that fits and may be used" in said
    assert "acme/log:^1 of acme/a needs acme/a 1.0" in said
    assert answer.notes == ["acme/gone: no repository has it", "acme/log: no repository has it"]


@pytest.mark.parametrize("layout", ["metadata", "whole"])
async def test_who_provides_what_no_repository_has(layout: Layout, tmp_path: Path) -> None:
    async with ComposerRegistry(layout) as registry:
        registry.add("acme/app 1.0", "acme/log ^1")
        registry.add("acme/mono 1.0", "+acme/log 1.0")
        registry.add("acme/all 1.0", "=acme/log 1.0")
        said = {"providers": [{"name": "acme/all"}, {"name": "acme/mono"}, {"name": "../x"}, 3]}
        registry.answers["/providers/acme/log.json"] = lambda _: Response(200, body=msgspec.json.encode(said))
        registry.more = {"providers-api": "/providers/%package%.json"} if layout == "metadata" else {}
        ask = ComposerAsking(tmp_path, registry.url)
        answer = await ask.impossible("acme/app")
        assert answer.notes == ["acme/log: no repository has it, and it is provided by acme/all, acme/mono"]
        with pytest.raises(NotFoundError) as caught:
            await ask.answer("acme/log")
        assert "ask for acme/mono, which provides it" in caught.value.suggestions
        registry.answers["/providers/acme/log.json"] = lambda _: Response(500)
        answer = await ask.impossible("acme/app")
        assert answer.notes[0].startswith("acme/log: no repository has it")


async def test_what_cannot_be_read_is_told(registry: ComposerRegistry, ask: ComposerAsking) -> None:
    registry.add("acme/web 1.0")
    registry.add("acme/web 1.1", "acme/core one two")
    registry.add("acme/web nonsense")
    assert await ask.pins("acme/web") == ["acme/web 1.0"]
    answer = await ask.impossible("acme/web:^1.1")
    assert answer.notes == ["acme/web: 2 versions are in a form that cannot be read"]
    assert answer.remedies == ["allow acme/web 1.0: you ask for acme/web:^1.1"]


async def test_what_does_not_go_together_with_what_is_here(registry: ComposerRegistry, ask: ComposerAsking) -> None:
    registry.add("acme/web 1.0", "!php >=9")
    registry.add("acme/web 1.1", "!php ^8.2", "!lib-own *")
    registry.add("acme/web 1.2", "=ext-json 1.0")
    registry.add("acme/web 1.3", "+ext-json 1.0", "!ext-json >=8")
    assert await ask.pins("acme/web") == ["acme/web 1.0"]
    answer = await ask.impossible("acme/web:>=1.1")
    assert answer.notes == [
        "acme/web: 2 versions do not go together with ext-json 8.2.1",
        "acme/web: 1 version does not go together with php 8.2.1",
    ]
    assert answer.remedies == ["allow acme/web 1.0: you ask for acme/web:>=1.1"]


async def test_what_is_not_stable_enough_is_told(registry: ComposerRegistry, ask: ComposerAsking) -> None:
    registry.add("acme/web 1.0-RC1")
    registry.branch("acme/web dev-main", "1.x-dev")
    answer = await ask.impossible("acme/web")
    assert answer.remedies == ["allow acme/web 1.0-RC1: you ask for acme/web:*"]
    assert answer.notes == ["acme/web: 1 version is less stable than stable"]


class Strict:
    """A policy."""

    asks_for_times = True
    asks_for_licences = True

    def __init__(self) -> None:
        self.seen: dict[str, tuple[list[str], list[float]]] = {}

    def refusals(self, name: str, table: VersionTable, published: Sequence[float]) -> Sequence[Refusal]:
        self.seen[name] = table.versions, list(published)
        mask = sum(1 << bit for bit, time in enumerate(published) if time > 1_700_000_000)
        return [Refusal(mask, "are too young")] if mask else []

    def refuses_licence(self, name: str, version: str, licence: str) -> str:
        return "have a licence that is refused" if licence == "WTFPL" else ""


async def test_what_a_policy_refuses_is_no_candidate(registry: ComposerRegistry, ask: ComposerAsking) -> None:
    registry.add("acme/web 1.0", "acme/core *", time="2020-02-03T10:00:00+00:00", license=["MIT"])
    registry.add("acme/web 1.1", "acme/core *", time="2026-02-03T10:00:00+00:00", license=["MIT"])
    registry.add("acme/web 1.2", "acme/core *", time="no time at all", license="WTFPL")
    registry.add("acme/core 1.0")
    policy = Strict()

    async def asked(*packages: str) -> object:
        question = ask.question(*packages)
        made = Question(
            packages=question.packages, cache=question.cache, folder=question.folder, environment=question.environment,
            clock=question.clock, deadline=question.deadline, policy=policy,
        )  # fmt: skip
        return await session_of("composer").resolve(made)

    answer = await asked("acme/web:>=1.1")
    assert isinstance(answer, Impossible)
    assert answer.notes == ["acme/web: 1 version is too young", "acme/web: 1 version has a licence that is refused"]
    assert answer.remedies == ["allow acme/web 1.0: you ask for acme/web:>=1.1"]
    assert policy.seen["acme/web"] == (["1.0", "1.1", "1.2"], [1580724000.0, 1770112800.0, 0.0])
    assert policy.seen["acme/core"] == (["1.0"], [])


def answers(made: World) -> tuple[Pool, RuleMaker, ComposerPlatform, list[Wish]]:
    """Return all that an answer may have in a world of one repository, without a look at stability."""
    platform = ComposerPlatform(ComposerProgram(platform={"php": "8.2.1"}, knows_php=True, knows_composer=True), {})
    candidates: list[Candidate] = [*platform.candidates, *candidates_of(made)]
    pool = Pool(candidates)
    return pool, RuleMaker(pool, platform), platform, wishes_of(made)


def outcome(universe: ComposerUniverse, roots: list[tuple[int, int]]) -> Solution | Unsolvable:
    try:
        return solve(universe, roots)
    except Unsolvable as answer:
        return answer


def test_the_order_of_composer_and_the_solver_agree_and_both_are_right() -> None:
    solvable = 0
    for seed in range(150):
        pool, maker, platform, wishes = answers(world(seed, repositories=1))
        possible = maker.make(wishes)
        universe = ComposerUniverse(pool, maker, platform, Preferences(stable_first=False))
        roots: dict[int, int] = {}
        for package, mask in universe.roots(wishes):
            roots[package] = roots.get(package, mask) & mask
        answer = outcome(universe, list(roots.items()))
        numbers = (
            ComposerOrder(pool, maker.rules, Preferences(stable_first=False)).run(lambda: None) if possible else None
        )
        assert (numbers is not None) == isinstance(answer, Solution), seed
        if isinstance(answer, Unsolvable):
            assert list(unfounded(universe, roots.items(), answer.proof)) == [], seed
            continue
        assert list(unmet(universe, list(roots.items()), answer.chosen)) == [], seed
        assert numbers is not None
        for chosen in ([pool.candidate(one) for one in numbers], universe.chosen(answer.chosen) + platform.candidates):
            assert broken(chosen, maker, pool) == [], seed
        solvable += 1
    assert 40 < solvable < 120


def broken(chosen: list[Candidate], maker: RuleMaker, pool: Pool) -> list[list[str]]:
    """Return the rules that a choice breaks."""
    numbers = {one.number for one in chosen}
    found = []
    for rule in maker.rules.rules:
        true = [one for one in rule.literals if (one > 0) == (abs(one) in numbers)]
        needed = len(rule.literals) - 1 if rule.form.value == "exclusion" else 1
        if len(true) < needed:
            found.append([pool.candidate(abs(one)).version for one in rule.literals])
    return found


def test_the_same_question_has_the_same_answer_whatever_the_order_of_documents() -> None:
    made = world(7, repositories=1)
    shuffled = made._replace(packages=[Random(3).sample(made.packages[0], len(made.packages[0]))])
    outcomes = []
    for one in (made, shuffled):
        pool, maker, platform, wishes = answers(one)
        maker.make(wishes)
        universe = ComposerUniverse(pool, maker, platform, Preferences(stable_first=False))
        outcomes.append(isinstance(outcome(universe, universe.roots(wishes)), Solution))
    assert outcomes[0] == outcomes[1]
