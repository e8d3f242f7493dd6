"""Gems that are chosen, and those of which there is no choice."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random

import pytest

from outrider.core.errors import DeadlineExceededError, InvalidConfigError, NotFoundError
from outrider.operators.packages.gem.client import GemClient
from outrider.operators.packages.gem.gems import Gem
from outrider.operators.packages.gem.lines import GemNeed
from outrider.operators.packages.gem.modes import Modes
from outrider.operators.packages.gem.order import GemOrder
from outrider.operators.packages.gem.records import compiled
from outrider.operators.packages.gem.resolver import GemResolver
from outrider.operators.packages.gem.session import _read
from outrider.operators.packages.gem.sources import GemSource
from outrider.operators.packages.gem.store import GemStore
from outrider.operators.packages.gem.targets import GemTarget
from outrider.operators.packages.gem.universe import GemUniverse
from outrider.operators.packages.resolving.checking import unfounded, unmet
from outrider.operators.packages.resolving.outcomes import Resolved
from outrider.operators.packages.resolving.policies import ADMIT_ALL
from outrider.operators.packages.resolving.solver import Solution, Unsolvable, solve
from outrider.operators.packages.tests.bundler_table import TABLE
from outrider.operators.packages.tests.gem_registry import GemAsking, GemRegistry, info
from outrider.operators.packages.tests.generators.gem_registries import draw
from outrider.ports.clock import SystemClock

HERE = GemTarget(ruby="3.1.2", rubygems="3.3.15", bundler="2.6.7", platform="x86_64-linux")


@pytest.fixture
async def registry() -> AsyncIterator[GemRegistry]:
    async with GemRegistry() as registry:
        yield registry


@pytest.fixture
def ask(registry: GemRegistry, tmp_path: Path) -> GemAsking:
    return GemAsking(tmp_path, registry.url)


async def test_the_newest_that_goes_together(registry: GemRegistry, ask: GemAsking) -> None:
    registry.add("web@1.0", "core@>= 1")
    registry.add("web@1.2", "core@>= 1, < 1.5", "tools@~> 0.3.1")
    for version in ("1.0", "1.4.9", "1.5", "2.0"):
        registry.add(f"core@{version}")
    registry.add("tools@0.3.2", "core")
    registry.add("tools@0.4")
    answer = await ask.resolved("web", "core@1.4.9")
    assert answer.target == "ruby 3.1.2 x86_64-linux"
    assert [one.name for one in answer.packages if one.direct] == ["core", "web"]
    assert [(one.name, one.version, one.needed_by) for one in answer.packages] == [
        ("core", "1.4.9", ["tools", "web"]),
        ("tools", "0.3.2", ["web"]),
        ("web", "1.2", []),
    ]


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("web", "1.10"),
        ("web@1.2", "1.2"),
        ("web@= 1.2", "1.2"),
        ("web@~> 1.2", "1.10"),
        ("web@~> 1.2.0", "1.2"),
        ("web@>= 1, < 1.3", "1.2"),
        ("web@ >=1,<1.10 ", "1.9.1"),
        ("web@!= 1.10", "1.9.1"),
        ("web@1.2.0", "1.2"),
    ],
)
async def test_how_it_is_asked_for(asked: str, found: str, registry: GemRegistry, ask: GemAsking) -> None:
    for version in ("1.2", "1.9.1", "1.10"):
        registry.add(f"web@{version}")
    assert await ask.pins(asked) == [f"web@{found}"]


async def test_a_gem_that_is_asked_for_twice(registry: GemRegistry, ask: GemAsking) -> None:
    for version in ("1.0", "1.5", "2.0"):
        registry.add(f"web@{version}")
    assert await ask.pins("web@< 2", "web", "web@>= 1.1") == ["web@1.5"]
    assert (await ask.impossible("web@< 1.5", "web@>= 2")).remedies == ["allow web 2.0: you ask for web < 1.5, >= 2"]


@pytest.mark.parametrize(
    "text", ["", "web@", "web@one", "we b", "web@1 || 2", "web@1@2", "../web", "..", "web@~> 1,, 2", "web@>= 1 < 2"]
)
async def test_what_is_no_package(text: str, ask: GemAsking) -> None:
    with pytest.raises(InvalidConfigError, match="not a package of RubyGems") as caught:
        await ask.answer("web", text)
    assert caught.value.path == "packages[1]"


async def test_prereleases_where_they_are_named(registry: GemRegistry, ask: GemAsking) -> None:
    registry.add("web@1.0", "core@>= 0")
    registry.add("web@2.0.rc1")
    registry.add("core@1.0")
    registry.add("core@1.1.a")
    assert await ask.pins("web") == ["core@1.0", "web@1.0"]
    assert await ask.pins("web@>= 2.0.a") == ["web@2.0.rc1"]
    assert await ask.pins("web@~> 1.0", "core@> 1.0.a") == ["core@1.1.a", "web@1.0"]


async def test_prereleases_where_nothing_else_is_left(registry: GemRegistry, ask: GemAsking) -> None:
    registry.add("web@1.0", "core@~> 2.0.a")
    registry.add("core@1.0")
    registry.add("core@2.0.b1")
    registry.add("core@2.0.b2")
    registry.add("alone@0.1.pre")
    registry.add("two@0.1.pre")
    registry.add("two@0.2.pre")
    assert await ask.pins("web") == ["core@2.0.b2", "web@1.0"]
    assert await ask.pins("alone", "two") == ["alone@0.1.pre", "two@0.2.pre"]
    registry.add("late@1.0", "core@>= 1")
    assert await ask.pins("late", "web") == ["core@2.0.b2", "late@1.0", "web@1.0"]


async def test_an_older_release_comes_before_a_prerelease_of_what_it_needs(
    registry: GemRegistry, ask: GemAsking
) -> None:
    registry.add("web@1.0", "core@~> 1.0")
    registry.add("web@1.1", "core@~> 2.0.a")
    registry.add("core@1.0")
    registry.add("core@2.0.b1")
    assert await ask.pins("web") == ["core@1.0", "web@1.0"]
    answer = await ask.impossible("web@>= 1.2")
    assert answer.remedies == ["allow web 1.0: you ask for web >= 1.2"]


async def test_what_is_for_this_platform_comes_before_what_is_for_any(registry: GemRegistry, ask: GemAsking) -> None:
    registry.add("web@1.0")
    registry.add("web@1.1")
    registry.add("web@1.1-x86_64-linux", "core")
    registry.add("web@1.1-arm64-darwin", "mac")
    registry.add("web@1.2-java", "jvm")
    registry.add("core@1.0")
    assert await ask.pins("web") == ["core@1.0", "web@1.1-x86_64-linux"]
    ask.ruby("3.1.2", "arm64-linux")
    assert await ask.pins("web") == ["web@1.1"]
    ask.environment["BUNDLE_FORCE_RUBY_PLATFORM"] = "true"
    ask.ruby("3.1.2")
    assert await ask.pins("web") == ["web@1.1"]


async def test_what_is_for_any_platform_is_taken_where_the_other_clashes(registry: GemRegistry, ask: GemAsking) -> None:
    registry.add("web@1.0")
    registry.add("web@1.1", "core@~> 1.0")
    registry.add("web@1.1-x86_64-linux", "core@~> 2.0")
    registry.add("core@1.0")
    registry.add("core@2.0")
    assert await ask.pins("web") == ["core@2.0", "web@1.1-x86_64-linux"]
    assert await ask.pins("web", "core@< 2") == ["core@1.0", "web@1.1"]


async def test_what_is_for_other_platforms_alone(registry: GemRegistry, ask: GemAsking) -> None:
    registry.add("web@1.0-java")
    registry.add("web@1.1-java")
    answer = await ask.impossible("web")
    assert answer.notes == ["web: 2 versions for other platforms alone"]
    assert "web, of which there is no version" in answer.reasons[0]


async def test_several_variants_for_a_platform(registry: GemRegistry, ask: GemAsking) -> None:
    registry.add("web@1.0-universal-darwin", "core")
    registry.add("web@1.0-x86_64-darwin", "core")
    registry.add("web@1.0-x86_64-darwin-19")
    registry.add("core@1.0")
    ask.ruby("3.1.2", "x86_64-darwin-20")
    assert await ask.pins("web") == ["core@1.0", "web@1.0-x86_64-darwin"]


async def test_what_runs_on_another_ruby(registry: GemRegistry, ask: GemAsking) -> None:
    registry.add("web@1.0")
    registry.add("web@2.0", ruby=">= 3.2")
    registry.add("web@3.0", rubygems=">= 4, < 5")
    assert await ask.pins("web") == ["web@1.0"]
    answer = await ask.impossible("web@>= 2, < 3")
    assert answer.reasons == [
        "Because web 2.0 needs Ruby >= 3.2, and you ask for what goes with Ruby 3.1.2, web 2.0 cannot be used.",
        "And because you ask for web < 3, >= 2, there is no solution.",
    ]
    assert answer.remedies == ["allow web 1.0: you ask for web < 3, >= 2"]
    assert "RubyGems < 5, >= 4" in (await ask.impossible("web@3.0")).reasons[0]
    ask.ruby("3.4.1")
    assert await ask.pins("web") == ["web@2.0"]
    ask.ruby("3.4.1", rubygems="4.0.1", bundler="4.0.1")
    assert await ask.pins("web") == ["web@3.0"]


async def test_where_there_is_no_ruby_nothing_is_asked_of_it(registry: GemRegistry, ask: GemAsking) -> None:
    registry.add("web@2.0", "bundler@>= 99", ruby=">= 3.2", rubygems=">= 99")
    registry.add("web@2.0-x86_64-linux")
    ask.ruby("")
    answer = await ask.resolved("web", "bundler")
    assert (answer.target, [one.file for one in answer.packages]) == ("ruby", ["web-2.0.gem"])


async def test_bundler_is_what_is_here(registry: GemRegistry, ask: GemAsking) -> None:
    registry.add("web@1.0", "bundler@>= 1.15")
    registry.add("web@2.0", "bundler@>= 99")
    assert await ask.pins("web", "bundler@> 1") == ["web@1.0"]
    answer = await ask.impossible("web@2.0")
    assert "web 2.0 needs bundler >= 99, and you ask for what goes with bundler 2.3.15" in answer.reasons[0]
    answer = await ask.impossible("bundler@>= 3", "web")
    assert answer.reasons == [
        "Because you ask for bundler >= 3 and what goes with bundler 2.3.15, there is no solution."
    ]
    assert "info/bundler" not in registry.paths()


async def test_a_gem_that_needs_itself(registry: GemRegistry, ask: GemAsking) -> None:
    registry.add("web@1.0", "web@>= 1.0", "core")
    registry.add("web@1.1", "web@>= 2.0")
    registry.add("core@1.0")
    assert await ask.pins("web") == ["core@1.0", "web@1.0"]


async def test_gems_that_need_each_other(registry: GemRegistry, ask: GemAsking) -> None:
    registry.add("web@1.0", "core@~> 1.0")
    registry.add("core@1.0", "web@>= 1")
    registry.add("core@1.1", "web@>= 2")
    assert await ask.pins("web") == ["core@1.0", "web@1.0"]


async def test_a_gem_that_is_missing_in_the_middle(registry: GemRegistry, ask: GemAsking) -> None:
    registry.add("web@1.0")
    registry.add("web@2.0", "gone@>= 1")
    assert await ask.pins("web") == ["web@1.0"]
    answer = await ask.impossible("web@>= 2")
    assert "gone >= 1" in answer.reasons[0]
    assert answer.notes == ["gone: no source has it"]
    with pytest.raises(NotFoundError, match="gem nothing-there: there is none") as caught:
        await ask.answer("nothing-there")
    assert caught.value.suggestions


async def test_names_that_differ_in_capitals(registry: GemRegistry, ask: GemAsking) -> None:
    registry.add("RedCloth@1.0")
    assert await ask.pins("RedCloth") == ["RedCloth@1.0"]
    with pytest.raises(NotFoundError):
        await ask.answer("redcloth")


async def test_no_way_is_explained(registry: GemRegistry, ask: GemAsking) -> None:
    registry.add("web@1.0", "core@< 1.2")
    registry.add("web@1.1", "core@< 1.3")
    for version in ("1.1", "1.2", "1.3"):
        registry.add(f"core@{version}")
    registry.lines["core"].append("broken line|")
    answer = await ask.impossible("web@>= 1.1", "core@>= 1.3")
    assert answer.reasons == [
        "Because web 1.1 needs core < 1.3, and you ask for core >= 1.3, web 1.1 cannot be used.",
        "And because you ask for web >= 1.1, there is no solution.",
    ]
    assert answer.remedies == ["allow core 1.2: you ask for core >= 1.3"]
    assert answer.notes == ["core: 1 version in a form that cannot be read"]
    error = answer.error()
    assert (error.code, error.suggestions) == ("CONFLICT", answer.remedies)


async def test_prereleases_that_were_passed_over_are_told_of(registry: GemRegistry, ask: GemAsking) -> None:
    registry.add("web@1.0", ruby=">= 9")
    registry.add("web@0.9.rc1", ruby=">= 9")
    answer = await ask.impossible("web")
    assert answer.reasons[-1].endswith("there is no solution.")
    registry.add("tool@1.0", "web@>= 0.9.a")
    registry.add("core@1.0")
    registry.add("core@2.0.a")
    registry.add("lib@1.0", "core@< 1")
    answer = await ask.impossible("lib", "core@>= 1.0")
    assert any("core" in reason for reason in answer.reasons)


async def test_variants_are_called_by_their_platforms_where_it_matters(registry: GemRegistry, ask: GemAsking) -> None:
    registry.add("web@1.0", "core@1.0")
    registry.add("web@1.0-x86_64-linux", "core@2.0")
    for version in ("1.0", "2.0", "3.0"):
        registry.add(f"core@{version}")
    answer = await ask.impossible("web", "core@3.0")
    text = " ".join(answer.reasons)
    assert "web 1.0-x86_64-linux" in text
    assert "web 1.0 needs" in text or "web 1.0 cannot" in text or "web 1.0 and" in text


async def test_it_ends_in_time(registry: GemRegistry, ask: GemAsking) -> None:
    registry.add("web@1.0")
    with pytest.raises(DeadlineExceededError):
        await ask.answer("web", seconds=-1.0)


async def test_the_search_for_hard_questions(
    registry: GemRegistry, ask: GemAsking, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("outrider.operators.packages.gem.order._MOST_CONFLICTS", 0)
    for minor in range(12):
        registry.add(f"web@1.{minor}", f"core@= 1.{minor}", "tools@< 4")
        registry.add(f"core@1.{minor}", f"tools@>= {minor / 4}")
        registry.add(f"tools@{minor}")
    assert await ask.pins("web", "core@<= 1.4") == ["core@1.4", "tools@3", "web@1.4"]


def drawn(seed: int) -> tuple[dict[str, Gem], list[GemNeed]]:
    """Return random gems, and what is asked of them."""
    registry = GemRegistry()
    question = draw(Random(seed), registry, f"s{seed}")
    gems = {name: Gem(name, compiled(info(registry.lines[name])), HERE) for name in question.names}
    return gems, [_read(0, text) for text in question.asked]


async def chosen(folder: Path, gems: dict[str, Gem], asked: list[GemNeed]) -> dict[str, str] | None:
    """Return what is chosen of gems; None where there is no solution."""
    source = GemSource(GemClient([]), GemStore(folder, ""), HERE, policy=ADMIT_ALL, clock=SystemClock())
    source.gems.update(gems)
    answer = await GemResolver(source).resolve(asked)
    return {one.name: one.version for one in answer.packages} if isinstance(answer, Resolved) else None


@pytest.mark.parametrize("part", range(4))
async def test_it_is_what_bundler_locks(part: int, tmp_path: Path) -> None:
    """`bundler_table` has asked Bundler; where that has lost its way, there is a solution all the same."""
    locks: list[str | None] = json.loads(TABLE.read_text())["locks"]
    wrong = []
    for seed in range(part, len(locks), 4):
        found = await chosen(tmp_path, *drawn(seed))
        shown = None if found is None else ", ".join(f"{name.partition('-')[2]} {found[name]}" for name in found)
        if shown != locks[seed] and not (locks[seed] == "?" and shown):
            wrong.append((seed, shown, locks[seed]))
    assert wrong == []
    assert len(locks) / 2 < sum(one is not None for one in locks) < len(locks)
    assert locks.count("?") < len(locks) / 100


def test_the_order_of_bundler_and_the_solver_agree() -> None:
    solvable = 0
    for seed in range(400):
        gems, asked = drawn(seed)
        for gem in gems.values():
            gem.explored = gem.table.everything
        modes = Modes(gems, asked)
        order = GemOrder(gems, modes, HERE, asked)
        found = order.run(lambda: None)
        assert isinstance(found, bool)
        universe = GemUniverse(gems, modes, HERE)
        roots = universe.roots(asked)
        answer = _outcome(universe, roots)
        if found:
            picked = {universe.number(name): bit for name, bit in order.chosen.items()}
            assert isinstance(answer, Solution), seed
            here = {package: 0 for package, _ in roots if package not in picked}
            assert list(unmet(universe, roots, picked | here)) == [], seed
        else:
            assert isinstance(answer, Unsolvable), seed
            assert list(unfounded(universe, roots, answer.proof)) == [], seed
        solvable += found
    assert 150 < solvable < 380


def _outcome(universe: GemUniverse, roots: list[tuple[int, int]]) -> Solution | Unsolvable:
    try:
        return solve(universe, roots)
    except Unsolvable as answer:
        return answer


async def test_what_is_looked_at_later_changes_no_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for seed in range(120):
        before = await chosen(tmp_path, *drawn(seed))
        with monkeypatch.context() as patched:
            patched.setattr("outrider.operators.packages.gem.order._MOST_CONFLICTS", 0)
            after = await chosen(tmp_path, *drawn(seed))
        assert (before is None) == (after is None), seed
