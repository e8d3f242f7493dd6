"""What a project of bun 1.4 asks of packages in place of what others ask: https://bun.com/docs/pm/overrides."""

from collections.abc import Mapping
from typing import Any

from outrider.core.errors import InvalidConfigError, UnsupportedError
from outrider.operators.packages.manifests.bun_catalogs import BunCatalogs
from outrider.operators.packages.manifests.package_json import FORM
from outrider.operators.packages.npm.bun.needs import REMEDY, read_wanted


def overrides_of(document: Mapping[str, Any], catalogs: BunCatalogs) -> dict[str, str]:
    """Return what is asked of packages in place of what others ask: what `overrides` has, or else `resolutions`.

    Args:
        document: The package.json of the project.
        catalogs: Of it.

    Raises:
        InvalidConfigError: That cannot be read, or is not in the catalog.
        UnsupportedError: It is asked of some of those that need a package alone, or of no registry.
    """
    field = "overrides" if "overrides" in document else "resolutions"
    said = document.get(field) or {}
    if not isinstance(said, dict):
        raise InvalidConfigError(
            f"{FORM}: {field} cannot be read", path=field, found=type(said).__name__, expected="names with ranges", suggestions=["correct it"]
        )  # fmt: skip
    found = {}
    for key, text in said.items():
        name = key.removeprefix("**/") if field == "resolutions" else key
        plain = (
            isinstance(text, str)
            and bool(text.strip())
            and not text.startswith("$")
            and "@" not in name[1:]
            and "/" not in name.partition("/")[2]
        )
        where = f"{field}.{key}"[:200]
        if not plain or not read_wanted(name, catalogs.entry(where, name, text)).package:
            raise UnsupportedError(
                f"{FORM}: {field}.{key[:80]} is not read", path=where, found=str(text)[:80], expected="a range of a registry",
                suggestions=[REMEDY],
            )  # fmt: skip
        found[name] = text
    return found
