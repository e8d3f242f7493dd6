"""Builds with the plugin of Spring Boot."""

from pathlib import Path

import pytest

from outrider.core.errors import UnsupportedError
from outrider.operators.packages.manifests.gradle.plugins import declarable, resolvable
from outrider.operators.packages.tests.gradle_files import build_of, told
from outrider.operators.packages.tests.maven_projects import locked
from outrider.operators.packages.tests.world import variables
from tests.peers.gradle import running

SETTINGS = "pluginManagement { repositories { mavenCentral() } }\nrootProject.name = 'shop'\n"
BUILD = """
plugins {{
    id 'java'
    id 'org.springframework.boot' version '{version}'
    {managing}
}}
repositories {{ mavenCentral() }}
dependencyLocking {{ lockAllConfigurations() }}
java {{ sourceCompatibility = JavaVersion.VERSION_17 }}
springBoot {{ buildInfo() }}
{more}
dependencies {{
{lines}
}}
"""
MANAGING = "id 'io.spring.dependency-management' version '1.1.7'"
PLATFORM = "    implementation platform(org.springframework.boot.gradle.plugin.SpringBootPlugin.BOM_COORDINATES)\n"
STARTER = "    implementation 'org.springframework.boot:spring-boot-starter'"
BOM = "org.springframework.boot:spring-boot-dependencies"


def script(version: str = "3.3.5", managing: str = MANAGING, lines: str = STARTER, more: str = "") -> str:
    return BUILD.format(version=version, managing=managing, lines=lines, more=more)


@pytest.mark.parametrize(
    ("version", "added"),
    [
        ("2.7.18", {"developmentOnly", "productionRuntimeClasspath"}),
        ("3.1.12", {"developmentOnly", "productionRuntimeClasspath"}),
        ("3.3.5", {"developmentOnly", "productionRuntimeClasspath", "testAndDevelopmentOnly"}),
    ],
)
def test_configurations_hang_on_the_version(version: str, added: set[str], tmp_path: Path) -> None:
    plugins = build_of(tmp_path, {"build.gradle": script(version)}).projects[":"].plugins
    assert resolvable(plugins) - resolvable(["java"]) == added
    assert declarable(plugins) - declarable(["java"]) == added | {"bootArchives"}


def test_without_java_there_is_but_one(tmp_path: Path) -> None:
    text = "plugins { id 'org.springframework.boot' version '3.3.5' }"
    plugins = build_of(tmp_path, {"build.gradle": text}).projects[":"].plugins
    assert (resolvable(plugins), declarable(plugins)) == (frozenset(), frozenset(("bootArchives",)))


@pytest.mark.parametrize("is_kotlin", [False, True])
def test_its_bom_is_imported_where_versions_are_managed(is_kotlin: bool, tmp_path: Path) -> None:
    kotlin = 'plugins {\n java\n id("io.spring.dependency-management") version "1.1.7"\n id("org.springframework.boot") version "3.3.5"\n}\n'
    files = {"build.gradle.kts": kotlin} if is_kotlin else {"build.gradle": script()}
    management = build_of(tmp_path, files).projects[":"].management
    assert management is not None
    assert [(f"{one.group}:{one.name}", one.version) for one in management.boms] == [(BOM, "3.3.5")]


@pytest.mark.parametrize("name", ["org.springframework.boot.gradle.plugin.SpringBootPlugin", "SpringBootPlugin"])
def test_where_its_bom_is_is_known(name: str, tmp_path: Path) -> None:
    line = f"implementation platform({name}.BOM_COORDINATES)"
    build = build_of(tmp_path, {"build.gradle": script(managing="", lines=line)})
    assert told(build) == [f"implementation {BOM}:3.3.5 platform nowhere"]


def test_versions_come_from_where_plugins_do(tmp_path: Path) -> None:
    files = {
        "settings.gradle": "include 'a', 'b'",
        "gradle/libs.versions.toml": '[versions]\nboot = "3.3.5"\n[plugins]\nboot = { id = "org.springframework.boot", version.ref = "boot" }\n',
        "build.gradle": "buildscript { dependencies { classpath 'io.spring.gradle:dependency-management-plugin:1.1.7' } }\n"
        "plugins { alias(libs.plugins.boot) apply false }",
        "a/build.gradle": "plugins { id 'java'; id 'org.springframework.boot' }",
        "b/build.gradle": "apply plugin: 'io.spring.dependency-management'",
    }
    build = build_of(tmp_path, files)
    assert "org.springframework.boot:3.2" in build.projects[":a"].plugins
    assert build.projects[":b"].management is not None


RULES = "pluginManagement { resolutionStrategy { eachPlugin { if (requested.id.id == 'x') { useVersion('1') } } } }"


def test_rules_of_the_settings_may_choose_another_version(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedError, match="pluginManagement of the settings may choose another version"):
        build_of(tmp_path, {"settings.gradle": RULES, "build.gradle": script()})


def test_plugins_that_are_not_applied_may_have_versions_that_are_not_known(tmp_path: Path) -> None:
    managed = "pluginManagement { plugins { id 'org.springframework.boot' version \"${x.y}\"; id 'a' version z } }"
    root = "plugins { id 'java'; id 'org.springframework.boot' version \"$v\" apply false }"
    assert build_of(tmp_path, {"settings.gradle": managed, "build.gradle": root}).projects[":"].plugins == (
        "java-base",
        "java",
    )


def test_other_versions_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedError, match=r"is not known in version 4\.0\.0, but in 2\.7 and 3\.1 to 3\.5"):
        build_of(tmp_path, {"build.gradle": script("4.0.0")})


REAL = [
    script(lines=STARTER[:-1] + "-web'\n    developmentOnly 'org.springframework.boot:spring-boot-devtools'"),
    script(more="ext['slf4j.version'] = '2.0.12'"),
    script("2.7.18", "", PLATFORM + STARTER),
]


@pytest.mark.real
@pytest.mark.timeout(900)
async def test_builds_are_locked_as_gradle_does(tmp_path: Path) -> None:
    with running(tmp_path / "home") as gradle, variables({"XDG_CACHE_HOME": str(tmp_path / "cache")}):
        for number, text in enumerate(REAL):
            folder = tmp_path / str(number)
            folder.mkdir()
            (folder / "settings.gradle").write_text(SETTINGS)
            (folder / "build.gradle").write_text(text)
            file = folder / "gradle.lockfile"
            assert not gradle.lock(folder).failures
            theirs = file.read_text()
            file.unlink()
            await locked(file)
            assert file.read_text() == theirs
