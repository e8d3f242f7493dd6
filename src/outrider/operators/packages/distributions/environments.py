"""What is installed in a folder that a tool installs into: a virtual environment, a site-packages, a node_modules."""

from pathlib import Path

from outrider.core.errors import NotFoundError
from outrider.operators.packages.distributions.folders import FolderRoot
from outrider.operators.packages.distributions.inventories import languages
from outrider.operators.packages.locks.lock import Lock

# Whatever is below these, others have put there, lock files too.
_OF_OTHERS = ("node_modules", "site-packages", "dist-packages")


def is_of_others(folder: Path) -> bool:
    """Return whether all that is below a folder was installed there, by its name."""
    return folder.resolve().name in _OF_OTHERS


def is_environment(folder: Path) -> bool:
    """Return whether packages are installed in a folder."""
    return is_of_others(folder) or (folder / "pyvenv.cfg").is_file() or any(folder.glob("*.dist-info/METADATA"))


def installed_in(folder: Path) -> list[tuple[str, Lock]]:
    """Return each file of a folder that tells of packages, with its path.

    Raises:
        NotFoundError: There is none.
        LimitedError: There is too much in it.
    """
    found = languages(FolderRoot(folder, name=folder.resolve().name), str(folder))
    if not found:
        raise NotFoundError(
            f"{folder}: no package is installed in it", found="nothing", expected="such as NAME.dist-info or NAME/package.json",
            suggestions=["install the project first", "name its lock file"],
        )  # fmt: skip
    return found
