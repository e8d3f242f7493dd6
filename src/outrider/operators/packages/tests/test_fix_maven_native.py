"""What Maven itself comes to once a pom.xml was fixed: just what was told, and nothing vulnerable of what is fixed."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import pytest

from outrider.core.errors import OutriderError
from outrider.operators.packages.fixing.results import FixedFile
from outrider.operators.packages.tests.clients.java import PLUGINS, plugins
from outrider.operators.packages.tests.maven_poms import bom, dependency, parts, pom
from outrider.operators.packages.tests.maven_projects import ProjectDrawing, bad, fixed, home_of, locked, write_project
from outrider.operators.packages.tests.maven_repository import MavenRepositoryServer
from outrider.operators.packages.tests.test_audit import imported
from outrider.operators.packages.tests.test_lock_writing_maven import (
    NEWER,
    Tree,
    needs_maven,
    publish,
    serve,
    trees,
    write_all,
)
from outrider.operators.packages.tests.world import variables

pytestmark = [pytest.mark.real, pytest.mark.timeout(1800), needs_maven]
VERSIONS = tuple(sorted(("1.0", "1.1", "2.0", "3.0", *NEWER), key=lambda one: [*map(int, one.split("."))]))


class Counts(NamedTuple):
    """What became of drawn projects.

    Attributes:
        projects: How many there were in which something was vulnerable.
        changed: How many were written.
        fixed: How many versions were vulnerable and are not any more.
        unfixed: How many still are.
        entries: How many versions are said where nothing was said before.
        said: How many are said in place of others.
        locks: How many projects were written of which the lock alone changes.
    """

    projects: int
    changed: int
    fixed: int
    unfixed: int
    entries: int
    said: int
    locks: int


def drawn_advisories(random: Random, names: list[str]) -> tuple[list[dict[str, Any]], dict[str, set[str]]]:
    """Draw what is vulnerable, mostly with a fix; return records, and the versions that are, by name."""
    records, versions = [], {}
    for name in random.sample(names, 7):
        end = random.choice((*range(1, 8), None))
        first = random.randrange(end or len(VERSIONS))
        fix = [("fixed", VERSIONS[end])] if end else []
        records.append(bad(f"X-{name[-1]}", name, ("introduced", VERSIONS[first]), *fix))
        versions[name] = set(VERSIONS[first:end])
    return records, versions


async def draw_all(folder: Path, drawing: ProjectDrawing, count: int, *, lock: bool) -> list[str]:
    """Write drawn projects, and return the names of those that can be resolved."""
    names = []
    for name in (f"p{number}" for number in range(count)):
        text = drawing.project(int(name[1:]))
        file = write_project(folder / "probe" / name, text)
        try:
            await locked(file)
        except OutriderError:
            continue
        for place in ("before", "after"):
            write_project(folder / place / name, file.read_text() if lock else text)
        names.append(name)
    return names


def by_name(tree: Tree) -> dict[str, set[str]]:
    """Return the versions of a tree by name."""
    found: dict[str, set[str]] = {}
    for line in tree:
        words = line.partition(" ")[0].split(":")
        found.setdefault(f"{words[0]}:{words[1]}", set()).add(words[-2])
    return found


def compare(told: FixedFile, trees_: tuple[Tree, Tree], vulnerable: Mapping[str, set[str]]) -> None:
    """Compare what is told of a project with what Maven came to before and comes to after."""
    before, after = map(by_name, trees_)
    left = {(name, version) for name, versions in after.items() for version in versions & vulnerable.get(name, set())}
    was = {name for name, versions in before.items() if versions & vulnerable.get(name, set())}
    unfixed = {(one.name, one.version) for one in told.unfixed if one.name in after}
    assert left == unfixed
    assert {name for name, _ in left} <= was
    assert {one.name for one in told.fixed if one.name in before}.isdisjoint({name for name, _ in left})
    changed = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    # What was moved is told by its former name too.
    assert changed == {one.name for one in told.changes if one.name in before or one.name in after}
    assert all(one.reasons for one in told.unfixed)


def compare_all(
    told: Mapping[str, FixedFile],
    trees_: tuple[Mapping[str, Tree], Mapping[str, Tree]],
    vulnerable: Mapping[str, set[str]],
    where: str,
) -> None:
    """Compare what is told of projects by their names; `where` tells what was drawn."""
    for name, one in told.items():
        try:
            compare(one, (trees_[0][name], trees_[1][name]), vulnerable)
        except AssertionError as error:
            raise AssertionError(f"{name}: {error}; {where}") from error


async def compared(folder: Path, seed: int, count: int, *, lock: bool) -> Counts:
    random = Random(seed)
    drawing = ProjectDrawing(random, 14, 0.0)
    universe = drawing.universe()
    async with MavenRepositoryServer() as repository:
        serve(repository, universe)
        with variables(home_of(folder / "home", repository.url, path=os.environ["PATH"], plugins=await plugins())):
            names = await draw_all(folder, drawing, count, lock=lock)
            await publish(repository, universe.versions)
            shutil.rmtree(folder / "home" / "cache")
            records, vulnerable = drawn_advisories(random, [*universe.versions])
            await imported(folder, *records)
            # Whatever can be resolved can be looked at, be it fixed or not.
            told = {name: (await fixed(folder / "after" / name / "pom.xml", manifest=True)).files[0] for name in names}
            for place in ("before", "after"):
                write_all(folder / place, {name: (folder / place / name / "pom.xml").read_text() for name in told})
            before = await trees(folder / "before", folder / "local")
            after = await trees(folder / "after", folder / "local")
    assert before.keys() == after.keys() == told.keys()
    compare_all(told, (before, after), vulnerable, f"seed {seed}; {folder}")
    touched = [one for one in told.values() if one.fixed or one.unfixed]
    changes = [change for one in touched for change in one.manifest]
    return Counts(
        projects=len(touched), changed=sum(1 for one in touched if one.fixed), fixed=sum(len(one.fixed) for one in touched),
        unfixed=sum(len(one.unfixed) for one in touched), entries=sum(1 for one in changes if not one.before),
        said=sum(1 for one in changes if one.before), locks=sum(1 for one in touched if one.fixed and not one.manifest),
    )  # fmt: skip


@pytest.mark.parametrize("lock", [False, True], ids=["plain", "locked"])
async def test_maven_comes_to_just_what_is_told(lock: bool, tmp_path: Path) -> None:
    counts = await compared(tmp_path, 1 + lock, 40, lock=lock)
    assert counts.fixed > 10
    assert min(counts.entries, counts.said) > 1
    assert counts.locks == 0 or lock


@pytest.mark.long
@pytest.mark.parametrize("lock", [False, True], ids=["plain", "locked"])
async def test_maven_comes_to_just_what_is_told_in_many_repositories(lock: bool, tmp_path: Path) -> None:
    found = [await compared(tmp_path / str(seed), seed, 60, lock=lock) for seed in range(10, 16)]
    counts = Counts(*(sum(one) for one in zip(*found, strict=True)))
    assert counts.projects > 150
    assert counts.fixed > counts.unfixed


async def test_the_lock_alone_changes_where_a_range_allows_the_fix(tmp_path: Path) -> None:
    async with MavenRepositoryServer() as repository:
        with variables(home_of(tmp_path / "home", repository.url, path=os.environ["PATH"], plugins=await plugins())):
            for name, needs in (("core:1.0", ""), ("core:1.1", ""), ("web:1", "core:[1.0,2.0)")):
                repository.add(name, *([needs] if needs else []), packaging="pom")
            asked = [dependency("g:web:1", type="pom"), dependency("g:core:[1.0,1.5]", type="pom")]
            file = write_project(tmp_path / "after" / "shop", pom("own:shop:1", parts(asked)))
            await locked(file)
            for version in ("1.2", "1.3"):
                repository.add(f"core:{version}", packaging="pom")
            shutil.rmtree(tmp_path / "home" / "cache")
            await imported(tmp_path, bad("X-1", "g:core", ("introduced", "0"), ("fixed", "1.2")))
            before = file.read_text()
            [told] = (await fixed(file)).files
            write_all(tmp_path / "after", {"shop": file.read_text()})
            found = await trees(tmp_path / "after", tmp_path / "local")
    assert (told.manifest, len(told.fixed)) == ([], 1)
    assert file.read_text() == before.replace("<version>1.1<", "<version>1.2<")
    assert by_name(found["shop"])["g:core"] == {"1.2"}


class Real(NamedTuple):
    """A project of what is in the repository that Maven comes with.

    Attributes:
        text: Of its pom.xml.
        vulnerable: From which version on something is, and in which it is fixed, by name.
        said: What the file is to say.
    """

    text: str
    vulnerable: dict[str, tuple[str, str]]
    said: dict[str, str]


REAL = [
    Real(
        pom("own:shop:1", parts([dependency("org.apache.logging.log4j:log4j-core:${log4j}"), dependency("org.apache.logging.log4j:log4j-slf4j-impl:${log4j}")], properties={"log4j": "2.14.1"})),
        {"org.apache.logging.log4j:log4j-core": ("2.0", "2.17.1")},
        {"${log4j}": "2.17.1"},
    ),
    Real(
        pom("own:shop:1", parts([dependency("org.springframework.boot:spring-boot-starter-web")], [bom("org.springframework.boot:spring-boot-dependencies:2.6.3")])),
        {"com.fasterxml.jackson.core:jackson-databind": ("2.13.0", "2.13.4.2"), "org.yaml:snakeyaml": ("0", "2.0")},
        {"com.fasterxml.jackson.core:jackson-databind": "2.13.4.2", "org.yaml:snakeyaml": "2.0"},
    ),
    Real(
        pom("own:shop:1", parts([dependency("org.apache.commons:commons-configuration2:2.7")]), parent="org.springframework.boot:spring-boot-starter-parent:2.7.0"),
        {"org.apache.commons:commons-text": ("1.5", "1.10.0")},
        {"org.apache.commons:commons-text": "1.10.0"},
    ),
]  # fmt: skip


@pytest.mark.parametrize("real", REAL, ids=lambda one: next(iter(one.vulnerable)))
async def test_real_projects(real: Real, tmp_path: Path) -> None:
    records = [
        bad(f"X-{number}", name, ("introduced", first), ("fixed", fix))
        for number, (name, (first, fix)) in enumerate(real.vulnerable.items())
    ]
    with variables({"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache"), "PATH": os.environ["PATH"]}):
        await imported(tmp_path, *records)
        file = write_project(tmp_path / "after" / "shop", real.text)
        [told] = (await fixed(file)).files
        write_all(tmp_path / "after", {"shop": file.read_text()})
        found = by_name((await trees(tmp_path / "after", PLUGINS))["shop"])
    assert ({one.name: one.after for one in told.manifest}, told.unfixed) == (real.said, [])
    assert {name: found[name] for name in real.vulnerable} == {
        name: {fix} for name, (_, fix) in real.vulnerable.items()
    }
