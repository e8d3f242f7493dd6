"""Translates what a database refuses into our errors."""

import sqlite3

from sqlalchemy.exc import DBAPIError

from outrider.core.errors import ConflictError, ExecutionFailedError, InternalError, OutriderError, UnavailableError

_LOCKED, _FULL, _FORBIDDEN, _DAMAGED, _DISK = range(5)
# Connection lost, out of resources, rolled back by the server, operator intervened, lock not free.
_PASSING = ("08", "53", "40", "57", "55P03", "25P03")
_REFUSED = (
    "authentication failed",
    "does not exist",
    "no password supplied",
    "no pg_hba.conf entry",
    "certificate verify failed",
)
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
    kinds = {kind.__name__ for kind in type(original).__mro__}  # drivers name their errors alike, as PEP 249 wants
    if "IntegrityError" in kinds:
        return ConflictError(f"store {name}: {text}")
    state = getattr(original, "sqlstate", None)
    if state is not None or ("OperationalError" in kinds and not isinstance(original, sqlite3.Error)):
        return _of_a_server(state, name, text)
    reason = next((reason for sign, reason in _SIGNS.items() if sign in text), None)
    if reason is None:
        return InternalError(f"store {name}: {type(original or error).__name__}: {text}")
    return _error(reason, name, text)


def _of_a_server(state: str | None, name: str, text: str) -> OutriderError:
    """Return the error for a code of PostgreSQL (appendix A of its manual); without a code it could not be reached."""
    reason = text.strip().splitlines()[0] if text.strip() else "no reason given"
    # A refused connection has no code; its words are the server's own.
    refused = state is None and any(sign in text for sign in _REFUSED)
    if refused or (state is not None and state.startswith(("28", "42501", "3D000"))):
        return ExecutionFailedError(
            f"store {name}: {reason}", found=text,
            suggestions=["check user, password and database, and that the user may create tables in it"],
        )  # fmt: skip
    if state is None or state.startswith(_PASSING):
        return UnavailableError(
            f"store {name}: {reason}", found=text, suggestions=["is the database server up?"], retry_after=1.0
        )
    return InternalError(f"store {name}: {state}: {reason}")


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
