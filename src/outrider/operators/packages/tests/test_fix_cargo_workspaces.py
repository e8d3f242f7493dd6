"""Vulnerable crates in the lock of a workspace are replaced, and a range changes in the manifest that has it."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random
from typing import NamedTuple

import pytest

from outrider.core.errors import UnsupportedError
from outrider.operators.packages.fixing.cargo import CargoProject
from outrider.operators.packages.fixing.projects import refuse_outside
from outrider.operators.packages.operations.fix import OPERATION
from outrider.operators.packages.tests.cargo_projects import cargo
from outrider.operators.packages.tests.cargo_registry import CargoRegistry
from outrider.operators.packages.tests.cargo_workspaces import add_package, draw_workspace
from outrider.operators.packages.tests.test_audit import imported
from outrider.operators.packages.tests.test_fix_cargo import (
    OLD_ONES,
    OLDEST,
    added,
    bad,
    fixed,
    home_of,
    locked,
    needs_cargo,
)
from outrider.operators.packages.tests.test_updating import drafted
from outrider.operators.packages.tests.world import variables

MEMBERS = ("api", "site", "helper")
LOCK = (
    "api 0.3.0 core site",
    "core 1.0.0",
    "helper 0.1.0 other",
    "other 0.3.0",
    "site 0.3.0 helper web",
    "web 1.0.0 core",
)


@pytest.fixture
async def registry(tmp_path: Path) -> AsyncIterator[CargoRegistry]:
    async with CargoRegistry() as made:
        with variables(home_of(tmp_path, made)):
            added(made)
            yield made


def workspace(folder: Path, shared: str, api: str, site: str) -> Path:
    """Have a workspace of two members, one of which needs a package outside of it, and return its lock."""
    add_package(folder / "helper", "helper", '[dependencies]\nother = "=0.3.0"', 'version = "0.1.0"')
    add_package(folder / "shop" / "crates" / "api", "api", f'[dependencies]\nsite = {{ path = "../site" }}\n{api}')
    helper = 'helper = { path = "../../../helper" }'
    add_package(folder / "shop" / "crates" / "site", "site", f"[dependencies]\n{helper}\n{site}")
    text = f'[workspace]\nmembers = ["crates/*"]\n[workspace.dependencies]\n{shared}\n'
    (folder / "shop" / "Cargo.toml").write_text(text)
    return locked(folder, *LOCK, local=MEMBERS)


async def test_the_lock_alone_changes_where_the_ranges_allow_it(tmp_path: Path, registry: CargoRegistry) -> None:
    await imported(tmp_path, bad("X-1", "core", ("introduced", "0"), ("fixed", "1.1.1")))
    path = workspace(tmp_path, 'core = "1"', "core.workspace = true", 'web = "1"')
    before = path.read_text()
    result = await fixed(tmp_path, manifest=True)
    assert [(one.name, one.before, one.after, one.direct) for one in result.files[0].changes] == [
        ("core", "1.0.0", "1.1.1", True)
    ]
    assert result.written == [str(path)]
    changed = [one for one in zip(before.splitlines(), path.read_text().splitlines(), strict=True) if one[0] != one[1]]
    assert [one[0].partition(" ")[0] for one in changed] == ["version", "checksum"]


async def test_the_range_of_a_member(tmp_path: Path, registry: CargoRegistry) -> None:
    await imported(tmp_path, bad("X-1", "core", ("introduced", "0"), ("fixed", "1.1.1")))
    path = workspace(tmp_path, 'core = "1"', 'core = "=1.0.0"  # kept', 'web = "1"')
    manifest = tmp_path / "shop" / "crates" / "api" / "Cargo.toml"
    before = manifest.read_text()
    [left] = (await fixed(tmp_path)).files[0].unfixed
    assert [(one.file, one.before, one.after) for one in left.remedies] == [(str(manifest), "=1.0.0", "1.1.1")]
    result = await fixed(tmp_path, manifest=True)
    assert manifest.read_text() == before.replace('"=1.0.0"  #', '"1.1.1"  #')
    assert [one.file for one in result.files[0].manifest] == [str(manifest)]
    assert set(result.written) == {str(path), str(manifest)}


async def test_the_range_that_members_share(tmp_path: Path, registry: CargoRegistry) -> None:
    await imported(tmp_path, bad("X-1", "core", ("introduced", "0"), ("fixed", "2.0.0")))
    path = workspace(tmp_path, 'core = { version = "1" }\nweb = "1"', "core.workspace = true", "web.workspace = true")
    result = await fixed(tmp_path, manifest=True)
    # Both core and web would have to change at once, and changes of several packages are not tried.
    assert (result.fixed, result.unfixed) == (0, 1)
    await imported(tmp_path, bad("X-1", "core", ("introduced", "0"), ("fixed", "1.1.0")))
    root = tmp_path / "shop" / "Cargo.toml"
    root.write_text(root.read_text().replace('version = "1"', 'version = "=1.0.0"'))
    result = await fixed(tmp_path, manifest=True)
    assert [(one.file, one.name, one.after) for one in result.files[0].manifest] == [(str(root), "core", "1.1.0")]
    assert 'core = { version = "1.1.0" }\nweb = "1"' in root.read_text()
    assert set(result.written) == {str(path), str(root)}


async def test_ranges_of_several_members_that_do_only_together(tmp_path: Path, registry: CargoRegistry) -> None:
    await imported(tmp_path, bad("X-1", "core", ("introduced", "0"), ("fixed", "2.0.0")))
    workspace(tmp_path, "", 'core = "1"', 'core = "=1.0.0"')
    locked(
        tmp_path,
        "api 0.3.0 core site",
        "core 1.0.0",
        "helper 0.1.0 other",
        "other 0.3.0",
        "site 0.3.0 core helper",
        local=MEMBERS,
    )
    result = await fixed(tmp_path)
    [left] = result.files[0].unfixed
    places = [str(tmp_path / "shop" / "crates" / name / "Cargo.toml") for name in ("api", "site")]
    assert (left.remedies, [one.file for one in left.together]) == ([], places)
    assert OPERATION.text is not None
    assert any("all at once: core 1 -> 2.0.0 in" in line for line in OPERATION.text(result))
    result = await fixed(tmp_path, manifest=True)
    assert [one.file for one in result.files[0].manifest] == places
    assert (result.fixed, result.unfixed, len(result.written)) == (1, 0, 3)


async def test_what_lies_outside_is_read_and_not_changed(tmp_path: Path, registry: CargoRegistry) -> None:
    await imported(tmp_path, bad("X-1", "other", ("introduced", "0"), ("fixed", "0.3.1")))
    path = workspace(tmp_path, "", 'core = "1"', 'web = "1"')
    result = await fixed(tmp_path, manifest=True)
    [left] = result.files[0].unfixed
    assert (left.name, left.remedies, result.written) == ("other", [], [])
    assert "helper 0.1.0 needs other" in left.reasons[0]
    with pytest.raises(UnsupportedError, match="outside of the repository"):
        refuse_outside(CargoProject(path, path.read_text()).paths, tmp_path / "shop")


async def test_an_update_raises_the_range_of_a_member(tmp_path: Path, registry: CargoRegistry) -> None:
    path = workspace(tmp_path, 'web = "1"', 'core = "1"', "web.workspace = true")
    draft = await drafted(tmp_path, up_to="major", ranges="raise")
    # A folder outside of the repository is nobody's business there.
    assert (draft.texts, len(draft.warnings)) == ({}, 1)
    assert "outside of the repository" in draft.warnings[0]
    shutil.move(tmp_path / "helper", tmp_path / "shop" / "helper")
    for manifest in (tmp_path / "shop").rglob("Cargo.toml"):
        manifest.write_text(manifest.read_text().replace("../../../helper", "../../helper"))
    draft = await drafted(tmp_path, up_to="major", ranges="raise")
    changes = {(one.file, one.name, one.before, one.after) for told in draft.told for one in told.manifest}
    assert changes == {
        ("Cargo.toml", "web", "1", "2.0.0"),
        ("crates/api/Cargo.toml", "core", "1", "2.1.0"),
        ("helper/Cargo.toml", "other", "=0.3.0", "0.3.1"),
    }
    assert set(draft.texts) == {"Cargo.lock", "Cargo.toml", "crates/api/Cargo.toml", "helper/Cargo.toml"}
    assert path.read_text().count("\n[[package]]") == len(LOCK)


async def test_a_lock_that_is_of_other_packages(tmp_path: Path, registry: CargoRegistry) -> None:
    await imported(tmp_path, bad("X-1", "core", ("introduced", "0")))
    workspace(tmp_path, "", 'core = "1"', 'web = "1"')
    locked(tmp_path, *LOCK, "gone 0.1.0", local=(*MEMBERS, "gone"))
    with pytest.raises(UnsupportedError, match="no manifest leads to") as caught:
        await fixed(tmp_path)
    assert caught.value.found == "gone"


class Judged(NamedTuple):
    """What came out, in versions.

    Attributes:
        fixed: That are.
        unfixed: That are not.
        doubled: Locks that Cargo itself cannot read again, because of two dependencies of one package on one crate.
    """

    fixed: int = 0
    unfixed: int = 0
    doubled: int = 0


async def both(folder: Path, random: Random, *, manifest: bool) -> Judged:
    """Fix the lock of a drawn workspace, and let Cargo judge what comes out."""
    async with CargoRegistry() as registry:
        with variables(home_of(folder, registry)):
            draw_workspace(random, registry, folder / "shop")
            ended = await asyncio.to_thread(cargo, folder / "shop", folder / "home", "generate-lockfile", *OLDEST)
            if ended.returncode != 0:
                return Judged()
            await imported(folder, *OLD_ONES)
            path = folder / "shop" / "Cargo.lock"
            before = path.read_text()
            result = await fixed(folder, manifest=manifest)
            text = path.read_text()
            if text == before:
                # Where nothing can be fixed it is as Cargo has written it, and Cargo may not agree with itself.
                return Judged(result.fixed, result.unfixed)
            # Cargo resolves again with what is locked, and writes what that comes to.
            again = await asyncio.to_thread(cargo, folder / "shop", folder / "home", "update", "--workspace")
            if again.returncode != 0:
                # It holds both to the first of the two versions, which cannot be had with the features of the other one.
                assert "(locked to" in again.stderr
                return Judged(doubled=1)
            assert path.read_text() == text, again.stderr
            return Judged(result.fixed, result.unfixed)


async def judged(folder: Path, seeds: range) -> Judged:
    found = []
    for seed in seeds:
        (folder / str(seed)).mkdir()
        found.append(await both(folder / str(seed), Random(seed), manifest=seed % 2 == 1))
        shutil.rmtree(folder / str(seed))
    return Judged(*(sum(counts) for counts in zip(*found, strict=True)))


@pytest.mark.real
@pytest.mark.timeout(300)
@needs_cargo
async def test_cargo_has_nothing_to_change_in_a_workspace(tmp_path: Path) -> None:
    found = await judged(tmp_path, range(12))
    assert found.fixed > 10
    assert found.unfixed > 1
    assert found.doubled == 0


@pytest.mark.real
@pytest.mark.long
@pytest.mark.timeout(1800)
@needs_cargo
async def test_cargo_has_nothing_to_change_in_a_workspace_at_length(tmp_path: Path) -> None:
    found = await judged(tmp_path, range(1000, 1150))
    assert found.fixed > 200
    assert found.unfixed > 50
    assert found.doubled < 5
