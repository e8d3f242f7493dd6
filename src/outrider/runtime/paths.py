"""Paths that a caller names, in the one form in which Policies, plans and audit name them."""

from pathlib import Path

from outrider.core.errors import InvalidConfigError


def checked_path(text: str, field: str = "path") -> Path:
    """Return an absolute path in its one written form, so that a Policy for a target cannot be written around.

    Args:
        text: What was given.
        field: The parameter, for the error.

    Raises:
        InvalidConfigError: It is relative, or holds a NUL character, `.`, `..`, a doubled slash or one at the end.
    """
    if "\0" in text or not text.startswith("/"):
        raise _bad_path(field, text, "not an absolute path", "write the whole path")
    parts = text.split("/")[1:] if text != "/" else []
    if any(part in ("", ".", "..") for part in parts):
        raise _bad_path(field, text, "not in its plain form", f"write {_plain(parts)}")
    return Path(text)


def _plain(parts: list[str]) -> str:
    kept: list[str] = []
    for part in parts:
        if part == "..":
            del kept[-1:]
        elif part not in ("", "."):
            kept.append(part)
    return "/" + "/".join(kept)


def _bad_path(field: str, text: str, reason: str, remedy: str) -> InvalidConfigError:
    return InvalidConfigError(
        f"{field}: {reason}",
        path=field,
        found=repr(text[:200]),
        expected="a path that begins with / and has no '.', '..', '//' or last '/' in it",
        suggestions=[remedy],
    )
