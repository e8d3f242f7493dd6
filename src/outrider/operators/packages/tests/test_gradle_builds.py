"""Whole builds of Gradle in the style of well-known projects: what is read of them, in both languages."""

from pathlib import Path

import pytest

from outrider.operators.packages.manifests.gradle.reading import read_build
from outrider.operators.packages.tests.gradle_files import whole

BUILDS = Path(__file__).parent / "gradle_builds"
EXPECTED = "expected.txt"


@pytest.mark.parametrize("name", sorted(path.parent.name for path in BUILDS.glob(f"*/{EXPECTED}")))
def test_a_build_is_read_whole(name: str) -> None:
    assert whole(read_build(BUILDS / name)) == (BUILDS / name / EXPECTED).read_text()
