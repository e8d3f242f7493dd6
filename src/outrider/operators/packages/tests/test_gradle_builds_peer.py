"""What is read of builds in Groovy is what the real Gradle has of them once it has configured them."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from outrider.operators.packages.manifests.gradle.plugins import with_applied
from outrider.operators.packages.manifests.gradle.reading import read_build
from outrider.operators.packages.tests.gradle_declared import as_gradle_has_it, declared, install
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
