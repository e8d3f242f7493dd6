"""Plugins that others than Gradle publish: what is told of them is what the real Gradle shows."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from outrider.core.errors import UnsupportedError
from outrider.operators.packages.manifests.gradle.external.plugin import externals, parts
from outrider.operators.packages.manifests.gradle.plugins import declarable, resolvable
from outrider.operators.packages.manifests.gradle.source_sets import of_source_set, resolvable_in
from outrider.operators.packages.maven.gradle.configurations import hierarchy
from outrider.operators.packages.tests.gradle_files import build_of, told
from outrider.operators.packages.tests.maven_projects import locked
from outrider.operators.packages.tests.world import variables
from tests.peers.gradle import Gradle, running

SETTINGS = "pluginManagement { repositories { mavenCentral() } }\nrootProject.name = 'shop'\n"
BUILD = """
plugins {{
    id 'java'
    id '{plugin}' version '{version}'
}}
repositories {{ mavenCentral() }}
dependencyLocking {{ lockAllConfigurations() }}
java {{ sourceCompatibility = JavaVersion.VERSION_17 }}
{more}
dependencies {{
    implementation 'org.slf4j:slf4j-api:2.0.13'
    {line}
}}
"""
OWN = """
sourceSets { speed }
apply plugin: 'java-test-fixtures'
testing { suites { end(JvmTestSuite) { useJUnit('4.13.2') } } }
"""
# Each with a version that was compared, something that is said to it, and something that is asked for in a configuration of its own.
USED = {
    "com.adarshr.test-logger": ("4.0.0", "testlogger { theme = 'mocha' }", ""),
    "com.gradleup.shadow": ("8.3.5", "shadowJar { archiveClassifier = '' }", "shadow 'com.google.code.findbugs:jsr305:3.0.2'"),
    "io.freefair.lombok": ("8.10", "lombok { version = '1.18.32' }" + OWN, "speedImplementation 'com.google.code.findbugs:jsr305:3.0.2'"),
    "io.gitlab.arturbosch.detekt": ("1.23.7", "detekt { buildUponDefaultConfig = true }", "detektPlugins 'com.google.code.findbugs:jsr305:3.0.2'"),
    "io.spring.dependency-management": ("1.1.7", "dependencyManagement { dependencies { dependency 'org.slf4j:slf4j-api:2.0.12' } }", ""),
    "org.springframework.boot": ("3.3.5", "springBoot { }", "developmentOnly 'com.google.code.findbugs:jsr305:3.0.2'"),
}  # fmt: skip


def script(plugin: str) -> str:
    version, more, line = USED[plugin]
    return BUILD.format(plugin=plugin, version=version, more=more, line=line)


def test_each_plugin_is_used_here() -> None:
    assert {*externals()} == {*USED}
    assert all(one.id in one.parts for one in externals().values())


@pytest.mark.parametrize("plugin", USED)
def test_what_is_said_to_it_is_read(plugin: str, tmp_path: Path) -> None:
    project = build_of(tmp_path, {"build.gradle": script(plugin)}).projects[":"]
    assert plugin in project.plugins
    added = [parts()[one] for one in project.plugins if one in parts()]
    others = [one for one in project.plugins if one not in parts()]
    assert resolvable(project.plugins) - resolvable(others) == {name for one in added for name in one.resolvable}
    assert declarable(project.plugins) - declarable(others) == {name for one in added for name in one.declarable}


@pytest.mark.parametrize("plugin", USED)
def test_other_versions_are_refused(plugin: str, tmp_path: Path) -> None:
    text = f"plugins {{ id '{plugin}' version '0.0.1' }}"
    with pytest.raises(UnsupportedError, match=f"{plugin} is not known in version 0.0.1, but in "):
        build_of(tmp_path, {"build.gradle": text})


@pytest.mark.parametrize(
    ("more", "found"),
    [
        ("", ["lombok org.projectlombok:lombok:1.18.34 nowhere"]),
        ("lombok { version = '1.18.30' }", ["lombok org.projectlombok:lombok:1.18.30 nowhere"]),
        ("dependencies { lombok 'a:b:1' }", ["lombok a:b:1"]),
    ],
)
def test_what_counts_by_itself_does_where_nothing_else_is_asked_for(
    more: str, found: list[str], tmp_path: Path
) -> None:
    text = f"plugins {{ id 'java'; id 'io.freefair.lombok' version '8.10' }}\n{more}"
    assert told(build_of(tmp_path, {"build.gradle": text})) == found


def test_lombok_is_for_what_all_source_sets_compile(tmp_path: Path) -> None:
    text = "plugins { id 'java'; id 'io.freefair.lombok' version '8.10' }\n" + OWN
    project = build_of(tmp_path, {"build.gradle": text}).projects[":"]
    assert sorted(
        name for name in resolvable_in(project) - {"lombok"} if "lombok" in hierarchy(project, name)
    ) == sorted(
        of_source_set(source_set, name)
        for source_set in ("main", "test", "speed", "testFixtures", "end")
        for name in ("annotationProcessor", "compileClasspath")
    )


def test_more_of_lombok_is_refused(tmp_path: Path) -> None:
    text = "plugins { id 'java'; id 'io.freefair.lombok' version '8.10' }\nlombok { disableConfig = true }"
    with pytest.raises(UnsupportedError, match="its version alone is read"):
        build_of(tmp_path, {"build.gradle": text})


@pytest.fixture(scope="module")
def gradle(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gradle]:
    with running(tmp_path_factory.mktemp("gradle")) as started:
        yield started


@pytest.mark.real
@pytest.mark.timeout(900)
@pytest.mark.parametrize("plugin", USED)
async def test_a_build_is_locked_as_gradle_does(plugin: str, gradle: Gradle, tmp_path: Path) -> None:
    (tmp_path / "settings.gradle").write_text(SETTINGS)
    (tmp_path / "build.gradle").write_text(script(plugin))
    file = tmp_path / "gradle.lockfile"
    assert not gradle.lock(tmp_path).failures
    theirs = file.read_text()
    file.unlink()
    with variables({"XDG_CACHE_HOME": str(tmp_path / "cache")}):
        await locked(file)
    assert file.read_text() == theirs
