import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.runtime.sandbox.as_nobody import NOBODY

HERE = Path(__file__).parent
REPOSITORY = HERE.parents[2]
REAL = ["confinement", "end", "cgroups", "probe", "footprint"]


@pytest.mark.real
@pytest.mark.timeout(300)
def test_the_same_holds_for_an_unprivileged_user(open_folder: Path) -> None:
    """All tests with real processes once more, by a user without any right."""
    os.chown(open_folder, NOBODY, NOBODY)
    folders = [sys.base_prefix, sys.prefix, str(REPOSITORY)]
    files = [str(HERE / f"test_sandbox_{name}.py") for name in REAL]
    options = ["-q", "-p", "no:cacheprovider", f"--basetemp={open_folder / 'base'}", "--rootdir", str(REPOSITORY)]
    command = [sys.executable, "-B", "-m", "pytest", *options, *files]
    result = subprocess.run(
        [sys.executable, str(HERE / "as_nobody.py"), *folders, "--", *command],
        check=False,
        capture_output=True,
        text=True,
        cwd=REPOSITORY,
        env={"PATH": os.environ["PATH"], "HOME": str(open_folder), "LANG": "C.UTF-8"},
    )
    assert result.returncode == 0, result.stdout[-6000:] + result.stderr[-2000:]
    assert " passed" in result.stdout
