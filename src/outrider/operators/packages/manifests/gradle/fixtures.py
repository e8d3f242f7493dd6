"""Test fixtures of a project: https://docs.gradle.org/current/userguide/java_testing.html#sec:java_test_fixtures."""

from outrider.operators.packages.manifests.gradle.builds import Asked
from outrider.operators.packages.manifests.gradle.functions import TEST_FIXTURES
from outrider.operators.packages.manifests.gradle.source_sets import FIXTURES
from outrider.operators.packages.manifests.gradle.state import ProjectState


def add_fixtures(project: ProjectState) -> None:
    """Add the source set of test fixtures, which use the project and are used by its tests once it is one of Java.

    Args:
        project: That the plugin is applied to.
    """

    def add() -> None:
        project.declared.setdefault(f"{FIXTURES}Api", []).append(Asked(project=project.path))
        tests = project.declared.setdefault("testImplementation", [])
        tests.append(Asked(project=project.path, feature=TEST_FIXTURES))

    project.source_sets.append(FIXTURES)
    project.when_applied("java", add)
