"""The real Gradle runs here, whole builds as their files say them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from outrider.operators.packages.tests.maven_poms import dependency, metadata, parts, path_of, pom
from tests.peers.gradle import Gradle, GradleError, lock, running

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]

HEADER = (
    "# This is a Gradle generated file for dependency locking.\n# Manual edits can break the build and are not advised.\n"
    "# This file is expected to be part of source control.\n"
)
CLASSPATHS = "compileClasspath,runtimeClasspath,testCompileClasspath,testRuntimeClasspath"
LIBRARY = """plugins {{
    id 'java-library'
}}
repositories {{ mavenCentral() }}
dependencies {{ {} }}
dependencyLocking {{ lockAllConfigurations() }}
"""


@pytest.fixture(scope="module")
def gradle(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gradle]:
    with running(tmp_path_factory.mktemp("gradle")) as started:
        yield started


def repository(folder: Path) -> str:
    """Write two modules in two versions; return the address."""
    for name, needs in (("lib", ["com.acme:base:1.0"]), ("base", [])):
        for version in ("1.0", "1.1"):
            coordinates = f"com.acme:{name}:{version}"
            path = folder / path_of(coordinates)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(pom(coordinates, parts([dependency(one, scope="runtime") for one in needs])))
        (folder / "com/acme" / name / "maven-metadata.xml").write_text(metadata(("1.0", "1.1")))
    return folder.as_uri()


def build(folder: Path, needs: str = "api 'com.acme:lib:[1.0,2.0)'") -> Path:
    """Write a build of two projects."""
    (folder / "lib").mkdir(parents=True)
    (folder / "settings.gradle").write_text("rootProject.name = 'shop'\ninclude 'lib'\n")
    (folder / "build.gradle").write_text(LIBRARY.format("implementation project(':lib')"))
    (folder / "lib" / "build.gradle").write_text(LIBRARY.format(needs))
    return folder


def test_all_projects_of_a_build_are_locked(gradle: Gradle, tmp_path: Path) -> None:
    shop, modules = build(tmp_path / "shop"), repository(tmp_path / "modules")
    answer = gradle.lock(shop, modules)
    assert answer.failures == ()
    assert answer.resolved[":"]["compileClasspath"] == ["com.acme:lib:1.1"]
    runtime = "com.acme:base:1.0=runtimeClasspath,testRuntimeClasspath\n"
    both = f"{HEADER}{runtime}com.acme:lib:1.1={CLASSPATHS}\nempty=annotationProcessor,testAnnotationProcessor\n"
    assert (shop / "gradle.lockfile").read_text() == (shop / "lib" / "gradle.lockfile").read_text() == both


def test_locks_are_verified_and_updated(gradle: Gradle, tmp_path: Path) -> None:
    shop, modules = build(tmp_path / "shop"), repository(tmp_path / "modules")
    gradle.lock(shop, modules)
    lock_file = shop / "lib" / "gradle.lockfile"
    newest = lock_file.read_text()
    lock_file.write_text(newest.replace("lib:1.1", "lib:1.0"))
    held = gradle.verify(shop, modules)
    assert held.failures == ()
    assert held.resolved[":lib"]["compileClasspath"] == ["com.acme:lib:1.0"]
    assert gradle.lock(shop, modules, ["com.acme:lib"]).failures == ()
    assert lock_file.read_text() == newest


def test_a_lock_that_lacks_a_module_is_refused(gradle: Gradle, tmp_path: Path) -> None:
    shop, modules = build(tmp_path / "shop"), repository(tmp_path / "modules")
    gradle.lock(shop, modules)
    lock_file = shop / "lib" / "gradle.lockfile"
    lock_file.write_text("".join(line for line in lock_file.read_text().splitlines(True) if "base" not in line))
    assert any("which is not part of the dependency lock state" in one for one in gradle.verify(shop, modules).failures)
    lock_file.unlink()
    assert gradle.verify(shop, modules).failures == ()
    strict = gradle.verify(shop, modules, strict=True).failures
    assert any("strict" in one.lower() for one in strict), strict


def test_a_module_that_is_missing_fails(gradle: Gradle, tmp_path: Path) -> None:
    shop, modules = build(tmp_path / "shop", "api 'com.acme:lib:3.0'"), repository(tmp_path / "modules")
    assert any("Could not find com.acme:lib:3.0" in one for one in gradle.lock(shop, modules).failures)


def test_a_build_that_is_wrong_fails(tmp_path: Path) -> None:
    shop = build(tmp_path / "shop", "nothing 'com.acme:lib:1.0'")
    with pytest.raises(GradleError, match=r"Could not find method nothing\(\)"):
        lock(shop, tmp_path / "home", repository(tmp_path / "modules"))
