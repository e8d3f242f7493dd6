from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from outrider.core.errors import DeadlineExceededError, InvalidConfigError, NotFoundError
from outrider.operators.packages.operations.resolve import OPERATION, told
from outrider.operators.packages.tests.composer_registry import ComposerAsking, ComposerRegistry, fake_programs
from outrider.ports.clock.manual import ManualClock


@pytest.fixture
async def registry() -> AsyncIterator[ComposerRegistry]:
    async with ComposerRegistry() as registry:
        yield registry


@pytest.fixture
def ask(registry: ComposerRegistry, tmp_path: Path) -> ComposerAsking:
    return ComposerAsking(tmp_path, registry.url)


async def test_the_newest_that_goes_together(registry: ComposerRegistry, ask: ComposerAsking) -> None:
    registry.add("acme/web 1.0.0", "acme/core ^1", "php >=8", "ext-json *")
    registry.add("acme/web 1.2.0", "acme/core >=1 <1.5", "acme/tools ~0.3.1")
    registry.add("acme/web 2.0.0-RC1")
    for version in ("1.0.0", "v1.4.9", "1.5.0", "2.0.0"):
        registry.add(f"acme/core {version}")
    registry.add(
        "acme/tools 0.3.2", "acme/core ^1", dist={"type": "zip", "url": "https://files.test/t/abc", "shasum": "5e1"}
    )
    registry.add("acme/tools 0.4.0")
    answer = await ask.resolved("acme/web")
    assert answer.target == "php 8.2.1"
    assert [(one.name, one.version, one.needed_by) for one in answer.packages] == [
        ("acme/core", "v1.4.9", ["acme/tools", "acme/web"]),
        ("acme/tools", "0.3.2", ["acme/web"]),
        ("acme/web", "1.2.0", []),
    ]
    first, second = answer.packages[:2]
    assert (first.file, first.url) == ("acme-core-v1.4.9.zip", "https://files.test/acme-core-v1.4.9.zip")
    assert (second.file, second.hashes, first.hashes) == ("abc", {"sha1": "5e1"}, {})
    assert OPERATION.text is not None
    assert list(OPERATION.text(told(answer)))[-1] == "acme/web@1.2.0"


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("acme/web", "1.2.0"),
        ("Acme/Web", "1.2.0"),
        ("acme/web:^1.0 <1.2", "1.0.0"),
        ("acme/web=1.0.*", "1.0.0"),
        ("acme/web ~1.0.0", "1.0.0"),
        ("acme/web@1.0.0", "1.0.0"),
        ("acme/web:@beta", "2.0.0-beta3"),
        ("acme/web@beta", "2.0.0-beta3"),
        ("acme/web:^2.0@RC", ""),
        ("acme/web:2.0.0-beta3", "2.0.0-beta3"),
        ("acme/web:^2.0-beta1", "2.0.0-beta3"),
        ("acme/web:@dev", "dev-main"),
        ("acme/web:dev-main", "dev-main"),
        ("acme/web:3.x-dev", "dev-main"),
        ("acme/web:^1.0 || ^3.0@dev", "dev-main"),
    ],
)
async def test_what_is_asked_for(asked: str, found: str, registry: ComposerRegistry, ask: ComposerAsking) -> None:
    for version in ("1.0.0", "1.2.0", "2.0.0-beta3"):
        registry.add(f"acme/web {version}")
    registry.branch("acme/web dev-main", "3.x-dev")
    if found:
        assert await ask.pins(asked) == [f"acme/web {found}"]
    else:
        await ask.impossible(asked)


@pytest.mark.parametrize(
    ("minimum", "found"),
    [("stable", "1.0"), ("RC", "1.1-RC1"), ("beta", "1.2-beta1"), ("alpha", "1.3-a1"), ("DEV", "dev-main")],
)
async def test_how_unstable_versions_may_be(
    minimum: str, found: str, registry: ComposerRegistry, ask: ComposerAsking
) -> None:
    registry.add("acme/web 1.0", "acme/core *")
    for version in ("1.0", "1.1-RC1", "1.2-beta1", "1.3-a1"):
        registry.add(f"acme/core {version}")
    registry.branch("acme/core dev-main", "2.x-dev")
    ask.change(**{"minimum-stability": minimum})
    assert await ask.pins("acme/web") == [f"acme/core {found}", "acme/web 1.0"]
    ask.change(**{"prefer-stable": True})
    assert await ask.pins("acme/web") == ["acme/core 1.0", "acme/web 1.0"]


async def test_a_flag_is_for_its_package_alone(registry: ComposerRegistry, ask: ComposerAsking) -> None:
    registry.add("acme/web 1.0-beta1", "acme/core *")
    registry.add("acme/core 1.0")
    registry.add("acme/core 2.0-beta1")
    assert await ask.pins("acme/web:@dev") == ["acme/core 1.0", "acme/web 1.0-beta1"]
    assert await ask.pins("acme/web:@dev", "acme/core:@beta") == ["acme/core 2.0-beta1", "acme/web 1.0-beta1"]
    ask.change(**{"minimum-stability": "dev"})
    assert await ask.pins("acme/web", "acme/core:@stable") == ["acme/core 1.0", "acme/web 1.0-beta1"]


async def test_a_branch_is_called_by_a_number_too(registry: ComposerRegistry, ask: ComposerAsking) -> None:
    registry.add("acme/web 1.0", "acme/core ^2.1")
    registry.add("acme/core 2.0")
    registry.branch("acme/core dev-main", "2.1.x-dev")
    await ask.impossible("acme/web")
    assert await ask.pins("acme/web", "acme/core:@dev") == ["acme/core dev-main", "acme/web 1.0"]


async def test_the_default_branch_stands_for_the_newest_version(
    registry: ComposerRegistry, ask: ComposerAsking
) -> None:
    registry.add("acme/core dev-main", **{"default-branch": True})
    registry.add("acme/core dev-next")
    assert await ask.pins("acme/core:@dev") == ["acme/core dev-main"]
    assert await ask.pins("acme/core:dev-next") == ["acme/core dev-next"]


async def test_a_branch_that_is_to_be_called_by_another_version(
    registry: ComposerRegistry, ask: ComposerAsking
) -> None:
    registry.add("acme/web 1.0", "acme/core ^1.5")
    registry.add("acme/core 1.4")
    registry.add("acme/core dev-fix")
    assert await ask.pins("acme/web", "acme/core:dev-fix as 1.5.0") == ["acme/core dev-fix", "acme/web 1.0"]
    pinned = await ask.resolved("acme/core:dev-fix#0a1b2c")
    assert [(one.version, one.url, one.file) for one in pinned.packages] == [("dev-fix", "", "")]


async def test_packages_of_one_version(registry: ComposerRegistry, ask: ComposerAsking) -> None:
    for version in ("1.0", "1.1"):
        registry.add(f"acme/web {version}", "acme/core self.version")
        registry.add(f"acme/core {version}")
    registry.branch("acme/web dev-main", "2.x-dev", "acme/core self.version")
    registry.branch("acme/core dev-main", "2.x-dev")
    assert await ask.pins("acme/web", "acme/core:<1.1") == ["acme/core 1.0", "acme/web 1.0"]
    assert await ask.pins("acme/web:@dev", "acme/core:@dev") == ["acme/core dev-main", "acme/web dev-main"]


async def test_what_is_provided(registry: ComposerRegistry, ask: ComposerAsking) -> None:
    registry.add("acme/web 1.0", "acme/log-implementation ^1 || ^2")
    registry.add("acme/mono 3.0", "+acme/log-implementation 1.2")
    registry.add("acme/mono 4.0", "+acme/log-implementation 3.0")
    assert await ask.pins("acme/web", "acme/mono") == ["acme/mono 3.0", "acme/web 1.0"]
    await ask.impossible("acme/web")
    registry.add("acme/other 1.0", "+acme/log-implementation *")
    assert await ask.pins("acme/web", "acme/mono:^4", "acme/other") == [
        "acme/mono 4.0",
        "acme/other 1.0",
        "acme/web 1.0",
    ]


async def test_what_is_replaced(registry: ComposerRegistry, ask: ComposerAsking) -> None:
    clock = ManualClock()
    registry.add("acme/web 1.0", "acme/core ^1", "acme/tools ^1")
    registry.add("acme/core 1.0")
    registry.add("acme/tools 1.0", "acme/core ^1")
    registry.add("acme/all 1.0", "=acme/core self.version", "=acme/tools self.version")
    assert await ask.pins("acme/web", clock=clock) == ["acme/core 1.0", "acme/tools 1.0", "acme/web 1.0"]
    answer = await ask.resolved("acme/web", "acme/all", clock=clock)
    assert [(one.name, one.needed_by) for one in answer.packages] == [("acme/all", ["acme/web"]), ("acme/web", [])]
    registry.add("acme/core 2.0")
    registry.modified = "later"
    clock.advance(601)
    nothing = await ask.impossible("acme/all", "acme/core:^2", clock=clock)
    assert "acme/core 2.0 and acme/all 1.0 cannot be used together" in " ".join(nothing.reasons)


async def test_what_does_not_go_together(registry: ComposerRegistry, ask: ComposerAsking) -> None:
    registry.add("acme/web 1.0", "!acme/core >=1.1 <1.3")
    for version in ("1.0", "1.1", "1.2"):
        registry.add(f"acme/core {version}")
    assert await ask.pins("acme/web", "acme/core") == ["acme/core 1.0", "acme/web 1.0"]
    assert await ask.pins("acme/web") == ["acme/web 1.0"]
    registry.add("acme/core 1.3", "!acme/web *")
    answer = await ask.impossible("acme/core:^1.1", "acme/web")
    assert answer.reasons[-1].endswith("there is no solution.")


async def test_who_provides_what_it_does_not_go_together_with(registry: ComposerRegistry, ask: ComposerAsking) -> None:
    registry.add("acme/web 1.0", "=acme/core 1.0", "!acme/core *")
    registry.branch("acme/web dev-main", "2.x-dev", "=acme/core 2.0", "!acme/core *")
    assert await ask.pins("acme/web") == ["acme/web 1.0"]
    # Its other name is not the same to Composer, and so it does not go together with itself.
    await ask.impossible("acme/web:dev-main")


async def test_what_needs_itself(registry: ComposerRegistry, ask: ComposerAsking) -> None:
    registry.add("acme/web 2.0", "acme/web ^1", "acme/core ^1", "=acme/core 1.0")
    registry.add("acme/web 1.0")
    assert await ask.pins("acme/web") == ["acme/web 2.0"]


async def test_another_version_of_its_own_does_not_meet_a_need(registry: ComposerRegistry, ask: ComposerAsking) -> None:
    registry.add("acme/web 2.0", "acme/core ^1")
    registry.add("acme/web 1.0", "=acme/core 1.0")
    assert await ask.pins("acme/web") == ["acme/web 1.0"]
    answer = await ask.impossible("acme/web:^2")
    assert "acme/core:^1" in answer.reasons[0]


async def test_the_platform(registry: ComposerRegistry, ask: ComposerAsking) -> None:
    registry.add("acme/web 1.0", "php ^7.4", "lib-curl *")
    registry.add("acme/web 2.0", "php >=8.1", "ext-json *", "composer-runtime-api ^2.0")
    registry.add("acme/web 3.0", "php >=8.3")
    registry.add("acme/web 4.0", "ext-own *")
    assert await ask.pins("acme/web") == ["acme/web 2.0"]
    assert await ask.pins("acme/web", "php:>=8") == ["acme/web 2.0"]
    await ask.impossible("php:>=8.3")
    await ask.impossible("acme/web", "ext-none")
    ask.change(config={"secure-http": False, "platform": {"php": "7.4.3", "ext-json": False}})
    assert await ask.pins("acme/web") == ["acme/web 1.0"]
    assert (await ask.resolved("acme/web")).target == "php 7.4.3"
    ask.change(config={"secure-http": False, "platform": {"EXT-own": "1.2"}})
    assert await ask.pins("acme/web") == ["acme/web 4.0"]


async def test_where_there_is_no_php(registry: ComposerRegistry, ask: ComposerAsking) -> None:
    registry.add("acme/web 1.0", "php ^5", "ext-own *", "lib-own *", "composer-plugin-api ^9", "acme/core ^1")
    registry.add("acme/core 1.0", "!ext-own *")
    ask.environment["PATH"] = str(ask.folder)
    answer = await ask.resolved("acme/web")
    assert [one.name for one in answer.packages] == ["acme/core", "acme/web"]
    assert answer.target == "any php"
    assert "php: it is not here" in answer.notes[0]
    nothing = await ask.impossible("acme/web", "acme/core:^2")
    assert nothing.notes == [
        "php: it is not here, so what is required of PHP, its extensions and of Composer counts as met",
        "composer: the repository that it comes with is not known here",
    ]
    assert await ask.pins("acme/core", "php:^5") == ["acme/core 1.0"]
    ask.change(config={"secure-http": False, "platform": {"php": "8.1.0"}})
    await ask.impossible("acme/web")


async def test_the_versions_of_what_goes_with_php_are_those_of_php(
    registry: ComposerRegistry, ask: ComposerAsking
) -> None:
    registry.add("acme/web 1.0", "php-64bit ^9")
    ask.change(config={"secure-http": False, "platform": {"php": "9.0"}})
    assert await ask.pins("acme/web") == ["acme/web 1.0"]


async def test_several_repositories(registry: ComposerRegistry, tmp_path: Path) -> None:
    async with ComposerRegistry("whole") as second:
        registry.add("acme/web 1.0", "acme/core *")
        registry.add("acme/core 1.0")
        second.add("acme/web 9.0")
        second.add("acme/core 2.0", "acme/tools *")
        second.add("acme/tools 1.0")
        places = [{"type": "composer", "url": one.url} for one in (registry, second)]
        ask = ComposerAsking(tmp_path, repositories=[*places, {"default.test": False}])
        assert await ask.pins("acme/web") == ["acme/core 1.0", "acme/web 1.0"]
        assert await ask.pins("acme/web", "acme/tools") == ["acme/core 1.0", "acme/tools 1.0", "acme/web 1.0"]
        ask.change(repositories=[{**places[0], "exclude": ["acme/c*"]}, places[1], {"default.test": False}])
        assert await ask.pins("acme/web") == ["acme/core 2.0", "acme/tools 1.0", "acme/web 1.0"]
        ask.change(repositories=[{**places[0], "only": ["acme/core"]}, places[1], {"default.test": False}])
        assert await ask.pins("acme/web") == ["acme/web 9.0"]
        ask.change(repositories=[{**places[0], "canonical": False}, places[1], {"default.test": False}])
        assert await ask.pins("acme/web", "acme/core:^2") == ["acme/core 2.0", "acme/tools 1.0", "acme/web 9.0"]
        assert await ask.pins("acme/web:^1", "acme/core:^1") == ["acme/core 1.0", "acme/web 1.0"]


async def test_packages_in_the_settings(registry: ComposerRegistry, tmp_path: Path) -> None:
    registry.add("acme/core 1.0")
    own = {
        "name": "acme/own",
        "version": "1.0",
        "require": {"acme/core": "^1"},
        "dist": {"type": "zip", "url": "https://files.test/own.zip"},
    }
    places = [
        {"type": "package", "package": [own, {**own, "version": "0.9"}]},
        {"type": "composer", "url": registry.url},
    ]
    ask = ComposerAsking(tmp_path, repositories=[*places, {"default.test": False}])
    assert await ask.pins("acme/own") == ["acme/core 1.0", "acme/own 1.0"]
    ask.change(repositories=[{"type": "package", "package": own}, places[1], {"default.test": False}])
    assert await ask.pins("acme/own") == ["acme/core 1.0", "acme/own 1.0"]


async def test_the_repository_that_composer_comes_with(registry: ComposerRegistry, ask: ComposerAsking) -> None:
    registry.add("acme/web 1.0")
    fake_programs(ask.folder / "bin", registry.url)
    ask.change(repositories=[])
    assert await ask.pins("acme/web") == ["acme/web 1.0"]


async def test_an_older_version_where_the_newest_clashes(registry: ComposerRegistry, ask: ComposerAsking) -> None:
    for minor in range(12):
        registry.add(f"acme/web 1.{minor}", f"acme/core 1.{minor}")
        registry.add(f"acme/core 1.{minor}")
    assert await ask.pins("acme/web", "acme/core:<=1.4") == ["acme/core 1.4", "acme/web 1.4"]


async def test_what_there_is_not(registry: ComposerRegistry, ask: ComposerAsking) -> None:
    registry.add("acme/web 1.0", "acme/gone ^1")
    registry.add("acme/web 0.9")
    with pytest.raises(NotFoundError, match="acme/nothing"):
        await ask.answer("acme/web", "acme/nothing")
    assert await ask.pins("acme/web") == ["acme/web 0.9"]
    answer = await ask.impossible("acme/web:^1")
    assert "acme/gone:^1" in answer.reasons[0]
    assert answer.notes == ["acme/gone: no repository has it"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "web",
        "acme/",
        "acme/web:",
        "acme/web:one two three",
        "acme/web:>",
        "../web",
        "acme/web:dev-a as",
        "a/b/c",
        "acme/web:^1 as 2 as 3",
    ],
)
async def test_what_is_no_package(text: str, ask: ComposerAsking) -> None:
    with pytest.raises(InvalidConfigError, match="not a package of Composer") as caught:
        await ask.answer("acme/web", text)
    assert caught.value.path == "packages[1]"


async def test_what_is_asked_for_twice(registry: ComposerRegistry, ask: ComposerAsking) -> None:
    registry.add("acme/web 1.0")
    with pytest.raises(InvalidConfigError) as caught:
        await ask.answer("acme/web", "ACME/web:^1")
    assert (caught.value.path, caught.value.expected) == ("packages[1]", "each package once")


async def test_it_ends_in_time(registry: ComposerRegistry, ask: ComposerAsking) -> None:
    registry.add("acme/web 1.0")
    with pytest.raises(DeadlineExceededError):
        await ask.answer("acme/web", seconds=-1.0)


async def test_the_search_for_hard_questions(
    registry: ComposerRegistry, ask: ComposerAsking, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("outrider.operators.packages.composer.order._MOST_STEPS", 0)
    registry.add("acme/web 1.0", "acme/log *", "acme/core ^1")
    registry.add("acme/core 1.0")
    registry.add("acme/core 1.1", "!acme/b *")
    registry.add("acme/a 1.0", "+acme/log 1.0", "acme/core ^2")
    registry.add("acme/b 1.0", "+acme/log 1.0")
    assert await ask.pins("acme/web", "acme/b") == ["acme/b 1.0", "acme/core 1.0", "acme/web 1.0"]


async def test_what_composer_leaves_out_too_early(registry: ComposerRegistry, ask: ComposerAsking) -> None:
    """Of versions that say the same it keeps the best one for each wish alone, and here no kept one is the best for both."""
    for version in ("1.4", "1.5", "1.6"):
        registry.add(f"acme/core {version}")
    registry.add("acme/web 1.0", "acme/core !=1.5", "acme/tools *")
    registry.add("acme/tools 1.0", "acme/core <=1.5")
    assert await ask.pins("acme/web") == ["acme/core 1.4", "acme/tools 1.0", "acme/web 1.0"]


async def test_facts(registry: ComposerRegistry, ask: ComposerAsking) -> None:
    registry.add("acme/web 1.0")
    registry.add("acme/web 1.1", "acme/core ^1", "php >=8", license=["MIT", "Apache-2.0"], abandoned="acme/other")
    registry.add("acme/web 2.0-beta1")
    registry.branch("acme/web dev-main", "2.x-dev")
    found = await ask.facts("Acme/Web")
    assert (found.name, found.latest, found.licence, found.status) == (
        "acme/web",
        "1.1",
        "MIT OR Apache-2.0",
        "abandoned",
    )
    assert found.needs == ["acme/core:^1", "php:>=8"]
    assert found.versions == ["2.0-beta1", "1.1", "1.0", "dev-main"]
    assert found.prereleases == ["2.0-beta1", "dev-main"]
    assert await ask.facts("acme/web", offline=True) == found
    for name in ("acme/nothing", "web", "acme/web:^1", "../etc"):
        with pytest.raises(NotFoundError):
            await ask.facts(name)


async def test_facts_of_the_first_repository(registry: ComposerRegistry, tmp_path: Path) -> None:
    async with ComposerRegistry("whole") as second:
        registry.add("acme/web 1.0")
        second.add("acme/web 9.0")
        assert (await ComposerAsking(tmp_path, registry.url, second.url).facts("acme/web")).latest == "1.0"
