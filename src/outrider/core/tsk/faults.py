"""Faults of a .tsk file, each with its place and a way out."""

from outrider.core.errors import InvalidConfigError
from outrider.core.tsk.nodes import Source

QUOTES = "put quotes around it"


def fault(source: Source, at: int, message: str, *, found: str = "", expected: str = "", fix: str = "") -> InvalidConfigError:  # fmt: skip
    """Return the error for a place of a file."""
    return InvalidConfigError(
        message,
        source=source.place(at),
        found=found,
        expected=expected,
        suggestions=[fix] if fix else ["look it up in the reference of .tsk"],
    )
