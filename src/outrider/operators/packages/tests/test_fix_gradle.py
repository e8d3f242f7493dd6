"""Vulnerable modules of gradle.lockfile are replaced in the lock, and in the build where that is asked for and nothing else will do."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from outrider.core.errors import UnsupportedError
from outrider.operators.packages.fixing.results import FixedFile
from outrider.operators.packages.tests.gradle_projects import (
    ALL,
    lock_text,
    repository,
    repository_files,
    script,
    write_build,
)
from outrider.operators.packages.tests.maven_projects import bad, fixed, locked
from outrider.operators.packages.tests.maven_repository import MavenRepositoryServer
from outrider.operators.packages.tests.test_audit import imported
from outrider.operators.packages.tests.test_updating import drafted

CORE = bad("X-1", "g:core", ("introduced", "0"), ("fixed", "1.2"))
STRICT = "implementation('g:core') {{ version {{ strictly '{}' }} }}"
RUNTIME = ("runtimeClasspath", "testRuntimeClasspath")
COMPILE = ("compileClasspath", "testCompileClasspath")


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[MavenRepositoryServer]:
    async with repository(tmp_path) as made:
        for version in ("1.0", "1.1", "1.3", "2.0"):
            made.add(f"core:{version}", *([f"base:{version[0]}"] if version > "1.2" else []))
        for name in ("base:1", "base:2"):
            made.add(name)
        made.add("web:1", "core:1.0")
        yield made


async def mended(
    folder: Path, *lines: str, records: tuple[dict[str, Any], ...] = (CORE,), **params: bool
) -> tuple[str, FixedFile]:
    """Lock a build and fix the lock; return it, and what is told."""
    file = write_build(folder / "shop", *lines)
    await locked(file)
    await imported(folder, *records)
    result = await fixed(file, **params)
    return file.read_text(), result.files[0]


@pytest.mark.parametrize(
    "line", ["implementation 'g:web:1'", "implementation 'g:core:1.1'", "implementation 'g:core:[1.0,1.1]'"]
)
async def test_the_lowest_fix_is_locked_with_what_it_needs(
    line: str, server: MavenRepositoryServer, tmp_path: Path
) -> None:
    del server
    # To Gradle a range that is not strict is what is asked for at least.
    text, told = await mended(tmp_path, line)
    web = {"web:1": ALL} if "web" in line else {}
    assert text == lock_text({"base:1": ALL, "core:1.3": ALL, **web})
    assert [(one.name, one.after, one.why, one.direct) for one in told.changes if one.before] == [
        ("g:core", "1.3", "X-1", "core" in line)
    ]
    assert told.warnings[0].startswith(
        "g:base, g:core: the lock alone says so; where Gradle writes it anew (--write-locks)"
    )
    assert (await fixed(tmp_path / "shop" / "gradle.lockfile")).written == []


async def test_each_configuration_keeps_what_it_has(server: MavenRepositoryServer, tmp_path: Path) -> None:
    server.add("other:1")
    server.add("other:2")
    lines = ("compileOnly 'g:other:1'", "runtimeOnly 'g:other:2'", "implementation 'g:web:1'")
    text, _ = await mended(tmp_path, *lines)
    modules = {"base:1": ALL, "core:1.3": ALL, "other:1": ["compileClasspath"], "other:2": RUNTIME, "web:1": ALL}
    assert text == lock_text(modules)


async def test_configurations_and_tools_of_the_build_are_fixed_too(
    server: MavenRepositoryServer, tmp_path: Path
) -> None:
    for name in ("agent", "ant"):
        for version in ("0.8.11", "0.8.12"):
            server.files |= repository_files(f"org.jacoco:org.jacoco.{name}:{version}")
    own = "configurations { tools }\napply plugin: 'jacoco'\njacoco { toolVersion = '0.8.11' }"
    file = write_build(tmp_path / "shop", "tools 'g:web:1'", more=own)
    await locked(file)
    await imported(tmp_path, CORE, bad("X-3", "org.jacoco:org.jacoco.ant", ("introduced", "0"), ("fixed", "0.8.12")))
    await fixed(file)
    lines = file.read_text().splitlines()
    assert "g:core:1.3=tools" in lines
    assert "g:base:1=tools" in lines
    assert "org.jacoco:org.jacoco.ant:0.8.12=jacocoAnt" in lines
    assert "org.jacoco:org.jacoco.agent:0.8.11=jacocoAgent" in lines


async def test_what_is_newer_than_the_build_asks_for_stays(server: MavenRepositoryServer, tmp_path: Path) -> None:
    del server
    file = write_build(tmp_path / "shop", "implementation 'g:core:1.0'", "implementation 'g:base:1'")
    await locked(file)
    file.write_text(file.read_text().replace("g:base:1", "g:base:2"))
    await imported(tmp_path, CORE)
    await fixed(file)
    assert file.read_text() == lock_text({"base:2": ALL, "core:1.3": ALL})


async def test_a_strict_version_stands_in_the_way_until_the_manifest_may_change(
    server: MavenRepositoryServer, tmp_path: Path
) -> None:
    del server
    text, told = await mended(tmp_path, STRICT.format("1.0"))
    assert text == lock_text({"core:1.0": ALL})
    [left] = told.unfixed
    assert "g:core 1.0" in " ".join(left.reasons)
    assert [(one.name, one.before, one.after) for one in left.remedies] == [("g:core", "1.0", "1.3")]
    file = tmp_path / "shop" / "gradle.lockfile"
    result = await fixed(file, manifest=True)
    assert [(one.file, one.before, one.after) for one in result.files[0].manifest] == [
        (str(file.with_name("build.gradle")), "1.0", "1.3")
    ]
    assert file.with_name("build.gradle").read_text() == script(STRICT.format("1.3"))
    assert file.read_text() == lock_text({"base:1": ALL, "core:1.3": ALL})
    # What it says now is what Gradle would write.
    await locked(file)
    assert file.read_text() == lock_text({"base:1": ALL, "core:1.3": ALL})


async def test_a_version_of_a_catalog_is_changed_where_it_stands(server: MavenRepositoryServer, tmp_path: Path) -> None:
    del server
    file = write_build(tmp_path / "shop", "implementation libs.core")
    catalog = file.parent / "gradle" / "libs.versions.toml"
    catalog.parent.mkdir()
    text = '[versions]\ncore = {{ strictly = "{}" }} # here\n[libraries]\ncore = {{ module = "g:core", version.ref = "core" }}\n'
    catalog.write_text(text.format("1.0"))
    await locked(file)
    await imported(tmp_path, CORE)
    await fixed(file, manifest=True)
    assert catalog.read_text() == text.format("1.3")
    assert file.read_text() == lock_text({"base:1": ALL, "core:1.3": ALL})


async def test_what_has_no_fix_is_told(server: MavenRepositoryServer, tmp_path: Path) -> None:
    del server
    text, told = await mended(tmp_path, "implementation 'g:web:1'", records=(bad("X-2", "g:core"),))
    assert text == lock_text({"core:1.0": ALL, "web:1": ALL})
    [left] = told.unfixed
    assert left.reasons
    assert told.changes == []


async def test_a_build_that_is_not_read_is_told(server: MavenRepositoryServer, tmp_path: Path) -> None:
    del server
    file = write_build(tmp_path / "shop", "implementation 'g:core:1.0'")
    await locked(file)
    await imported(tmp_path, CORE)
    file.with_name("build.gradle").write_text("if (x) { dependencies { implementation 'g:web:1' } }\n")
    with pytest.raises(UnsupportedError, match=r"build\.gradle:1"):
        await fixed(file)


async def test_newer_versions_are_proposed_where_the_build_says_them(
    server: MavenRepositoryServer, tmp_path: Path
) -> None:
    server.add("web:1.5", "core:1.0")
    server.add("web:2", "core:1.0")
    file = write_build(tmp_path / "shop", "implementation 'g:web:1'", "testImplementation 'g:core:1.+'")
    await locked(file)
    before = file.with_name("build.gradle").read_text()
    draft = await drafted(tmp_path, up_to="minor", ranges="raise")
    assert draft.texts["build.gradle"] == before.replace("g:web:1'", "g:web:1.5'")
    assert "g:web:1.5=" in draft.texts["gradle.lockfile"]
    assert "g:core:1.3=testCompileClasspath" in draft.texts["gradle.lockfile"]
    assert [(one.name, one.before, one.after) for told in draft.told for one in told.manifest] == [
        ("g:web", "1", "1.5")
    ]
