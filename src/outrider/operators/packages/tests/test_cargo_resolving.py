import asyncio
import os
import re
import shutil
import subprocess
import tomllib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from random import Random
from threading import Event
from typing import Any

import pytest

from outrider.core.errors import DeadlineExceededError, InvalidConfigError, NotFoundError
from outrider.operators.packages.cargo import session as cargo_session
from outrider.operators.packages.cargo.all_sources import CargoSources
from outrider.operators.packages.cargo.chosen import Chosen
from outrider.operators.packages.cargo.crates import Crate, Want, bucket_of
from outrider.operators.packages.cargo.git_repositories import GitRepositories
from outrider.operators.packages.cargo.order import CargoOrder
from outrider.operators.packages.cargo.records import compiled
from outrider.operators.packages.cargo.resolver import CargoResolver
from outrider.operators.packages.cargo.settings import CargoSettings
from outrider.operators.packages.cargo.sources import CargoSource
from outrider.operators.packages.cargo.universe import CargoUniverse
from outrider.operators.packages.resolving.checking import unfounded, unmet
from outrider.operators.packages.resolving.outcomes import Resolved
from outrider.operators.packages.resolving.questions import Question
from outrider.operators.packages.resolving.searching import bits, in_thread
from outrider.operators.packages.resolving.solver import Solution, Unsolvable, solve
from outrider.operators.packages.tests.cargo_registry import CargoAsking, CargoRegistry, checksum, need
from outrider.ports.clock import SystemClock


@pytest.fixture
async def registry() -> AsyncIterator[CargoRegistry]:
    async with CargoRegistry() as registry:
        yield registry


@pytest.fixture
def ask(registry: CargoRegistry, tmp_path: Path) -> CargoAsking:
    return CargoAsking(tmp_path, registry.url)


async def test_the_newest_that_goes_together(registry: CargoRegistry, ask: CargoAsking) -> None:
    registry.add("web@1.0.0", "core@1")
    registry.add("web@1.2.0", "core@>=1, <1.5", "tools@^0.3.1")
    registry.add("web@2.0.0-rc.1")
    for version in ("1.0.0", "1.4.9", "1.5.0", "2.0.0"):
        registry.add(f"core@{version}")
    registry.add("tools@0.3.2", "core@1")
    registry.add("tools@0.4.0")
    answer = await ask.resolved("web")
    assert answer.target == "cargo"
    assert [(one.name, one.version, one.needed_by) for one in answer.packages] == [
        ("core", "1.4.9", ["tools", "web"]),
        ("tools", "0.3.2", ["web"]),
        ("web", "1.2.0", []),
    ]
    first = answer.packages[0]
    assert (first.file, first.url) == ("core-1.4.9.crate", "https://files.test/crates/core/1.4.9/download")
    assert first.hashes == {"sha256": checksum("core@1.4.9")}


@pytest.mark.parametrize(
    ("version", "bucket"),
    [
        ("1.2.3", "1"),
        ("0.3.1", "0.3"),
        ("0.0.4", "0.0.4"),
        ("1.0.0-rc.1", "1"),
        ("0.3.0+a.b", "0.3"),
        ("0.0.0", "0.0.0"),
    ],
)
def test_what_is_compatible(version: str, bucket: str) -> None:
    assert bucket_of(version) == bucket


async def test_versions_that_are_not_compatible_stand_side_by_side(registry: CargoRegistry, ask: CargoAsking) -> None:
    registry.add("web@1.0.0", "core@0.1", "tools@1")
    registry.add("tools@1.0.0", "core@0.2")
    for version in ("0.1.0", "0.1.1", "0.2.0", "0.2.7"):
        registry.add(f"core@{version}")
    answer = await ask.resolved("web@1")
    assert [(one.name, one.version, one.needed_by) for one in answer.packages][:2] == [
        ("core", "0.1.1", ["web"]),
        ("core", "0.2.7", ["tools"]),
    ]


async def test_who_needs_it_is_named_with_a_version_where_there_are_several(
    registry: CargoRegistry, ask: CargoAsking
) -> None:
    registry.add("web@1.0.0", "core@1")
    registry.add("web@2.0.0", "core@1")
    registry.add("core@1.0.0")
    answer = await ask.resolved("web@1", "web@2")
    assert answer.packages[0].needed_by == ["web 1.0.0", "web 2.0.0"]


async def test_a_requirement_over_two_buckets_takes_the_newer_one(registry: CargoRegistry, ask: CargoAsking) -> None:
    registry.add("web@1.0.0", need("core@>=0.7, <0.9", features=["fast"]))
    for version in ("0.7.5", "0.8.1", "0.9.0"):
        registry.add(f"core@{version}", features={"fast": []})
    assert await ask.pins("web", "core@0.7") == ["core@0.7.5", "core[fast]@0.8.1", "web@1.0.0"]


async def test_a_requirement_over_two_buckets_takes_the_older_one_where_it_must(
    registry: CargoRegistry, ask: CargoAsking
) -> None:
    registry.add("web@1.0.0", "core@>=0.7, <0.9")
    registry.add("core@0.7.5", "tools@1")
    registry.add("core@0.8.1", "tools@=1.0.0")
    registry.add("tools@1.0.0")
    registry.add("tools@1.1.0")
    assert await ask.pins("web", "tools@1.1") == ["core@0.7.5", "tools@1.1.0", "web@1.0.0"]


async def test_an_older_version_where_the_newest_clashes(registry: CargoRegistry, ask: CargoAsking) -> None:
    for minor in range(12):
        registry.add(f"web@1.{minor}.0", f"core@=1.{minor}.0")
        registry.add(f"core@1.{minor}.0")
    assert await ask.pins("web", "core@<=1.4") == ["core@1.4.0", "web@1.4.0"]


async def test_a_native_library_is_linked_once(registry: CargoRegistry, ask: CargoAsking) -> None:
    registry.add("z-sys@1.0.0", links="z")
    registry.add("z-sys@2.0.0", links="z")
    registry.add("other-z@0.1.0", links="z")
    registry.add("web@1.0.0", "z-sys@1")
    registry.add("web@1.1.0", "z-sys@2")
    assert await ask.pins("web", "z-sys@1") == ["web@1.0.0", "z-sys@1.0.0"]
    answer = await ask.impossible("web@=1.1.0", "other-z")
    assert any("the native library z of z-sys 2.0.0" in reason for reason in answer.reasons)
    assert answer.remedies == []


async def test_what_was_taken_back_is_not_taken(registry: CargoRegistry, ask: CargoAsking) -> None:
    registry.add("web@1.0.0")
    registry.add("web@1.1.0", yanked=True)
    assert await ask.pins("web") == ["web@1.0.0"]
    answer = await ask.impossible("web@=1.1.0")
    assert answer.notes == ["web: 1 version has been taken back"]


async def test_prereleases_where_they_are_named(registry: CargoRegistry, ask: CargoAsking) -> None:
    registry.add("web@1.0.0")
    registry.add("web@1.1.0-beta.2")
    assert await ask.pins("web@1") == ["web@1.0.0"]
    assert await ask.pins("web@1.1.0-beta.1") == ["web@1.1.0-beta.2"]


async def test_what_is_needed_on_any_machine_but_not_for_tests(registry: CargoRegistry, ask: CargoAsking) -> None:
    registry.add(
        "web@1.0.0",
        need("windows@1", target="cfg(windows)"),
        need("arm@1", target="aarch64-unknown-none"),
        need("builder@1", kind="build"),
        need("checker@1", kind="dev"),
        need("plain@1", kind=None),
    )
    for name in ("windows", "arm", "builder", "checker", "plain"):
        registry.add(f"{name}@1.0.0")
    found = await ask.pins("web")
    assert found == ["arm@1.0.0", "builder@1.0.0", "plain@1.0.0", "web@1.0.0", "windows@1.0.0"]
    assert "checker" not in registry.names()


async def test_another_name_for_a_crate(registry: CargoRegistry, ask: CargoAsking) -> None:
    registry.add(
        "web@1.0.0",
        need("old@1", package="core"),
        need("?new@2", package="core"),
        features={"more": ["new/fast", "old/slow"]},
    )
    registry.add("core@1.0.0", features={"slow": []})
    registry.add("core@2.0.0", features={"fast": []})
    assert await ask.pins("web") == ["core@1.0.0", "web@1.0.0"]
    assert await ask.pins("web[more]") == ["core[slow]@1.0.0", "core[fast]@2.0.0", "web[more,new]@1.0.0"]


FEATURES: list[tuple[str, dict[str, list[str]], list[str]]] = [
    ("web", {}, ["web@1.0.0"]),
    ("web[core]", {}, ["core[base]@1.0.0", "web[core]@1.0.0"]),
    ("web", {"default": ["core"]}, ["core[base]@1.0.0", "web[core]@1.0.0"]),
    ("web[a]", {"a": ["b"], "b": ["a", "core"]}, ["core[base]@1.0.0", "web[a,b,core]@1.0.0"]),
    ("web[a]", {"a": ["dep:core"]}, ["core[base]@1.0.0", "web[a]@1.0.0"]),
    ("web[a]", {"a": ["core/fast"]}, ["core[base,fast]@1.0.0", "web[a,core]@1.0.0"]),
    ("web[a]", {"a": ["core/fast"], "b": ["dep:core"]}, ["core[base,fast]@1.0.0", "web[a]@1.0.0"]),
    (
        "web[a]",
        {"a": ["core/fast"], "core": ["dep:core", "b"], "b": []},
        ["core[base,fast]@1.0.0", "web[a,b,core]@1.0.0"],
    ),
    # Cargo.lock has what a weak feature names, even where nothing else brings it in.
    ("web[a]", {"a": ["core?/fast"]}, ["core[base,fast]@1.0.0", "web[a]@1.0.0"]),
    ("web[a,core]", {"a": ["core?/fast"]}, ["core[base,fast]@1.0.0", "web[a,core]@1.0.0"]),
]


@pytest.mark.parametrize(("asked", "features", "found"), FEATURES)
async def test_features(
    asked: str, features: dict[str, list[str]], found: list[str], registry: CargoRegistry, ask: CargoAsking
) -> None:
    registry.add("web@1.0.0", "?core@1", features=features)
    registry.add("core@1.0.0", features={"default": ["base"], "base": [], "fast": []})
    assert await ask.pins(asked) == found


@pytest.mark.parametrize(("asked", "features", "found"), FEATURES)
async def test_features_in_the_newer_field(
    asked: str, features: dict[str, list[str]], found: list[str], registry: CargoRegistry, ask: CargoAsking
) -> None:
    registry.add("web@1.0.0", "?core@1", features2=features, v=2)
    registry.add("core@1.0.0", features2={"default": ["base"]}, features={"base": [], "fast": []}, v=2)
    assert await ask.pins(asked) == found


async def test_what_is_usual_may_be_declined(registry: CargoRegistry, ask: CargoAsking) -> None:
    registry.add("web@1.0.0", need("core@1", default_features=False, features=["fast"]))
    registry.add("core@1.0.0", "?big@1", features={"default": ["big"], "fast": []})
    registry.add("big@1.0.0")
    assert await ask.pins("web") == ["core[fast]@1.0.0", "web@1.0.0"]
    assert await ask.pins("web", "core@1") == ["big@1.0.0", "core[big,fast]@1.0.0", "web@1.0.0"]


async def test_what_is_usual_is_told_of_those_that_have_it(registry: CargoRegistry, ask: CargoAsking) -> None:
    registry.add("web@1.0.0", "core@1", features={"default": []})
    registry.add("core@1.0.0")
    assert [one.extras for one in (await ask.resolved("web")).packages] == [[], ["default"]]


async def test_a_version_without_the_feature_is_passed_over(registry: CargoRegistry, ask: CargoAsking) -> None:
    registry.add("web@1.0.0", need("core@1", features=["fast"]))
    registry.add("core@1.0.0", features={"fast": []})
    registry.add("core@1.1.0")
    assert await ask.pins("web") == ["core[fast]@1.0.0", "web@1.0.0"]
    answer = await ask.impossible("core[none]@1")
    assert answer.reasons == ["core 1 has no feature none: 1.1.0 has none."]
    assert answer.asked == ["core[none] 1"]


async def test_a_feature_that_no_version_has_is_told_with_those_that_there_are(
    registry: CargoRegistry, ask: CargoAsking
) -> None:
    registry.add("core@1.0.0", "?tools@1", features={"default": [], "fast": []})
    answer = await ask.impossible("core[fats]")
    assert answer.reasons == ["core has no feature fats: 1.0.0 has fast, tools."]
    assert answer.remedies == ["ask for core[fast]"]
    assert (await ask.impossible("core[x]@1")).remedies == ["ask for core without x"]


async def test_a_crate_that_needs_itself_in_another_bucket(registry: CargoRegistry, ask: CargoAsking) -> None:
    registry.add("core@0.1.9", "core@0.2")
    registry.add("core@0.2.0")
    answer = await ask.resolved("core@0.1")
    assert [(one.version, one.needed_by) for one in answer.packages] == [("0.1.9", []), ("0.2.0", ["core 0.1.9"])]


async def test_two_wishes_of_one_version_for_one_crate(registry: CargoRegistry, ask: CargoAsking) -> None:
    registry.add("web@1.0.0", need("core@<1.3", target="cfg(unix)"), need("core@>=1.1", target="cfg(windows)"))
    for minor in range(5):
        registry.add(f"core@1.{minor}.0")
    assert await ask.pins("web", "core@1") == ["core@1.2.0", "web@1.0.0"]


async def test_no_way_is_explained(registry: CargoRegistry, ask: CargoAsking) -> None:
    registry.add("web@1.0.0", "core@<1.2, >=1")
    registry.add("web@1.1.0", "core@<1.3, >=1")
    registry.add("core@1.1.0")
    registry.add("core@1.2.0")
    registry.add("core@1.3.0")
    answer = await ask.impossible("web@1", "core@^1.3")
    assert answer.reasons[-1].endswith("there is no solution.")
    assert answer.remedies == ["allow core 1.2.0: you ask for core ^1.3"]


async def test_what_there_is_not(registry: CargoRegistry, ask: CargoAsking) -> None:
    registry.add("web@1.0.0", "gone@1")
    registry.add("web@0.9.0")
    with pytest.raises(NotFoundError, match="nothing-there"):
        await ask.answer("nothing-there")
    assert await ask.pins("web@>=0.9") == ["web@0.9.0"]
    answer = await ask.impossible("web@1")
    assert "gone 1" in answer.reasons[0]


async def test_names_that_differ_in_capitals(registry: CargoRegistry, ask: CargoAsking) -> None:
    registry.add("Web@1.0.0")
    assert await ask.pins("Web") == ["Web@1.0.0"]
    with pytest.raises(NotFoundError):
        await ask.answer("web")


@pytest.mark.parametrize("text", ["", "web@", "web@one", "we b", "web[a", "web@1 || 2", "web@@1", "../web"])
async def test_what_is_no_package(text: str, ask: CargoAsking) -> None:
    with pytest.raises(InvalidConfigError, match="not a package of Cargo") as caught:
        await ask.answer("web", text)
    assert caught.value.path == "packages[1]"


async def test_it_ends_in_time(registry: CargoRegistry, ask: CargoAsking) -> None:
    registry.add("web@1.0.0")
    with pytest.raises(DeadlineExceededError):
        await ask.answer("web", seconds=-1.0)


async def test_a_search_ends_where_nobody_waits_for_it() -> None:
    begun, ended = Event(), Event()

    def work(check: Callable[[], None]) -> None:
        begun.set()
        try:
            while True:
                check()
        finally:
            ended.set()

    task = asyncio.create_task(in_thread(work, lambda: None))
    assert await asyncio.to_thread(begun.wait, 5)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await asyncio.to_thread(ended.wait, 5)


async def test_the_search_for_hard_questions(
    registry: CargoRegistry, ask: CargoAsking, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("outrider.operators.packages.cargo.order._MOST_STEPS", 1)
    for minor in range(6):
        registry.add(f"web@1.{minor}.0", f"core@=0.1.{minor}", "tools@>=0.1, <0.4")
        registry.add(f"core@0.1.{minor}", links="core")
        registry.add(f"tools@0.{minor}.0", need("core@0.1", features=["default"]))
    assert await ask.pins("web", "core@<=0.1.2") == ["core@0.1.2", "tools@0.3.0", "web@1.2.0"]


def drawn(random: Random) -> tuple[dict[str, Crate], list[Want]]:
    """Return a small universe of crates, and wishes."""
    names, versions = "abcd", ("0.1.0", "0.1.1", "0.2.0", "1.0.0")
    crates = {}
    for name in names:
        lines = CargoRegistry()
        for version in versions:
            others = [one for one in random.sample(names, random.randint(1, 3)) if one != name]
            needs = [_drawn_need(random, other) for other in others]
            values = [f"{other}{random.choice(('?', ''))}/f" for other in others]
            features = {"f": values} if random.random() < 0.7 else {}
            lines.add(f"{name}@{version}", *needs, features=features, links="z" if random.random() < 0.3 else None)
        crates[name] = Crate(name, compiled(name, b"\n".join(lines.lines[name])))
    return crates, [Want(name, _range(random)) for name in random.sample(names, 3)]


def _drawn_need(random: Random, name: str) -> dict[str, Any]:
    features = random.sample(["f"], random.randint(0, 1))
    return need(f"{random.choice(('', '', '?'))}{name}@{_range(random)}", features=features)


def _range(random: Random) -> str:
    return random.choice(("0.1", "0.2", "=0.1.0", ">=0.1, <0.3", ">=0.2", "<0.1.1"))


def test_the_order_of_cargo_and_the_solver_agree() -> None:
    solvable = 0
    for seed in range(400):
        crates, asked = drawn(Random(seed))
        order = CargoOrder(crates, asked)
        found = order.run(lambda: None)
        assert isinstance(found, bool)
        assert _solvable(_whole(crates), asked) == found, seed
        if found:
            for crate in crates.values():
                crate.explored = 0
            features = {}
            for (name, bit), on in order.answer().features.items():
                crates[name].explored |= 1 << bit
                features[name, bucket_of(crates[name].table.versions[bit])] = on
            assert _solvable(CargoUniverse(crates, features), asked), seed
        solvable += found
    assert 100 < solvable < 390


def test_what_a_feature_needs_is_held_against_its_version() -> None:
    lines = CargoRegistry()
    lines.add("gone@1.0.0")
    lines.add("web@1.0.0", features={"all": []})
    lines.add("web@2.0.0", "?gone@9", features={"all": ["dep:gone"]})
    asked = [Want("web", "*"), Want("web", "*", ("all",))]
    for is_coarse, versions in ((True, [0]), (False, [0, 1])):
        crates = {name: Crate(name, compiled(name, b"\n".join(found))) for name, found in lines.lines.items()}
        order = CargoOrder(crates, asked, is_coarse=is_coarse)
        assert order.run(lambda: None) is True
        assert [bit for _, bit in sorted(order.answer().features)] == versions


async def test_what_is_looked_at_later_changes_no_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("outrider.operators.packages.cargo.order._MOST_STEPS", 0)
    for seed in range(150):
        crates, asked = drawn(Random(seed))
        source = _sources(tmp_path)
        source.crates = crates
        answer = await CargoResolver(source)._answer(asked)
        assert isinstance(answer, Chosen) == _solvable(_whole(crates), asked), seed


def _sources(folder: Path) -> CargoSources:
    """Return sources without a registry."""
    question = Question(
        packages=[], cache=folder, folder=folder, environment={}, clock=SystemClock(), deadline=float("inf")
    )
    return CargoSources(_unopened, GitRepositories(question), CargoSettings({}, folder))


async def _unopened(place: str) -> CargoSource:
    raise AssertionError(place)


def _whole(crates: dict[str, Crate]) -> CargoUniverse:
    """Return all that there is."""
    for crate in crates.values():
        crate.explored = crate.usable
    return CargoUniverse(crates, _every_feature(crates))


def _every_feature(crates: dict[str, Crate]) -> dict[tuple[str, str], set[str]]:
    return {
        (name, bucket): {"f", "default", *"abcd"}
        for name, crate in crates.items()
        for bucket in crate.buckets(crate.usable)
    }


def _solvable(universe: CargoUniverse, asked: list[Want]) -> bool:
    """Solve, check the answer, and return whether there is a solution."""
    roots: dict[int, int] = {}
    for package, mask in universe.roots(asked):
        roots[package] = roots.get(package, mask) & mask
    answer = _outcome(universe, roots)
    if isinstance(answer, Unsolvable):
        assert list(unfounded(universe, roots.items(), answer.proof)) == []
        return False
    assert list(unmet(universe, list(roots.items()), answer.chosen)) == []
    return True


def _outcome(universe: CargoUniverse, roots: dict[int, int]) -> Solution | Unsolvable:
    try:
        return solve(universe, roots.items())
    except Unsolvable as answer:
        return answer


def test_bits() -> None:
    assert list(bits(0b1011)) == [0, 1, 3]


REAL = [
    ["serde[derive]@1", "rand@0.8", "rand@0.9"],
    ["openssl@0.10", "tokio[full]@1"],
    ["proc-macro-crate@2", "toml@0.8"],
]


@pytest.mark.real
@pytest.mark.timeout(300)
@pytest.mark.skipif(shutil.which("cargo") is None, reason="cargo is not installed")
@pytest.mark.parametrize("asked", REAL, ids=lambda asked: asked[0])
async def test_it_is_what_cargo_chooses(asked: list[str], tmp_path: Path) -> None:
    clock = SystemClock()
    question = Question(
        packages=asked,
        cache=tmp_path / "cache",
        folder=tmp_path,
        environment=os.environ,
        clock=clock,
        deadline=clock.monotonic() + 120,
    )
    answer = await cargo_session.resolve(question)
    assert isinstance(answer, Resolved)
    found = {(one.name, one.version): one.hashes["sha256"] for one in answer.packages}
    assert found == locked(asked, tmp_path / "native")


def locked(asked: list[str], folder: Path) -> dict[tuple[str, str], str]:
    """Return what Cargo itself chooses, with its checksums."""
    (folder / "src").mkdir(parents=True)
    (folder / "src" / "lib.rs").touch()
    lines = ["[package]", 'name = "asked"', 'version = "0.0.0"', 'edition = "2021"', 'resolver = "2"', "[dependencies]"]
    for position, text in enumerate(asked):
        name, features, requirement = re.fullmatch(r"([\w-]+)(?:\[(.*)\])?@(.*)", text).groups("")  # type: ignore[union-attr]
        named = [one for one in features.split(",") if one]
        lines.append(f"d{position} = {{ package = '{name}', version = '{requirement}', features = {named} }}")
    (folder / "Cargo.toml").write_text("\n".join(lines))
    subprocess.run(["cargo", "generate-lockfile"], cwd=folder, check=True, capture_output=True)
    lock = tomllib.loads((folder / "Cargo.lock").read_text())
    return {(one["name"], one["version"]): one["checksum"] for one in lock["package"] if "checksum" in one}
