"""Catalogs, which say for pnpm and bun what manifests ask for: https://pnpm.io/10.x/catalogs and https://bun.com/docs/pm/catalogs."""

from collections.abc import Collection, Mapping

from outrider.core.errors import InvalidConfigError

# Stands before the name of a catalog: where a manifest asks for what it has, and where a question says what that is.
CATALOG = "catalog:"
# The catalog that is meant where none is named.
DEFAULT = "default"
# By name, what stands in it by name.
Catalogs = Mapping[str, Mapping[str, str]]


def catalog_of(text: str) -> str:
    """Return the name of the catalog that says what is asked for; empty where none does."""
    return text.removeprefix(CATALOG).strip() or DEFAULT if text.startswith(CATALOG) else ""


def from_catalogs(catalogs: Catalogs, name: str, text: str) -> str:
    """Return what is asked of a name: what a catalog has of it, where the text names one that does."""
    catalog = catalog_of(text)
    return catalogs[catalog][name] if catalog else text


def checked_entry(
    catalogs: Catalogs, where: str, name: str, text: str, *, file: str, remedy: str, odd: Collection[str]
) -> str:
    """Return what is asked of a name, as `from_catalogs` does.

    Args:
        catalogs: By name.
        where: It is asked for.
        name: In the catalog.
        text: `catalog:`, `catalog:NAME` or anything else.
        file: That has the catalogs.
        remedy: Where they lack it.
        odd: What may not stand before a colon in them.

    Raises:
        InvalidConfigError: The catalog has none, or one that refers to something else again.
    """
    catalog = catalog_of(text)
    if not catalog:
        return text
    found = catalogs.get(catalog, {}).get(name)
    if found is None:
        raise InvalidConfigError(
            f"{where}: the catalog {catalog} has no {name}", path=where, found=text, expected=f"{name} in the catalog",
            suggestions=[remedy],
        )  # fmt: skip
    if found.partition(":")[0] in odd and ":" in found:
        raise InvalidConfigError(
            f"{file}: the catalog {catalog} has {found} for {name}, which leads elsewhere again",
            path=f"catalogs.{catalog}.{name}", found=found[:80], expected="a range", suggestions=["correct it"],
        )  # fmt: skip
    return found
