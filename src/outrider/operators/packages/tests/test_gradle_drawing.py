"""Builds that are drawn by chance are such as Gradle locks, and takes the locks of."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from outrider.operators.packages.tests.gradle_drawing import draw
from outrider.operators.packages.tests.gradle_universes import METADATA, PLAIN, POMS, RARE
from tests.peers.gradle import Gradle, running


@pytest.fixture(scope="module")
def gradle(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gradle]:
    with running(tmp_path_factory.mktemp("gradle")) as started:
        yield started


def files(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("hard", [PLAIN, POMS, METADATA, RARE])
def test_the_same_seed_draws_the_same(hard: int, tmp_path: Path) -> None:
    for folder in ("one", "two"):
        draw(tmp_path / folder, 3, hard=hard)
    assert files(tmp_path / "one") == files(tmp_path / "two")


def failed_and_refused(gradle: Gradle, seeds: range, folder: Path, hard: int, circles: float) -> tuple[int, int]:
    """Return how many builds Gradle fails on, and of how many it does not take the locks that it has written."""
    failed = refused = 0
    for seed in seeds:
        drawn = draw(folder / str(seed), seed, hard=hard, circles=circles)
        build = drawn.build.projects[":"].folder
        locked = gradle.lock(build, drawn.repository)
        failed += bool(locked.failures)
        if not locked.failures:
            assert all(project.lock_file.is_file() for project in drawn.build.projects.values()), seed
            verified = gradle.verify(build, drawn.repository)
            refused += bool(verified.failures)
            assert verified.failures or verified == locked, seed
    return failed, refused


@pytest.mark.real
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("hard", [PLAIN, POMS, METADATA, RARE])
@pytest.mark.parametrize("count", [6, pytest.param(100, marks=pytest.mark.long)])
def test_gradle_locks_most_of_what_is_drawn(gradle: Gradle, count: int, hard: int, tmp_path: Path) -> None:
    failed, refused = failed_and_refused(gradle, range(count), tmp_path, hard, circles=0.0)
    assert failed <= count / 2 + 1
    assert refused <= count / 25


@pytest.mark.real
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("count", [6, pytest.param(100, marks=pytest.mark.long)])
def test_gradle_locks_some_of_what_goes_in_circles(gradle: Gradle, count: int, tmp_path: Path) -> None:
    failed, refused = failed_and_refused(gradle, range(count), tmp_path, RARE, circles=0.5)
    # Of many that go in circles Gradle fails to read what it has written itself.
    assert failed < count
    assert refused <= count / 10
