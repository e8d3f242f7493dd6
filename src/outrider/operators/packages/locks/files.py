"""The lock files of a project, read from disk."""

from pathlib import Path

from outrider.core.errors import InvalidConfigError, NotFoundError, OutriderError
from outrider.operators.packages.distributions.environments import installed_in, is_environment, is_of_others
from outrider.operators.packages.distributions.inventories import inventories
from outrider.operators.packages.distributions.roots import root_at
from outrider.operators.packages.locks.lock import Lock
from outrider.operators.packages.locks.reading import lock_files, locks_beside, read_lock
from outrider.operators.packages.locks.writing.files import read_text


def read_locks(path: Path, *, roots: bool = False, unread: list[OutriderError] | None = None) -> list[tuple[str, Lock]]:
    """Return what a lock file says, or all lock files of a folder, with the path of each; without one, what is installed in it.

    Args:
        path: Of the file or the folder.
        roots: Whether it may be a root as well, or an image of a container: of these what is installed is read.
        unread: Gets the errors of several files, of which the others are read then; if there is none, the first error is raised.

    Raises:
        NotFoundError: There is none, or one cannot be read.
        UnsupportedError: It is of no known format.
        InvalidConfigError: It is not of its format.
        LimitedError: A root has too much in it.
        MissingRequirementError: An image is packed with zstd, and the library that unpacks it is not installed.
    """
    root = root_at(path) if roots else None
    if root is not None:
        return inventories(root, str(path).rstrip("/"))
    files = _files(path) if path.is_dir() else [path]
    if not files and is_environment(path):
        return installed_in(path)
    if not files:
        raise NotFoundError(
            f"{path}: there is no lock file", found="none", expected="such as uv.lock, package-lock.json or Cargo.lock",
            suggestions=["lock the project with its own tool", "name the file"],
        )  # fmt: skip
    locks = []
    for file in files:
        try:
            locks.append((str(file), read_lock(file.as_posix(), read_text(file))))
        except (InvalidConfigError, NotFoundError) as error:
            if unread is None or len(files) == 1:
                raise
            unread.append(error)
    return locks


def _files(folder: Path) -> list[Path]:
    return locks_beside(folder) if is_of_others(folder) else lock_files(folder)
