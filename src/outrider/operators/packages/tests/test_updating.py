"""How far an update leads, and what it leaves as it is."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outrider.core.errors import InvalidConfigError
from outrider.core.package_updates import PackageUpdatesSpec, Step, UpdateGroup
from outrider.operators.packages.resolving.policies import ADMIT_ALL
from outrider.operators.packages.sessions import Terms
from outrider.operators.packages.tests.npm_registry import NpmRegistry
from outrider.operators.packages.tests.test_audit import context
from outrider.operators.packages.tests.test_fix_npm import packages
from outrider.operators.packages.tests.test_lock_writing_npm import locked, members, project, registry
from outrider.operators.packages.updating.drafts import Draft, Drafter
from outrider.operators.packages.updating.files import is_needed
from outrider.operators.packages.updating.groups import Groups, read_updates
from outrider.operators.packages.updating.steps import StepPolicy, is_within
from outrider.operators.packages.versions.ecosystems import scheme_of
from outrider.operators.packages.versions.tables import VersionTable

__all__ = ["registry"]

HEAD = "apiVersion: outrider.dev/v1alpha1\nkind: PackageUpdates\nmetadata: {name: shop}\n"


async def drafted(folder: Path, **group: Any) -> Draft:
    one = UpdateGroup(name="all", **group)
    drafter = Drafter(folder / "shop", Groups(PackageUpdatesSpec(groups=[one])), Terms(), "", context(folder))
    return await drafter.draft(one)


async def started(registry: NpmRegistry, folder: Path) -> Path:
    """Have a project with a lock of what was new at that time."""
    registry.add("web@1.0.0", "core@^1")
    registry.add("core@1.0.0")
    registry.add("lint@1.0.0")
    path = project(folder, dependencies={"web": "~1.0.0"}, devDependencies={"lint": "^1"})
    await locked(folder)
    for spec, needs in (("web@1.0.1", "core@^1"), ("web@1.2.0", "core@^1"), ("web@2.0.0", "core@^2"), ("core@1.5.0", ""), ("core@2.0.0", ""), ("lint@1.5.0", ""), ("lint@2.0.0", "")):  # fmt: skip
        registry.add(spec, needs)
    shutil.rmtree(folder / "cache")
    return path


@pytest.mark.parametrize(
    ("group", "expected", "ranges"),
    [
        ({}, {"web": "1.0.1", "core": "1.5.0", "lint": "1.5.0"}, {}),
        ({"up_to": "patch"}, {"web": "1.0.1", "core": "1.0.0", "lint": "1.0.0"}, {}),
        ({"packages": ["npm:core"], "up_to": "major"}, {"web": "1.0.0", "core": "1.5.0", "lint": "1.0.0"}, {}),
        ({"ranges": "raise"}, {"web": "1.2.0", "core": "1.5.0", "lint": "1.5.0"}, {"web": "^1.2.0"}),
        ({"ranges": "raise", "up_to": "major"}, {"web": "2.0.0", "core": "2.0.0", "lint": "2.0.0"}, {"web": "^2.0.0", "lint": "^2.0.0"}),
        ({"packages": ["npm:li*"], "ranges": "raise", "up_to": "major"}, {"web": "1.0.0", "core": "1.0.0", "lint": "2.0.0"}, {"lint": "^2.0.0"}),
    ],
)  # fmt: skip
async def test_how_far_it_leads(
    registry: NpmRegistry, tmp_path: Path, group: dict[str, Any], expected: dict[str, str], ranges: dict[str, str]
) -> None:
    path = await started(registry, tmp_path)
    before = path.read_text()
    draft = await drafted(tmp_path, **group)
    (tmp_path / "new.json").write_text(draft.texts["package-lock.json"])
    assert packages(tmp_path / "new.json") == expected
    asked = json.loads(draft.texts.get("package.json") or (path.parent / "package.json").read_text())
    assert {**asked["dependencies"], **asked["devDependencies"]} == {"web": "~1.0.0", "lint": "^1", **ranges}
    [told] = draft.told
    assert {one.name: one.after for one in told.manifest} == ranges
    assert {one.name: one.after for one in told.changes} == {
        name: version for name, version in expected.items() if version != "1.0.0"
    }
    assert path.read_text() == before


async def test_a_range_that_cannot_be_raised_keeps_no_other_from_it(registry: NpmRegistry, tmp_path: Path) -> None:
    path = await started(registry, tmp_path)
    # Nobody can have the newest one: what it needs is nowhere.
    registry.add("web@2.1.0", "nowhere@1")
    draft = await drafted(tmp_path, ranges="raise", up_to="major")
    (tmp_path / "new.json").write_text(draft.texts["package-lock.json"])
    assert packages(tmp_path / "new.json") == {"web": "1.0.1", "core": "1.5.0", "lint": "2.0.0"}
    assert json.loads(draft.texts["package.json"])["dependencies"] == {"web": "~1.0.0"}
    assert path.exists()


async def test_the_members_of_a_workspace(registry: NpmRegistry, tmp_path: Path) -> None:
    for spec in ("core@1.0.0", "kit@2.0.0"):
        registry.add(spec)
    wanted = {"app": {"core": "^1", "kit": "^1"}, "kit": {"core": "1.x"}}
    members(
        tmp_path,
        {f"packages/{name}": {"name": name, "version": "1.0.0", "dependencies": wanted[name]} for name in wanted},
    )
    path = project(tmp_path, workspaces=["packages/*"], devDependencies={"core": "*"}, overrides={"lint": "1"})
    await locked(tmp_path)
    registry.add("core@2.0.0")
    shutil.rmtree(tmp_path / "cache")
    draft = await drafted(tmp_path, ranges="raise", up_to="major")
    assert sorted(draft.texts) == ["package-lock.json", "packages/app/package.json", "packages/kit/package.json"]
    assert [(one.file, one.name, one.after) for one in draft.told[0].manifest] == [
        ("packages/app/package.json", "core", "^2.0.0"), ("packages/kit/package.json", "core", "^2.0.0"),
    ]  # fmt: skip
    entries = json.loads(draft.texts["package-lock.json"])["packages"]
    assert entries["packages/app"]["dependencies"] == {"core": "^2.0.0", "kit": "^1"}
    assert (entries["node_modules/core"]["version"], entries["node_modules/kit"]["link"]) == ("2.0.0", True)
    assert path.exists()


@pytest.mark.parametrize(
    ("step", "before", "after", "expected"),
    [
        ("patch", "1.2.3", "1.2.9", True), ("patch", "1.2.3", "1.3.0", False), ("minor", "1.2", "1.9", True), ("minor", "1.2", "2", False),
        ("major", "1.2", "2", True), ("minor", "0.2.1", "0.3.0", True), ("minor", "1!1.0", "2!1.0", False), ("minor", "v1.2", "1.3", True),
        ("patch", "nothing", "nothing", False), ("major", "nothing", "1", True), ("patch", "1", "1.0.1", True),
    ],
)  # fmt: skip
def test_steps(step: Step, before: str, after: str, expected: bool) -> None:
    assert is_within(step, before, after) is expected


NUMBERS = st.integers(0, 3)
VERSIONS = st.builds("{}.{}.{}".format, NUMBERS, NUMBERS, NUMBERS)


@given(
    versions=st.lists(VERSIONS, min_size=1, max_size=8),
    locked=st.sets(VERSIONS, min_size=1, max_size=2),
    step=st.sampled_from(["patch", "minor", "major"]),
)
def test_nothing_older_and_nothing_too_far_is_chosen(versions: list[str], locked: set[str], step: Step) -> None:
    table = VersionTable(scheme_of("npm"), versions)
    policy = StepPolicy(ADMIT_ALL, {"web": locked}, {"web"}.__contains__, step)
    refused = {version for one in policy.refusals("web", table, []) for version in table.named(one.versions)}

    def numbers(version: str) -> tuple[int, ...]:
        return tuple(map(int, version.split(".")))

    kept = {"patch": 2, "minor": 1, "major": 0}[step]
    fine = {
        one for one in versions for old in locked if numbers(one) >= numbers(old) and numbers(one)[:kept] == numbers(old)[:kept]
    }  # fmt: skip
    assert refused == set(versions) - fine
    assert policy.refusals("other", table, []) == []


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("package-lock.json", True), ("site/package.json", True), ("site/.npmrc", True), (".cargo/config.toml", True), ("app/.cargo/config.toml", True), ("app/.mvn/checksums/checksums.sha256", True), (".mvn/maven.config", False),
        ("requirements/dev.txt", True), ("src/App.csproj", True), ("NuGet.config", True), ("packages-policy.yaml", True), ("node_modules/a/package.json", False),
        ("src/main.py", False), (".hidden/package.json", False), ("bom.json", False), ("config.toml", False), ("vendor/x/Cargo.lock", False),
        (".yarn/patches/a.patch", True), ("app/.yarn/patches/a.patch", True), (".yarn/releases/yarn-4.cjs", False), (".hidden/a.patch", False),
    ],
)  # fmt: skip
def test_which_files_of_a_repository_are_read(path: str, expected: bool) -> None:
    assert is_needed(path) is expected


@pytest.mark.parametrize(
    ("spec", "path"),
    [
        ("groups: [{name: a}, {name: a}]", "spec.groups[1].name"),
        ("groups: [{name: a, packages: ['pypi:web@1']}]", "spec.groups[0].packages"),
        ("groups: [{name: a, packages: ['rust:web']}]", "spec.groups[0].packages[0]"),
        ("groups: [{name: a, vulnerable: true, packages: ['pypi:web']}]", "spec.groups[0].packages"),
        ("timeZone: Mars/Olympus", "spec.timeZone"),
        ("groups: []", "spec.groups"),
        ("prefix: '-x'", "spec.prefix"),
        ("prefix: 'a//'", "spec.prefix"),
    ],
)
def test_a_fault_is_named_with_its_place(tmp_path: Path, spec: str, path: str) -> None:
    (tmp_path / "updates.yaml").write_text(f"{HEAD}spec: {{{spec}}}\n")
    with pytest.raises(InvalidConfigError) as caught:
        read_updates(tmp_path / "updates.yaml")
    assert caught.value.path == path


def test_a_file_has_one_object(tmp_path: Path) -> None:
    assert [one.name for one in read_updates(tmp_path / "none.yaml").groups] == ["security", "all"]
    (tmp_path / "updates.yaml").write_text(f"{HEAD}spec: {{}}\n---\n{HEAD}spec: {{}}\n")
    with pytest.raises(InvalidConfigError, match="must have one PackageUpdates"):
        read_updates(tmp_path / "updates.yaml")
