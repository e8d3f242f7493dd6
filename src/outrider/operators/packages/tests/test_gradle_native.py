"""What is locked and fixed here is what the real Gradle writes and takes."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from outrider.core.errors import ConflictError, UnsupportedError
from outrider.operators.packages.tests.gradle_drawing import Drawn, draw
from outrider.operators.packages.tests.gradle_known import drawn
from outrider.operators.packages.tests.gradle_projects import write_build
from outrider.operators.packages.tests.gradle_universes import METADATA, PLAIN, POMS, RARE
from outrider.operators.packages.tests.maven_projects import bad, fixed, home_of, locked
from outrider.operators.packages.tests.maven_repository import MavenRepositoryServer
from outrider.operators.packages.tests.test_audit import imported
from outrider.operators.packages.tests.world import variables
from tests.peers.gradle import Answer, Gradle, running

pytestmark = [pytest.mark.real, pytest.mark.timeout(3600)]
# Builds that come to other versions than Gradle, of those that are drawn: where platforms that endorse one another change
# in the midst of a circle. What is counted is how many may.
_MOST_OTHERS = {PLAIN: 0, POMS: 0, METADATA: 3, RARE: 3}


@pytest.fixture(scope="module")
def gradle(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gradle]:
    with running(tmp_path_factory.mktemp("gradle")) as started:
        yield started


@pytest.mark.parametrize("seeds", [range(4), pytest.param(range(4, 80), marks=pytest.mark.long)])
async def test_well_known_modules_are_locked_as_gradle_does(gradle: Gradle, seeds: range, tmp_path: Path) -> None:
    for seed in seeds:
        file = write_build(tmp_path / str(seed), *drawn(seed))
        answer = gradle.lock(file.parent)
        theirs = file.read_text() if not answer.failures else ""
        file.unlink(missing_ok=True)
        try:
            with variables({"XDG_CACHE_HOME": str(tmp_path / "cache")}):
                await locked(file)
        except ConflictError:
            assert answer.failures, seed
            continue
        assert file.read_text() == theirs, seed


@pytest.mark.parametrize("hard", [PLAIN, POMS, METADATA, RARE])
@pytest.mark.parametrize("count", [8, pytest.param(150, marks=pytest.mark.long)])
async def test_builds_that_are_drawn_are_locked_as_gradle_does(
    gradle: Gradle, hard: int, count: int, tmp_path: Path
) -> None:
    became: Counter[str] = Counter()
    for seed in range(count):
        made = draw(tmp_path / str(seed), seed, hard=hard)
        answer, theirs = _theirs(gradle, made)
        ours = await _ours(tmp_path / str(seed), made)
        if answer.failures:
            became["neither" if None in ours.values() else "ours alone"] += 1
        else:
            became["same" if ours == theirs else "other"] += 1
    # The more configurations there are, the more builds have one that fails.
    assert became["same"] > count / 3, became
    assert became["other"] <= _MOST_OTHERS[hard] * (1 + count // 50), became
    assert became["ours alone"] <= 1 + count // 20, became


@pytest.mark.parametrize("hard", [POMS, RARE])
@pytest.mark.parametrize("count", [5, pytest.param(100, marks=pytest.mark.long)])
async def test_versions_that_a_plugin_manages_are_locked_as_gradle_does(
    gradle: Gradle, hard: int, count: int, tmp_path: Path
) -> None:
    became: Counter[str] = Counter()
    for seed in range(count):
        made = draw(tmp_path / str(seed), seed, hard=hard, managed=True)
        answer, theirs = _theirs(gradle, made)
        try:
            ours = await _ours(tmp_path / str(seed), made)
        except UnsupportedError:
            became["refused"] += 1
            continue
        if answer.failures:
            became["neither" if None in ours.values() else "ours alone"] += 1
        else:
            became["same" if ours == theirs else "other"] += 1
    assert became["same"] > count / 3, became
    assert became["other"] == 0, became
    assert became["ours alone"] + became["refused"] <= 1 + count // 20, became


BROUGHT = {
    "suites": """
testing { suites {
    test { useJUnitJupiter('5.10.0') }
    usual(JvmTestSuite) { dependencies { implementation project(); runtimeOnly('org.slf4j:slf4j-simple:2.0.9') { exclude module: 'slf4j-api' } } }
    old(JvmTestSuite) { useJUnit(); dependencies { implementation project(':'); compileOnly 'org.slf4j:slf4j-api:2.0.9' } }
    spock(JvmTestSuite) { useSpock() }
    kotlin(JvmTestSuite) { useKotlinTest() }
    testng(JvmTestSuite) { useTestNG('7.8.0') }
} }
dependencies { implementation 'commons-io:commons-io:2.11.0'; usualImplementation 'org.assertj:assertj-core:3.24.1' }
configurations { oldImplementation.extendsFrom(testImplementation) }
""",
    "fixtures": """
apply plugin: 'java-test-fixtures'
dependencies { testFixturesApi 'org.assertj:assertj-core:3.24.2'; implementation 'commons-io:commons-io:2.10.0' }
dependencies { testFixturesCompileOnlyApi 'org.jetbrains:annotations:24.0.0'; testFixturesRuntimeOnly 'org.slf4j:slf4j-simple:2.0.9' }
testing { suites { more(JvmTestSuite) { useJUnit('4.13.2'); dependencies { implementation testFixtures(project()) } } } }
""",
    "tools": """
apply plugin: 'jacoco'
apply plugin: 'checkstyle'
apply plugin: 'pmd'
apply plugin: 'codenarc'
checkstyle { toolVersion = '10.12.1' }
""",
    "newer tools": """
apply plugin: 'antlr'
apply plugin: 'jacoco'
apply plugin: 'pmd'
jacoco.toolVersion = '0.8.9'
pmd { toolVersion = '7.7.0' }
""",
    "own": """
configurations { tools; scope { canBeResolved = false }; flat { extendsFrom scope, compileOnly; transitive = false } }
sourceSets { more { compileClasspath += main.output } }
configurations.moreImplementation.extendsFrom configurations.testImplementation
dependencies { tools 'com.google.guava:guava:33.0.0-jre'; scope 'org.junit.jupiter:junit-jupiter-api:5.10.0' }
dependencies { moreImplementation project(':'); compileOnly 'org.jetbrains.kotlinx:kotlinx-coroutines-core:1.8.0' }
""",
}


@pytest.mark.parametrize(
    "name",
    ["fixtures", "own", *(pytest.param(one, marks=pytest.mark.long) for one in ("suites", "tools", "newer tools"))],
)
async def test_what_plugins_bring_and_builds_add_is_locked_as_gradle_does(
    gradle: Gradle, name: str, tmp_path: Path
) -> None:
    file = write_build(tmp_path / "shop", more=BROUGHT[name])
    assert not gradle.lock(file.parent).failures
    theirs = file.read_text()
    file.unlink()
    with variables({"XDG_CACHE_HOME": str(tmp_path / "cache")}):
        await locked(file)
    assert file.read_text() == theirs


def _theirs(gradle: Gradle, made: Drawn) -> tuple[Answer, dict[str, str | None]]:
    """Return what Gradle writes, by project, whose locks are then gone."""
    answer = gradle.lock(made.build.projects[":"].folder, made.repository)
    texts: dict[str, str | None] = {}
    for path, project in made.build.projects.items():
        texts[path] = project.lock_file.read_text() if project.lock_file.is_file() else None
        project.lock_file.unlink(missing_ok=True)
    return answer, texts


async def _ours(folder: Path, made: Drawn) -> dict[str, str | None]:
    """Return what is written here, by project; None where nothing can be."""
    texts: dict[str, str | None] = {}
    async with MavenRepositoryServer() as server:
        server.files |= made.universe.files
        with variables(home_of(folder / "home", server.url)):
            for path, project in made.build.projects.items():
                try:
                    await locked(project.lock_file)
                except ConflictError:
                    texts[path] = None
                else:
                    texts[path] = project.lock_file.read_text()
    return texts


@pytest.mark.parametrize("count", [8, pytest.param(120, marks=pytest.mark.long)])
async def test_gradle_takes_locks_that_were_fixed(gradle: Gradle, count: int, tmp_path: Path) -> None:
    became: Counter[str] = Counter()
    for seed in range(count):
        folder = tmp_path / str(seed)
        made = draw(folder, seed, hard=METADATA)
        if _theirs(gradle, made)[0].failures:
            continue
        async with MavenRepositoryServer() as server:
            server.files |= made.universe.files
            with variables(home_of(folder / "home", server.url)):
                await _fix(made, Random(seed), folder)
        answer = gradle.verify(made.build.projects[":"].folder, made.repository)
        became["taken" if not answer.failures else "not taken"] += 1
    assert became["taken"] > count / 2, became
    assert became["not taken"] <= count // 20, became


async def _fix(made: Drawn, random: Random, folder: Path) -> None:
    """Lock all projects of a build, and fix what chance says is vulnerable."""
    records: list[dict[str, Any]] = []
    for number, name in enumerate(random.sample([*made.universe.modules], 3)):
        versions = made.universe.modules[name]
        records.append(bad(f"X-{number}", name, ("introduced", "0"), ("fixed", random.choice(versions))))
    await imported(folder, *records)
    for project in made.build.projects.values():
        await locked(project.lock_file)
        await fixed(project.lock_file)
