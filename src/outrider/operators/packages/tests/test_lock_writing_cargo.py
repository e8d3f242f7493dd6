"""Cargo.lock as it is written: to the byte that of Cargo, and taken by it with the network cut."""

import asyncio
import os
import re
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random

import pytest

from outrider.core.errors import ConflictError, InvalidConfigError, NotFoundError, UnsupportedError
from outrider.operators.packages.manifests.cargo_workspace import read_workspace
from outrider.operators.packages.operations import lock
from outrider.operators.packages.operations.lock import LockParams, LockResult
from outrider.operators.packages.tests.cargo_projects import add_crate, cargo, drawn, project
from outrider.operators.packages.tests.cargo_registry import CargoRegistry
from outrider.operators.packages.tests.test_audit import context
from outrider.operators.packages.tests.world import variables

needs_cargo = pytest.mark.skipif(shutil.which("cargo") is None, reason="cargo is not installed")
pytestmark = [pytest.mark.real, pytest.mark.timeout(300), needs_cargo]


@pytest.fixture
async def registry(tmp_path: Path) -> AsyncIterator[CargoRegistry]:
    async with CargoRegistry() as made:
        with variables(home_of(tmp_path, made)):
            yield made


def home_of(folder: Path, registry: CargoRegistry) -> dict[str, str]:
    """Have a home of Cargo in which a registry stands in for its own, and return the variables that lead there."""
    home = folder / "home"
    home.mkdir(exist_ok=True)
    (home / "config.toml").write_text(
        f'[source.crates-io]\nreplace-with = "own"\n[source.own]\nregistry = "sparse+{registry.url}/"\n'
    )
    return {
        "CARGO_HOME": str(home),
        "XDG_CACHE_HOME": str(folder / "cache"),
        "XDG_CONFIG_HOME": str(folder / "config"),
        "HOME": os.environ["HOME"],
    }


async def locked(folder: Path) -> LockResult:
    return await lock.run(LockParams(ecosystem="cargo", file=str(folder / "shop" / "Cargo.lock")), context(folder))


async def test_a_crate_that_was_published_anew_is_told(registry: CargoRegistry, tmp_path: Path) -> None:
    registry.add("web@1.0.0")
    project(tmp_path / "shop", '[dependencies]\nweb = "1"')
    await locked(tmp_path)
    path = tmp_path / "shop" / "Cargo.lock"
    path.write_text(re.sub(r'checksum = "\w+"', f'checksum = "{"0" * 64}"', path.read_text()))
    before = path.read_text()
    with pytest.raises(ConflictError, match=r"web 1\.0\.0 was locked with sha256 0+\.\.\., and now has sha256"):
        await lock.run(LockParams(ecosystem="cargo", file=str(path), keep=True), context(tmp_path))
    assert path.read_text() == before


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("version = 4", "version = 5", "its version 5 is not known here"),
        ("[[package]]", "<<<<<<< HEAD\n[[package]]", "a conflict of a merge"),
    ],
)
async def test_a_lock_that_cannot_be_read_is_no_lock(
    registry: CargoRegistry, tmp_path: Path, before: str, after: str, said: str
) -> None:
    registry.add("web@1.0.0")
    project(tmp_path / "shop", '[dependencies]\nweb = "1"')
    await locked(tmp_path)
    path = tmp_path / "shop" / "Cargo.lock"
    text = path.read_text()
    path.write_text(text.replace(before, after, 1))
    with pytest.raises((InvalidConfigError, UnsupportedError), match=said) as caught:
        await lock.run(LockParams(ecosystem="cargo", file=str(path), keep=True), context(tmp_path))
    assert caught.value.suggestions == ["lock without --keep: all of it is new then"]
    result = await locked(tmp_path)
    assert said in result.warnings[0]
    assert path.read_text() == text


async def test_features_that_there_are_not(registry: CargoRegistry, tmp_path: Path) -> None:
    registry.add("web@1.0.0", features={"fast": []})
    project(tmp_path / "shop", '[dependencies]\nweb = { version = "1", features = ["fats"] }')
    with pytest.raises(ConflictError, match=r"^web 1 has no feature fats: 1\.0\.0 has fast\.$"):
        await locked(tmp_path)
    for value in ("gone", "dep:web", "gone/fast"):
        project(tmp_path / "shop", f'[dependencies]\nweb = "1"\n[features]\ndefault = ["{value}"]')
        with pytest.raises(InvalidConfigError, match=f"features.default includes {value}") as caught:
            await locked(tmp_path)
        assert caught.value.path == "features.default"
        assert await native(tmp_path) is None
    project(
        tmp_path / "shop",
        '[dependencies]\nweb = { version = "1", optional = true }\n[features]\na = ["b", "web?/fast"]\nb = ["dep:web"]',
    )
    assert (await locked(tmp_path)).packages == 1


async def native(folder: Path) -> str | None:
    """Return the lock that Cargo writes for the same manifest; None where it finds no solution."""
    other = folder / "native"
    shutil.copytree(folder / "shop", other, dirs_exist_ok=True)
    (other / "Cargo.lock").unlink(missing_ok=True)
    # The registry answers in this same thread.
    ended = await asyncio.to_thread(cargo, other, folder / "home", "generate-lockfile")
    return (other / "Cargo.lock").read_text() if ended.returncode == 0 else None


async def compared(folder: Path, seeds: range) -> tuple[int, int]:
    """Return how many locks are the same to the byte, and of how many manifests both find no solution."""
    same = neither = 0
    for seed in seeds:
        place = folder / str(seed)
        place.mkdir()
        async with CargoRegistry() as registry:
            with variables(home_of(place, registry)):
                project(place / "shop", drawn(Random(seed), registry))
                theirs = await native(place)
                try:
                    await locked(place)
                except ConflictError:
                    assert theirs is None, seed
                    neither += 1
                    continue
                assert (place / "shop" / "Cargo.lock").read_text() == theirs, seed
                same += 1
        shutil.rmtree(place)
    return same, neither


async def test_it_is_to_the_byte_what_cargo_writes(tmp_path: Path) -> None:
    same, _ = await compared(tmp_path, range(15))
    assert same > 5


@pytest.mark.long
@pytest.mark.timeout(1800)
async def test_it_is_to_the_byte_what_cargo_writes_at_length(tmp_path: Path) -> None:
    same, neither = await compared(tmp_path, range(100, 400))
    assert same > 150
    assert neither > 10


async def test_cargo_builds_with_it_without_a_network(registry: CargoRegistry, tmp_path: Path) -> None:
    add_crate(registry, "web@1.0.0", "core@1", features={"fast": []})
    for version in ("1.0.0", "1.10.0", "2.0.0"):
        add_crate(registry, f"core@{version}")
    project(
        tmp_path / "shop",
        '[dependencies]\nweb = { version = "1", features = ["fast"] }\nold = { package = "core", version = "2" }',
    )
    result = await locked(tmp_path)
    assert [(one.name, one.after) for one in result.changes] == [
        ("core", "1.10.0"),
        ("core", "2.0.0"),
        ("web", "1.0.0"),
    ]
    file = tmp_path / "shop" / "Cargo.lock"
    before = file.read_bytes()
    assert before.decode() == await native(tmp_path)
    fetched = await asyncio.to_thread(cargo, tmp_path / "shop", tmp_path / "home", "fetch", "--locked")
    assert fetched.returncode == 0, fetched.stderr
    asked = len(registry.requests)
    built = await asyncio.to_thread(cargo, tmp_path / "shop", tmp_path / "home", "build", "--offline", "--locked")
    assert built.returncode == 0, built.stderr
    assert (len(registry.requests), file.read_bytes()) == (asked, before)


async def test_what_asks_for_nothing(tmp_path: Path, registry: CargoRegistry) -> None:
    project(tmp_path / "shop", "")
    await locked(tmp_path)
    assert (tmp_path / "shop" / "Cargo.lock").read_text() == await native(tmp_path)
    assert registry.requests == []


async def test_for_an_older_rust_an_older_form(tmp_path: Path, registry: CargoRegistry) -> None:
    registry.add("web@1.0.0")
    project(tmp_path / "shop", '[dependencies]\nweb = "1"', 'rust-version = "1.70"')
    await locked(tmp_path)
    text = (tmp_path / "shop" / "Cargo.lock").read_text()
    assert "version = 3\n" in text
    assert text == await native(tmp_path)


def test_what_is_not_read(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedError) as caught:
        read_workspace(project(tmp_path, '[replace]\n"web:1.0.0" = { path = "web" }'))
    assert caught.value.path == "replace"


@pytest.mark.parametrize(
    "text", ["a = [", "[dependencies]\nweb = 1", "[dependencies]\nweb = {version = 1}", "[dependencies]\nweb = {features = 'a'}", "dependencies = 1"]
)  # fmt: skip
def test_what_is_malformed(text: str, tmp_path: Path) -> None:
    (tmp_path / "Cargo.toml").write_text(f'{text}\n[package]\nname = "shop"\n')
    with pytest.raises(InvalidConfigError):
        read_workspace(tmp_path / "Cargo.toml")


async def test_what_cannot_be_locked(tmp_path: Path, registry: CargoRegistry) -> None:
    (tmp_path / "shop").mkdir()
    with pytest.raises(NotFoundError, match=r"Cargo\.toml"):
        await locked(tmp_path)
    project(tmp_path / "shop", '[dependencies]\nweb = "1"')
    asked = LockParams(ecosystem="cargo", packages=["web"], file=str(tmp_path / "shop" / "Cargo.lock"))
    with pytest.raises(InvalidConfigError, match="says what is asked for"):
        await lock.plan(asked, context(tmp_path))
    with pytest.raises(NotFoundError, match="web"):
        await locked(tmp_path)
    assert registry.requests
