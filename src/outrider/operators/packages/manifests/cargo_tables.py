"""Values of a Cargo.toml, each with its place where it is of another kind than it has to be."""

from collections.abc import Mapping
from typing import Any

from outrider.core.errors import InvalidConfigError


def table_at(form: str, document: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """Return a table; an empty one where there is none.

    Args:
        form: What the file is called in errors.
        document: What has it.
        key: Of it.

    Raises:
        InvalidConfigError: It is something else.
    """
    found = document.get(key, {})
    if not isinstance(found, dict):
        raise _malformed(form, key, found, "a table")
    return found


def text_at(form: str, table: Mapping[str, Any], key: str, usual: str = "") -> str:
    """Return a text; the errors are those of `table_at`.

    Args:
        form: What the file is called in errors.
        table: What has it.
        key: Of it.
        usual: What counts where there is none; empty where there has to be one.
    """
    found = table.get(key, usual)
    if not isinstance(found, str) or not found:
        raise _malformed(form, key, found, "a text")
    return found


def names_at(form: str, table: Mapping[str, Any], key: str) -> list[str]:
    """Return a list of texts; an empty one where there is none; the errors are those of `table_at`."""
    found = table.get(key, [])
    if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
        raise _malformed(form, key, found, "a list of texts")
    return found


def _malformed(form: str, path: str, found: Any, expected: str) -> InvalidConfigError:
    return InvalidConfigError(
        f"{form}: {path} cannot be read", path=path, found=type(found).__name__, expected=expected, suggestions=["correct it"]
    )  # fmt: skip
