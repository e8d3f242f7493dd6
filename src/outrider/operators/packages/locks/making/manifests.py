"""What stands beside a lock file, and says what it is the lock of."""

from pathlib import Path

from outrider.core.errors import InvalidConfigError, NotFoundError
from outrider.operators.packages.locks.writing.files import read_text, text_or_none
from outrider.operators.packages.resolving.questions import Question


def manifest_beside(path: Path, name: str, question: Question) -> str:
    """Return the text of the manifest beside a lock file; arguments and errors are those of `beside`."""
    return read_text(beside(path, name, question))


def beside(path: Path, name: str, question: Question) -> Path:
    """Return the path of the manifest beside a lock file, which alone says what is asked for.

    Args:
        path: Of the lock file.
        name: Of the manifest.
        question: Whoever asks must not name packages too.

    Raises:
        InvalidConfigError: Packages are named.
        NotFoundError: There is no manifest.
    """
    manifest = path.parent / name
    if question.packages:
        raise InvalidConfigError(
            f"packages: {manifest} says what is asked for", path="packages", found=", ".join(question.packages), expected="no packages",
            suggestions=[f"write it into {manifest}"],
        )  # fmt: skip
    if not manifest.is_file():
        raise NotFoundError(
            f"{manifest}: there is none{'' if manifest == path else f', and {path.name} is of one'}", path="file", found="none", suggestions=[f"name a file beside a {name}"]
        )  # fmt: skip
    return manifest


def lock_at(path: Path, question: Question) -> str | None:
    """Return the text of the lock that is there; None where there is none that counts."""
    return None if question.anew else text_or_none(path)


def folder_of(path: Path) -> Path:
    """Return the folder of a project."""
    return path.resolve().parent
