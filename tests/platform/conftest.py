from pathlib import Path

import pytest

from tests.platform.harness import Platform
from tests.platform.hook import Hook


@pytest.fixture(scope="session")
def cache_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One cache for all platforms of a test run, so that the sandbox is probed once."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def platform(tmp_path: Path, cache_folder: Path) -> Platform:
    """Return a platform in an empty folder."""
    folder = tmp_path / "platform"
    folder.mkdir()
    return Platform(folder, cache_folder)


@pytest.fixture
def hook(platform: Platform) -> Hook:
    """Return a platform with a webhook trigger and an action that records what it does."""
    return Hook(platform)
