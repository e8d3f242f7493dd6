"""Catalogs of a project of bun 1.4, from which it and the members of its workspace take ranges: https://bun.com/docs/pm/catalogs."""

from collections.abc import Mapping
from typing import Any

import msgspec

from outrider.core.errors import InvalidConfigError, UnsupportedError
from outrider.operators.packages.manifests.package_json import FORM, texts_of
from outrider.operators.packages.npm.bun.needs import REMEDY
from outrider.operators.packages.npm.catalogs import DEFAULT, checked_entry

_HOLDER = "workspaces"
FIELDS = ("catalog", "catalogs")


class BunCatalogs(msgspec.Struct, kw_only=True, frozen=True):
    """The catalogs of a project.

    Attributes:
        default: What `catalog` has.
        named: What each of `catalogs` has. One may be called `default`: then both are one catalog.
        inside: The keys of package.json that lead to them.
    """

    default: dict[str, str] = {}
    named: dict[str, dict[str, str]] = {}
    inside: tuple[str, ...] = ()

    def by_name(self) -> dict[str, dict[str, str]]:
        """Return what each has."""
        return {**self.named, DEFAULT: {**self.default, **self.named.get(DEFAULT, {})}}

    def entry(self, where: str, name: str, text: str) -> str:
        """Return what is asked of a name; arguments and errors are those of `checked_entry`."""
        remedy = f'add it to "catalog" within "{_HOLDER}" of {FORM}'
        return checked_entry(self.by_name(), where, name, text, file=FORM, remedy=remedy, odd=(FIELDS[0],))

    def where(self, catalog: str, name: str) -> tuple[str, ...]:
        """Return the keys of package.json that lead to an entry."""
        is_unnamed = catalog == DEFAULT and name in self.default
        return (*self.inside, "catalog", name) if is_unnamed else (*self.inside, "catalogs", catalog, name)


def read_catalogs(document: Mapping[str, Any]) -> BunCatalogs:
    """Return the catalogs of a project. Without `workspaces` it has none; where some stand in there, those beside it do not count.

    Args:
        document: Its package.json.

    Raises:
        InvalidConfigError: They cannot be read, or the default one has a name twice.
        UnsupportedError: One has an empty name.
    """
    said = document.get(_HOLDER)
    if said is None:
        return BunCatalogs()
    is_inside = isinstance(said, dict) and not said.keys().isdisjoint(FIELDS)
    holder = said if is_inside else dict(document)
    named = holder.get("catalogs", {})
    if not isinstance(named, dict):
        raise InvalidConfigError(
            f"{FORM}: catalogs cannot be read", path="catalogs", found=type(named).__name__, expected="catalogs by name", suggestions=["correct it"]
        )  # fmt: skip
    if "" in named:
        raise UnsupportedError(
            f"{FORM}: a catalog without a name is not read", path="catalogs", found="an empty name", expected="names of catalogs", suggestions=[REMEDY]
        )  # fmt: skip
    found = BunCatalogs(
        default=texts_of(holder, "catalog", FORM), named={name: texts_of(named, name, FORM) for name in named},
        inside=(_HOLDER,) if is_inside else (),
    )  # fmt: skip
    if twice := sorted(found.default.keys() & found.named.get(DEFAULT, {})):
        raise InvalidConfigError(
            f"{FORM}: the default catalog has {twice[0]} twice", path=f"catalogs.{DEFAULT}.{twice[0]}"[:200], found="catalog and catalogs.default",
            expected="one of them", suggestions=["put all of it into catalog"],
        )  # fmt: skip
    return found
