"""Builds whose versions io.spring.dependency-management replaces."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from outrider.core.errors import ConflictError, UnsupportedError
from outrider.operators.packages.tests.gradle_files import build_of
from outrider.operators.packages.tests.gradle_projects import ALL, lock_text, repository, write_build
from outrider.operators.packages.tests.maven_projects import bad, fixed, locked
from outrider.operators.packages.tests.maven_repository import MavenRepositoryServer, need
from outrider.operators.packages.tests.test_audit import imported

VERSION = "1.1.7"
WEB = "implementation 'g:web:1'"
BOM = 'imports { mavenBom "g:bom:1" }'


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[MavenRepositoryServer]:
    async with repository(tmp_path) as made:
        for version in ("1.0", "1.1", "1.2", "2.0"):
            made.add(f"core:{version}")
        made.add("web:1", "core:1.1", "log:1")
        for version in ("1", "2"):
            made.add(f"log:{version}")
        made.add("front:1", need("web:1", exclusions=["g:log"]))
        made.add("deep:1", "between:1")
        made.add("between:1", "web:1")
        made.add("bom:1", managed=[need("core:${core.version}")], packaging="pom", properties={"core.version": "1.0"})
        made.add("other:1", managed=[need("core:2.0"), need("log:2")], packaging="pom")
        yield made


async def lock_of(folder: Path, managed: str, *lines: str, version: str = VERSION, more: str = "") -> str:
    """Lock a build that manages versions, and return the file."""
    file = written(folder, managed, *lines, version=version, more=more)
    await locked(file)
    return file.read_text()


def written(folder: Path, managed: str, *lines: str, version: str = VERSION, more: str = "") -> Path:
    file = write_build(folder / "shop", *lines, more=f"{more}\ndependencyManagement {{ {managed} }}")
    build = file.with_name("build.gradle")
    plugin = f"    id 'io.spring.dependency-management' version '{version}'\n"
    build.write_text(build.read_text().replace("    id 'java-library'\n", f"    id 'java-library'\n{plugin}"))
    return file


@pytest.mark.parametrize(
    ("managed", "lines", "modules"),
    [
        (BOM, [WEB], {"core:1.0": ALL, "log:1": ALL, "web:1": ALL}),
        (BOM, ["implementation 'g:core'"], {"core:1.0": ALL}),
        (BOM, [WEB, "implementation 'g:core:1.2'"], {"core:1.2": ALL, "log:1": ALL, "web:1": ALL}),
        (BOM, ["implementation 'g:core:1.+'"], {"core:1.2": ALL}),
        (BOM + "\noverriddenByDependencies = false", [WEB, "implementation 'g:core:1.2'"], {"core:1.0": ALL, "log:1": ALL, "web:1": ALL}),
        (BOM + '\nimports { mavenBom "g:other:1" }', [WEB], {"core:2.0": ALL, "log:2": ALL, "web:1": ALL}),
        ('imports { mavenBom "g:other:1" }\n' + BOM, [WEB], {"core:1.0": ALL, "log:2": ALL, "web:1": ALL}),
        ('imports { mavenBom("g:bom:1") { bomProperty("core.version", "1.2") } }', [WEB], {"core:1.2": ALL, "log:1": ALL, "web:1": ALL}),
        (BOM + '\ndependencies { dependency "g:core:1.2" }', [WEB], {"core:1.2": ALL, "log:1": ALL, "web:1": ALL}),
        ("dependencies { dependency group: 'g', name: 'core', version: '1.2' }", [WEB], {"core:1.2": ALL, "log:1": ALL, "web:1": ALL}),
        ("dependencies { dependencySet(group: 'g', version: '1.2') { entry 'core' } }", [WEB], {"core:1.2": ALL, "log:1": ALL, "web:1": ALL}),
        ("dependencies { dependency('g:web:1') { exclude 'g:log' } }", [WEB], {"core:1.1": ALL, "web:1": ALL}),
        ("", ["implementation 'g:deep:1'", "implementation 'g:front:1'"], {"between:1": ALL, "core:1.1": ALL, "deep:1": ALL, "front:1": ALL, "web:1": ALL}),
        ("applyMavenExclusions = false", ["implementation 'g:deep:1'", "implementation 'g:front:1'"],
         {"between:1": ALL, "core:1.1": ALL, "deep:1": ALL, "front:1": ALL, "log:1": ALL, "web:1": ALL}),
    ],
)  # fmt: skip
async def test_versions_are_those_that_are_managed(
    managed: str, lines: list[str], modules: dict[str, tuple[str, ...]], server: MavenRepositoryServer, tmp_path: Path
) -> None:
    del server
    assert await lock_of(tmp_path, managed, *lines) == lock_text(modules)


@pytest.mark.parametrize("more", ["ext['core.version'] = '1.2'", "ext { set('core.version', '1.2') }"])
async def test_properties_of_the_build_count_before_those_of_a_bom(
    more: str, server: MavenRepositoryServer, tmp_path: Path
) -> None:
    del server
    found = await lock_of(tmp_path, BOM, "implementation 'g:core'", more=more)
    assert found == lock_text({"core:1.2": ALL})


async def test_a_property_that_is_not_known_is_no_other(server: MavenRepositoryServer, tmp_path: Path) -> None:
    del server
    with pytest.raises(ConflictError, match=r"core\.version, which the build sets in a way that is not read"):
        await lock_of(tmp_path, BOM, WEB, more="ext['core.version'] = System.getenv('X')")


async def test_a_bom_that_is_nowhere_is_told(server: MavenRepositoryServer, tmp_path: Path) -> None:
    del server
    with pytest.raises(ConflictError, match="g:none 1 is in no repository"):
        await lock_of(tmp_path, 'imports { mavenBom "g:none:1" }', WEB)


async def test_exclusions_that_others_share_are_refused(server: MavenRepositoryServer, tmp_path: Path) -> None:
    del server
    with pytest.raises(UnsupportedError, match="Maven's exclusions keep g:log out of compileClasspath"):
        await lock_of(tmp_path, "", "implementation 'g:deep:1'", "implementation 'g:front:1'", version="1.1.5")
    assert await lock_of(tmp_path, BOM, WEB, version="1.1.5") == lock_text(
        {"core:1.0": ALL, "log:1": ALL, "web:1": ALL}
    )


@pytest.mark.parametrize("lines", [[WEB], [WEB, "implementation 'g:core:1.1'"]])
async def test_what_is_managed_is_fixed_in_the_build_alone(
    lines: list[str], server: MavenRepositoryServer, tmp_path: Path
) -> None:
    del server
    file = written(tmp_path, BOM, *lines)
    await locked(file)
    before = file.read_text()
    await imported(tmp_path, bad("X-1", "g:core", ("introduced", "0"), ("fixed", "1.2")))
    told = (await fixed(file)).files[0]
    assert file.read_text() == before
    assert [one.name for one in told.unfixed] == ["g:core"]
    assert told.unfixed[0].reasons[-1].startswith("Versions that dependencyManagement of the build has")
    await fixed(file, manifest=True)
    after = lock_text({"core:1.2": ALL, "log:1": ALL, "web:1": ALL})
    assert file.read_text() == (after if len(lines) > 1 else before)
    assert ("g:core:1.2" in file.with_name("build.gradle").read_text()) == (len(lines) > 1)


async def test_what_is_not_managed_is_fixed_in_the_lock(server: MavenRepositoryServer, tmp_path: Path) -> None:
    del server
    file = written(tmp_path, BOM, WEB)
    await locked(file)
    await imported(tmp_path, bad("X-1", "g:log", ("introduced", "0"), ("fixed", "2")))
    await fixed(file)
    assert file.read_text() == lock_text({"core:1.0": ALL, "log:2": ALL, "web:1": ALL})


KOTLIN = """
import io.spring.gradle.dependencymanagement.dsl.DependencyManagementExtension
plugins {
    java
    id("io.spring.dependency-management")
}
extra["core.version"] = "1.2"
configure<DependencyManagementExtension> { imports { mavenBom("g:bom:1") { bomProperty("a", "b") } } }
dependencyManagement {
    dependencies {
        dependency("g:core:1.2") { exclude("g:log") }
        dependencySet("g:1") { entry("log") }
    }
}
"""
GROOVY = """
plugins {
    id 'java'
    id 'io.spring.dependency-management'
}
ext['core.version'] = '1.2'
dependencyManagement {
    imports { mavenBom('g:bom:1') { bomProperty 'a', 'b' } }
    dependencies {
        dependency('g:core:1.2') { exclude 'g:log' }
        dependencySet(group: 'g', version: '1') { entry 'log' }
    }
}
"""


def test_kotlin_says_the_same(tmp_path: Path) -> None:
    settings = "pluginManagement { plugins { id('io.spring.dependency-management') version '1.1.7' } }\n"
    found = []
    for name, text in (("build.gradle.kts", KOTLIN), ("build.gradle", GROOVY)):
        files = {"settings.gradle": settings, name: text}
        management = build_of(tmp_path / name, files).projects[":"].management
        assert management is not None
        bom = management.boms[0]
        found.append((bom.name, bom.properties, management.versions, management.excluded, management.properties))
    assert found[0] == found[1]
    assert found[0][:3] == ("bom", {"a": "b"}, {"g:core": "1.2", "g:log": "1"})


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("plugins { id 'io.spring.dependency-management' version '1.0.15.RELEASE' }", "is not known in version 1.0.15.RELEASE, but in 1.1.0 to 1.1.7"),
        ("apply plugin: 'io.spring.dependency-management'", "is not known without its version in the build"),
        ("plugins { id 'io.spring.dependency-management' version '1.1.7' }\ndependencyManagement { testImplementation { } }", "testImplementation is not read"),
        ("plugins { id 'io.spring.dependency-management' version '1.1.7' }\ndependencyManagement { imports { mavenBom 'g:a' } }", "has not 3 parts"),
    ],
)  # fmt: skip
def test_what_is_not_known_is_refused(text: str, why: str, tmp_path: Path) -> None:
    with pytest.raises(UnsupportedError, match=why):
        build_of(tmp_path, {"build.gradle": text})
