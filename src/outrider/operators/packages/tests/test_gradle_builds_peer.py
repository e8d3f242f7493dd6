"""What is read of builds in Groovy is what the real Gradle has of them once it has configured them."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from outrider.operators.packages.manifests.gradle.plugins import with_applied
from outrider.operators.packages.manifests.gradle.reading import read_build
from outrider.operators.packages.tests.gradle_declared import as_gradle_has_it, declared, install
from outrider.operators.packages.tests.gradle_spellings import Drawing
from outrider.operators.packages.tests.test_gradle_builds import BUILDS
from tests.peers.gradle import Gradle, running

pytestmark = [pytest.mark.real, pytest.mark.timeout(600)]

# What reads scripts in Kotlin and makes accessors of catalogs is not in the Gradle that tests can have.
GROOVY = sorted(
    path.name for path in BUILDS.iterdir() if not [*path.rglob("*.kts"), *path.rglob("*.toml")] and path.is_dir()
)
PLUGINS = (
    "base", "java-base", "java", "java-library", "java-library-distribution", "java-platform", "application", "groovy", "groovy-base", "war",
    "signing", "distribution", "maven-publish", "ivy-publish", "idea", "eclipse", "eclipse-wtp", "build-dashboard", "project-report", "help-tasks",
    "reporting-base", "lifecycle-base", "wrapper", "build-init", "jvm-ecosystem", "jvm-toolchains", "publishing",
    "jvm-test-suite", "java-test-fixtures", "jacoco", "checkstyle", "pmd", "codenarc", "antlr",
)  # fmt: skip


@pytest.fixture(scope="module")
def gradle(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gradle]:
    home = tmp_path_factory.mktemp("gradle")
    install(home)
    with running(home) as started:
        yield started


@pytest.mark.parametrize("name", GROOVY)
def test_a_build_is_what_gradle_has(name: str, gradle: Gradle, tmp_path: Path) -> None:
    folder = tmp_path / name
    shutil.copytree(BUILDS / name, folder)
    assert as_gradle_has_it(read_build(folder)) == declared(gradle, folder)


def test_plugins_add_what_is_told_of_them(gradle: Gradle, tmp_path: Path) -> None:
    folder = tmp_path / "plugins"
    (folder / "whole").mkdir(parents=True)
    (folder / "settings.gradle").write_text("".join(f"include '{plugin}'\n" for plugin in PLUGINS))
    for plugin in PLUGINS:
        (folder / plugin).mkdir()
        (folder / plugin / "build.gradle").write_text(f"plugins {{ id '{plugin}' }}\n")
    assert as_gradle_has_it(read_build(folder)) == declared(gradle, folder)
    assert {one for plugin in PLUGINS for one in with_applied([plugin])} <= set(PLUGINS)


def drawn(folder: Path, seed: int, count: int) -> None:
    """Write a build of as many projects, each with a script that is drawn."""
    folder.mkdir()
    names = [f"p{number}" for number in range(count)]
    (folder / "settings.gradle").write_text("".join(f"include '{name}'\n" for name in names))
    (folder / "gradle.properties").write_text("fromFile = 1.4\n")
    for number, name in enumerate(names):
        (folder / name).mkdir()
        (folder / name / "build.gradle").write_text(Drawing(Random(seed * 1000 + number)).script())


@pytest.mark.parametrize("seed", [*range(2), *(pytest.param(seed, marks=pytest.mark.long) for seed in range(2, 12))])
def test_drawn_scripts_are_read_as_gradle_has_them(seed: int, gradle: Gradle, tmp_path: Path) -> None:
    folder = tmp_path / "drawn"
    drawn(folder, seed, 30)
    assert as_gradle_has_it(read_build(folder)) == declared(gradle, folder)
