"""Cargo.lock with crates of several registries, of git repositories and of patches: to the byte that of Cargo."""

import asyncio
import os
import shutil
import tomllib
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random
from urllib.parse import quote

import pytest

from outrider.core.errors import OutriderError, UnsupportedError
from outrider.operators.packages.cargo.lock_source import lock_source
from outrider.operators.packages.cargo.session import resolve
from outrider.operators.packages.fixing.cargo import CargoProject
from outrider.operators.packages.fixing.fixes import FixParams
from outrider.operators.packages.locks.package_urls import package_url, url_of
from outrider.operators.packages.locks.reading import read_lock
from outrider.operators.packages.operations import fix, lock
from outrider.operators.packages.operations.lock import LockParams
from outrider.operators.packages.resolving.outcomes import Resolved
from outrider.operators.packages.sessions import question_of
from outrider.operators.packages.tests.cargo_places import Places, committed, settings_of
from outrider.operators.packages.tests.cargo_projects import cargo, project
from outrider.operators.packages.tests.cargo_registry import CargoRegistry
from outrider.operators.packages.tests.cargo_workspaces import add_package
from outrider.operators.packages.tests.test_audit import context, imported
from outrider.operators.packages.tests.test_fix_cargo import bad
from outrider.operators.packages.tests.test_lock_writing_cargo import home_of, locked, native
from outrider.operators.packages.tests.world import variables

needs_cargo = pytest.mark.skipif(
    shutil.which("cargo") is None or shutil.which("git") is None, reason="cargo or git is not installed"
)


async def compared(folder: Path, seeds: range, *, has_git: bool = False, has_patches: bool = False) -> Counter[str]:
    """Return how many locks are the same to the byte, and how many projects both refuse."""
    found = Counter[str]()
    usual = (await lock_source(os.environ, folder / "cache")).partition("+")[2]
    for seed in seeds:
        place = folder / str(seed)
        place.mkdir()
        async with CargoRegistry() as registry, CargoRegistry() as acme:
            with variables(home_of(place, registry)):
                (place / "home" / "config.toml").write_text(settings_of(registry, acme))
                Places(Random(seed), place, registry, acme, usual, has_git=has_git, has_patches=has_patches).draw()
                verdict = await _verdict(place)
                assert verdict != "different", seed
                found[verdict] += 1
        shutil.rmtree(place)
    return found


async def _verdict(place: Path) -> str:
    file = place / "shop" / "Cargo.lock"
    theirs = None
    # What Cargo chooses may hang on which document comes first, until it has them all.
    for more in ((), ("--offline",)):
        file.unlink(missing_ok=True)
        ended = await asyncio.to_thread(cargo, place / "shop", place / "home", "generate-lockfile", *more)
        theirs = file.read_text() if ended.returncode == 0 else theirs
    file.unlink(missing_ok=True)
    try:
        await locked(place)
    except UnsupportedError:
        return "refused" if theirs is None else "not read"
    except OutriderError:
        return "refused" if theirs is None else "different"
    return "same" if theirs is not None and _blocks(file.read_text()) == _blocks(theirs) else "different"


def _blocks(text: str) -> tuple[str, list[str]]:
    """Return a lock, and apart from it what it has of patches that nothing uses: where these are of several places, their order changes
    from one run of Cargo to the next.
    """
    packages, *unused = text.split("\n\n[[patch.unused]]\n")
    return packages + "\n" * bool(unused), sorted(one.strip("\n") for one in unused)


@pytest.mark.real
@pytest.mark.timeout(300)
@needs_cargo
async def test_locks_with_crates_of_two_registries(tmp_path: Path) -> None:
    found = await compared(tmp_path, range(12))
    assert found["same"] > 4


@pytest.mark.real
@pytest.mark.timeout(300)
@needs_cargo
async def test_locks_with_crates_of_repositories(tmp_path: Path) -> None:
    found = await compared(tmp_path, range(10), has_git=True)
    assert found["same"] > 2


@pytest.mark.real
@pytest.mark.timeout(300)
@needs_cargo
async def test_locks_with_patches(tmp_path: Path) -> None:
    found = await compared(tmp_path, range(7), has_git=True, has_patches=True)
    assert found["same"] > 2


@pytest.mark.real
@pytest.mark.long
@pytest.mark.timeout(3600)
@needs_cargo
@pytest.mark.parametrize(("has_git", "has_patches"), [(False, False), (True, False), (False, True), (True, True)])
async def test_locks_with_crates_of_several_places_at_length(tmp_path: Path, has_git: bool, has_patches: bool) -> None:
    found = await compared(tmp_path, range(100, 250), has_git=has_git, has_patches=has_patches)
    assert found["same"] > 60
    assert found["not read"] < 20


# Fails where Cargo would write another lock.
UNCHANGED = ("update", "--workspace", "--locked")


@pytest.fixture
async def acme(tmp_path: Path) -> AsyncIterator[CargoRegistry]:
    """Have a registry that has a name, beside one that stands in for the usual one, and settings in which they are."""
    async with CargoRegistry() as registry, CargoRegistry(token="shown") as made:
        with variables(home_of(tmp_path, registry)):
            more = '[registry]\nglobal-credential-providers = ["cargo:token"]\n[registries.acme]\ntoken = "shown"\n'
            (tmp_path / "home" / "config.toml").write_text(
                settings_of(registry, made).replace("[registries.acme]\n", more)
            )
            for version in ("1.0.0", "1.2.0", "2.0.0"):
                registry.add(f"core@{version}")
            made.add("core@1.2.0")
            made.add("tool@0.1.0", "core@1")
            yield made


def cores(text: str) -> list[dict[str, str]]:
    return [one for one in tomllib.loads(text)["package"] if one["name"] == "core"]


@pytest.mark.real
@needs_cargo
async def test_one_version_of_two_registries(tmp_path: Path, acme: CargoRegistry) -> None:
    project(tmp_path / "shop", '[dependencies]\ncore = "1"\ntool = { version = "0.1", registry = "acme" }')
    await locked(tmp_path)
    text = (tmp_path / "shop" / "Cargo.lock").read_text()
    assert [one["source"].partition("+")[0] for one in cores(text)] == ["registry", "sparse"]
    assert f' "core 1.2.0 (sparse+{acme.url}/)",\n' in text
    assert text == await native(tmp_path)
    lock = read_lock("Cargo.lock", text)
    assert [(one.name, one.source) for one in lock.packages] == [
        ("core", ""),
        ("core", "registry"),
        ("tool", "registry"),
    ]
    assert url_of(lock.packages[2]) == f"pkg:cargo/tool@0.1.0?repository_url={quote(f'sparse+{acme.url}/', safe=':')}"
    assert package_url(url_of(lock.packages[2])).source == "registry"


@pytest.mark.real
@needs_cargo
async def test_a_variable_and_a_replacement_lead_to_a_registry(tmp_path: Path, acme: CargoRegistry) -> None:
    named = {"CARGO_REGISTRIES_OTHER_ONE_INDEX": "sparse+http://127.0.0.1:9/nowhere/"}
    home = (tmp_path / "home" / "config.toml").read_text()
    mirror = f'[source.far]\nregistry = "{named["CARGO_REGISTRIES_OTHER_ONE_INDEX"]}"\nreplace-with = "acme"\n'
    (tmp_path / "home" / "config.toml").write_text(home + mirror)
    project(tmp_path / "shop", '[dependencies]\ntool = { version = "0.1", registry = "other-one" }')
    with variables(
        {**{name: os.environ[name] for name in ("CARGO_HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME")}, **named}
    ):
        await locked(tmp_path)
    text = (tmp_path / "shop" / "Cargo.lock").read_text()
    assert text.count('source = "sparse+http://127.0.0.1:9/nowhere/"') == 2
    (tmp_path / "home" / "config.toml").write_text(
        f'{home}{mirror}[registries.other-one]\nindex = "{named["CARGO_REGISTRIES_OTHER_ONE_INDEX"]}"\n'
    )
    assert text == await native(tmp_path)


@pytest.mark.real
@needs_cargo
async def test_a_commit_stays_where_it_is_locked(tmp_path: Path, acme: CargoRegistry) -> None:
    add_package(tmp_path / "far" / "core", "core", "", 'version = "1.0.0"')
    first = committed(tmp_path / "far")
    address = f"file://{tmp_path}/far"
    project(tmp_path / "shop", f'[dependencies]\ncore = {{ git = "{address}", branch = "main" }}')
    await locked(tmp_path)
    file = tmp_path / "shop" / "Cargo.lock"
    before = file.read_text()
    assert before == await native(tmp_path)
    assert f"?branch=main#{first}" in before
    other = '[dependencies]\nother = { package = "core", version = "2" }'
    add_package(tmp_path / "far" / "core", "core", other, 'version = "1.1.0"')
    second = committed(tmp_path / "far")
    for keep, commit in ((True, first), (False, second)):
        await lock.run(LockParams(ecosystem="cargo", file=str(file), keep=keep), context(tmp_path))
        assert commit in file.read_text()
        ended = await asyncio.to_thread(cargo, tmp_path / "shop", tmp_path / "home", *UNCHANGED)
        assert ended.returncode == 0, ended.stderr
    # What a commit has is kept.
    shutil.rmtree(tmp_path / "far")
    await lock.run(LockParams(ecosystem="cargo", file=str(file), keep=True, offline=True), context(tmp_path))
    assert second in file.read_text()


@pytest.mark.real
@needs_cargo
async def test_a_fix_leaves_what_comes_from_elsewhere(tmp_path: Path, acme: CargoRegistry) -> None:
    await imported(tmp_path, bad("X-1", "core", ("introduced", "0"), ("fixed", "1.2.0"), ("introduced", "1.5.0")))
    add_package(tmp_path / "far" / "core", "core", "", 'version = "1.6.0"')
    commit = committed(tmp_path / "far")
    add_package(tmp_path / "tool", "tool", "", 'version = "0.3.0"')
    manifest = project(
        tmp_path / "shop",
        f'[dependencies]\ncore = "=1.0.0"\nmine = {{ package = "core", git = "file://{tmp_path}/far" }}\n'
        'theirs = { package = "core", version = "1", registry = "acme" }\n[patch.crates-io]\ntool = { path = "../tool" }',
    )
    await locked(tmp_path)
    file = tmp_path / "shop" / "Cargo.lock"
    assert file.read_text() == await native(tmp_path)
    manifest.write_text(manifest.read_text().replace('"=1.0.0"', '"1"'))
    add_package(tmp_path / "far" / "core", "core", "", 'version = "1.7.0"')
    committed(tmp_path / "far")
    result = await fix.run(FixParams(path=str(tmp_path / "shop")), context(tmp_path))
    [told] = result.files
    assert [(one.name, one.before, one.after) for one in told.changes] == [("core", "1.0.0", "1.2.0")]
    assert [one for one in told.warnings if "stays (X-1)" in one and commit in one]
    assert [one["version"] for one in cores(file.read_text())] == ["1.2.0", "1.2.0", "1.6.0"]
    ended = await asyncio.to_thread(cargo, tmp_path / "shop", tmp_path / "home", *UNCHANGED)
    assert ended.returncode == 0, ended.stderr


@pytest.mark.real
@needs_cargo
async def test_what_strangers_name_is_open_to_everybody(tmp_path: Path, acme: CargoRegistry) -> None:
    add_package(tmp_path / "far" / "core", "core", "")
    committed(tmp_path / "far")
    manifest = project(tmp_path / "shop", f'[dependencies]\ncore = {{ git = "file://{tmp_path}/far" }}')
    await locked(tmp_path)
    opened = CargoProject(manifest.parent / "Cargo.lock", (manifest.parent / "Cargo.lock").read_text())
    with question_of(context(tmp_path), "cargo", [], LockParams(ecosystem="cargo")) as question:
        answer = await resolve(opened.asked(question))
        assert isinstance(answer, Resolved)
        assert [one.version for one in answer.packages] == ["0.3.0", "0.3.0"]
        opened.is_bounded = True
        with pytest.raises(UnsupportedError, match="strangers"):
            await resolve(opened.asked(question))
