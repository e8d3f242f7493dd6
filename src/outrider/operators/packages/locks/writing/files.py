"""Lock files and manifests on disk: read, told from one another, and written whole or not at all."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

from outrider.core.errors import ExecutionFailedError, InvalidConfigError, PreconditionFailedError
from outrider.operators.packages.whole_files import read_bounded, write_whole

_LARGEST = 64 << 20
_USUAL_MODE = 0o644


def read_text(path: Path) -> str:
    """Return the text of a file, its line ends as they are.

    Raises:
        NotFoundError: It is not there, or cannot be read.
        InvalidConfigError: It is too large, or no text.
    """
    content = read_bounded(path, _LARGEST)
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InvalidConfigError(
            f"{path}: it is no UTF-8", found=f"byte 0x{content[error.start]:02x} in line {line}", expected="text in UTF-8",
            suggestions=["save it as UTF-8, or have its own tool write it anew"],
        ) from error  # fmt: skip


def text_or_none(path: Path) -> str | None:
    """Return the text of a file; None where there is none. The errors are those of `read_text`."""
    return read_text(path) if path.exists() else None


def digest_of(text: str | None) -> str:
    """Return what tells one text from another; empty for none."""
    return "" if text is None else hashlib.sha256(text.encode()).hexdigest()


def refuse_changed(expected: Mapping[str, object], found: Mapping[str, str]) -> None:
    """Refuse to write over what is not as it was when the plan was made.

    Args:
        expected: Digests by path, as the plan has them; empty where there was no plan.
        found: Likewise, as they are now.

    Raises:
        PreconditionFailedError: A file is another one.
    """
    for path, digest in sorted(found.items()) if expected else ():
        if expected.get(path, "") != digest:
            raise PreconditionFailedError(
                f"{path}: it is another one than when the plan was made", path=path, found=digest or "no file",
                expected=str(expected.get(path, "")) or "no file", suggestions=["make the plan again"],
            )  # fmt: skip


def write_text(path: Path, text: str, *, with_folder: bool = False) -> None:
    """Write a file; a reader sees all of it or what was there before.

    Args:
        path: Of the file.
        text: Of it.
        with_folder: Whether its folder is made where it is not there.

    Raises:
        ExecutionFailedError: It cannot be written.
    """
    target = path.resolve()
    try:
        if with_folder:
            target.parent.mkdir(parents=True, exist_ok=True)
        mode = target.stat().st_mode & 0o777 if target.exists() else _USUAL_MODE
        write_whole(target, text.encode(), mode)
    except OSError as error:
        raise ExecutionFailedError(
            f"{path}: it cannot be written: {error.strerror}", path="file", found=str(error.strerror), expected="a file that can be written",
            suggestions=["name another file"],
        ) from error  # fmt: skip
