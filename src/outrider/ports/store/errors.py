"""Translates what a database refuses into our errors."""

import sqlite3

from sqlalchemy.exc import DBAPIError

from outrider.core.errors import ConflictError, ExecutionFailedError, InternalError, OutriderError, UnavailableError

_LOCKED, _FULL, _FORBIDDEN, _DAMAGED, _DISK = range(5)
_SIGNS = {
    "locked": _LOCKED,
    "busy": _LOCKED,
    "full": _FULL,
    "readonly": _FORBIDDEN,
    "unable to open": _FORBIDDEN,
    "malformed": _DAMAGED,
    "not a database": _DAMAGED,
    "disk I/O": _DISK,
}


def translate(error: Exception, name: str) -> OutriderError:
    """Return our error for one of SQLAlchemy's or of a driver; `name` says which database."""
    original = error.orig if isinstance(error, DBAPIError) else error
    text = str(original or error)
    if isinstance(original, sqlite3.IntegrityError):
        return ConflictError(f"store {name}: {text}")
    reason = next((reason for sign, reason in _SIGNS.items() if sign in text), None)
    if reason is None:
        return InternalError(f"store {name}: {type(original or error).__name__}: {text}")
    return _error(reason, name, text)


def _error(reason: int, name: str, text: str) -> OutriderError:
    kind, message, remedy, retry_after = {
        _LOCKED: (
            UnavailableError,
            "locked by another process",
            "stop the other process that uses it (see fuser)",
            1.0,
        ),
        _FULL: (UnavailableError, "the disk is full", "free space on its disk", 5.0),
        _FORBIDDEN: (
            ExecutionFailedError,
            "cannot be written",
            "check owner and mode of the file and its folder",
            None,
        ),
        _DAMAGED: (ExecutionFailedError, "the file is damaged", "move the file aside and restore a backup", None),
        _DISK: (UnavailableError, "the disk does not answer", "check the disk; dmesg may say more", 5.0),
    }[reason]
    return kind(f"store {name}: {message}", found=text, suggestions=[remedy], retry_after=retry_after)
