"""The file with the registries that Outrider itself was told of."""

from collections.abc import Mapping
from pathlib import Path

from outrider.core.errors import InvalidConfigError
from outrider.operators.packages.locks.documents import read_toml
from outrider.operators.packages.locks.writing.files import text_or_none
from outrider.operators.packages.locks.writing.texts import toml_text

__all__ = ["read_addresses", "text_or_none", "written"]

_TABLE = "registries"
_HEAD = "# Where packages come from, where the settings of their own clients do not say it: outrider packages setup\n"


def read_addresses(text: str | None, path: Path) -> dict[str, str]:
    """Return addresses by ecosystem.

    Args:
        text: Of the file; None where there is none.
        path: Of the file, for errors.

    Raises:
        InvalidConfigError: It cannot be read.
    """
    try:
        found = read_toml(str(path), text or "").get(_TABLE, {})
    except InvalidConfigError as error:
        error.suggestions = [
            f"correct {path}",
            "delete it, and tell Outrider anew: outrider packages setup ECOSYSTEM ADDRESS",
        ]
        raise
    if not isinstance(found, dict) or not all(isinstance(one, str) for one in found.values()):
        raise InvalidConfigError(
            f"{path}: {_TABLE} cannot be read", path=_TABLE, found=type(found).__name__, expected='lines such as pypi = "https://HOST/PATH"',
            suggestions=["outrider packages setup ECOSYSTEM ADDRESS, once the file is gone"],
        )  # fmt: skip
    return found


def written(addresses: Mapping[str, str]) -> str:
    """Return the file."""
    lines = [f"{ecosystem} = {toml_text(url)}" for ecosystem, url in sorted(addresses.items())]
    return "\n".join([f"{_HEAD}[{_TABLE}]", *lines, ""])
