"""Packages that are put beside an agent's program: from wheels only, so that nothing of them runs while they are installed."""

import importlib.util
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from outrider.core.codec import digest
from outrider.core.errors import ExecutionFailedError, MissingRequirementError
from outrider.kinds.agenttype.model import PackageTarget
from outrider.ports.process import run

INSTALL_SECONDS = 600.0
MARK = ".outrider-packages"
_FIELD = "spec.wrapper.packages"
_SHOWN = 600
# PEP 425: for any Python 3 on any machine.
_PURE = ("--platform", "any", "--implementation", "py", "--abi", "none")


async def install(packages: Sequence[str], target: PackageTarget | None, folder: Path) -> None:
    """Install packages into a folder with the `pip` of this Python, unless they are there.

    Args:
        packages: Requirements.
        target: The Python that they are for; None for any.
        folder: Where they come to; what an earlier list put there goes.

    Raises:
        MissingRequirementError: There is no pip.
        ExecutionFailedError: A package cannot be had as such a wheel.
    """
    mark = digest([list(packages), target])
    if _mark_of(folder) == mark:
        return
    shutil.rmtree(folder, ignore_errors=True)
    if not packages:
        return
    if importlib.util.find_spec("pip") is None:
        raise MissingRequirementError(
            "packages are installed by pip, which is not there", path=_FIELD, found=sys.executable, expected="a Python with pip",
            suggestions=[f"{sys.executable} -m ensurepip"],
        )  # fmt: skip
    beside = folder.with_name(f"{folder.name}.new")
    shutil.rmtree(beside, ignore_errors=True)
    command = [
        sys.executable, "-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check", "--only-binary=:all:",
        "--target", str(beside), *_wanted(target), *packages,
    ]  # fmt: skip
    done = await run(command, timeout=INSTALL_SECONDS, env=os.environ)
    if done.exit_code != 0:
        shutil.rmtree(beside, ignore_errors=True)
        raise ExecutionFailedError(
            "the packages beside the agent cannot be installed", path=_FIELD, found=done.stderr.decode("utf-8", "replace").strip()[-_SHOWN:],
            expected="wheels of pure Python" if target is None else f"wheels for Python {target.python} on {target.platform}",
            suggestions=["name the Python of the program in spec.wrapper.target, for packages that are not pure"] if target is None else [],
        )  # fmt: skip
    (beside / MARK).write_text(mark)
    _open_for_reading(beside)
    beside.rename(folder)


def _wanted(target: PackageTarget | None) -> Sequence[str]:
    if target is None:
        return _PURE
    return ("--platform", target.platform, "--python-version", target.python, "--implementation", "cp")


def _mark_of(folder: Path) -> str:
    try:
        return (folder / MARK).read_text()
    except OSError:
        return ""


def _open_for_reading(folder: Path) -> None:
    """Let the program's user read all of it, whatever the umask of this process."""
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
