import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from outrider.runtime.sandbox.machine import Machine, detect
from tests.runtime.sandbox.box import Box

# An unprivileged user runs them all anyway.
collect_ignore = [] if os.geteuid() == 0 else ["test_sandbox_as_nobody.py"]


@pytest.fixture(scope="session")
def machine() -> Machine:
    return detect()


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that everybody may enter: only the sandbox is in the way."""
    folder = Path(tempfile.mkdtemp(prefix="outrider-test-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
async def box(open_folder: Path, machine: Machine) -> AsyncIterator[Box]:
    made = Box(open_folder, machine)
    yield made
    await made.close()
