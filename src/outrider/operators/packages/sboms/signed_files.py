"""Bills of materials and their signatures on disk."""

import hashlib
from pathlib import Path

from outrider.core.errors import ExecutionFailedError, NotFoundError, PreconditionFailedError
from outrider.operators.packages.whole_files import write_whole

LARGEST_BILL = 64 << 20
# The bill is in it, and takes a third more there.
LARGEST_SIGNATURE = 96 << 20
_READABLE = 0o644
ABSENT = "absent"


def signature_path(bill: str) -> Path:
    """Return where the signature of a bill is kept: beside it."""
    return Path(f"{bill}.sig")


def fingerprint(path: Path) -> str:
    """Return what tells the content of a file from another: its SHA-256, or `absent`.

    Raises:
        NotFoundError: It cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        return ABSENT
    except OSError as error:
        raise NotFoundError(f"{path}: it cannot be read: {error.strerror}", found=str(error.strerror)) from error


def check_unchanged(path: Path, found: str, expected: object) -> None:
    """Refuse what is another file than when the plan was made.

    Raises:
        PreconditionFailedError: It is.
    """
    if expected is not None and found != expected:
        raise PreconditionFailedError(
            f"{path}: it changed since the plan was made", found=f"content {found[:12]}", expected=f"content {str(expected)[:12]}",
            suggestions=["make the plan again"],
        )  # fmt: skip


def write_signature(path: Path, content: bytes) -> None:
    """Put a signature in place as a whole; anybody may read it.

    Raises:
        ExecutionFailedError: It cannot be written; what was there stays.
    """
    try:
        write_whole(path, content, _READABLE)
    except OSError as error:
        raise ExecutionFailedError(
            f"{path}: the signature cannot be written: {error.strerror}", found=str(error.strerror), expected="a folder with room",
            suggestions=["check the folder"],
        ) from error  # fmt: skip
