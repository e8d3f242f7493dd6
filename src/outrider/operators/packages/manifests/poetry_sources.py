"""Where packages of a project of Poetry come from: https://python-poetry.org/docs/repositories/#package-sources.

A package comes from whatever primary index has it, from the first supplemental one where none of those has what is wanted, and from
any one that it names.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from outrider.operators.packages.manifests.poetry_requirements import Where, malformed

OF_EVERYBODY = "pypi"
_PLACE: Where = ("tool", "poetry", "source")
_PRIMARY, _SUPPLEMENTAL, _EXPLICIT = "primary", "supplemental", "explicit"
# The first ones are asked first.
_PRIORITIES = (_PRIMARY, _SUPPLEMENTAL, _EXPLICIT)
_SINGLE_PAGES = (".htm", ".html")


class PoetrySource(msgspec.Struct, frozen=True):
    """An index.

    Attributes:
        name: By which packages ask for it, as it is written.
        url: Its address, as a lock has it; empty for that of everybody, which is the one of this machine.
        priority: One of Poetry's words.
    """

    name: str
    url: str
    priority: str = _PRIMARY

    @property
    def key(self) -> str:
        """Its name as names are compared."""
        return self.name.lower()

    @property
    def is_explicit(self) -> bool:
        """Whether only packages that name it come from there."""
        return self.priority == _EXPLICIT

    @property
    def entry(self) -> dict[str, str]:
        """What a lock has of it for a package; nothing for the index of everybody."""
        return {"type": "legacy", "url": self.url, "reference": self.name} if self.url else {}


class PoetrySources(NamedTuple):
    """The indexes of a project.

    Attributes:
        listed: In the order in which they are asked.
    """

    listed: Sequence[PoetrySource]

    def named(self, name: str) -> PoetrySource | None:
        """Return the one that a package or a lock names; None where there is none."""
        return next((one for one in self.listed if one.key == name.lower()), None)

    def steps(self, name: str | None) -> list[list[PoetrySource]]:
        """Return what is asked at once, and what then where that has nothing: `find_packages` of Poetry 2.5.

        Args:
            name: Of the one that is named; None or empty where none is.
        """
        if name:
            return [[one for one in self.listed if one.key == name.lower()]]
        primary = [one for one in self.listed if one.priority == _PRIMARY]
        return [primary, *([one] for one in self.listed if one.priority == _SUPPLEMENTAL)]


def sources_of(document: Mapping[str, Any]) -> PoetrySources:
    """Return the indexes of a project, whose requirements were read.

    Args:
        document: What its pyproject.toml says.

    Raises:
        InvalidConfigError: One of them is none, or is not there, or all of them are explicit.
    """
    poetry = document.get("tool", {}).get("poetry", {})
    listed = poetry.get("source", [])
    if not isinstance(listed, list):
        raise malformed(_PLACE, listed, "tables [[tool.poetry.source]]")
    found = [*_read(listed)]
    keys = {one.key for one in found}
    if len(keys) < len(found):
        raise malformed(_PLACE, ", ".join(one.name for one in found), "a name for each source")
    if OF_EVERYBODY not in keys and not any(one.priority == _PRIMARY for one in found):
        found.append(PoetrySource(OF_EVERYBODY, ""))
    if all(one.is_explicit for one in found):
        raise malformed(_PLACE, f"{_EXPLICIT} ones alone", "a source that is primary or supplemental")
    sources = PoetrySources(sorted(found, key=lambda one: _PRIORITIES.index(one.priority)))
    for where, name in _asked(poetry):
        if not isinstance(name, str) or sources.named(name) is None:
            raise malformed(where, name, "the name of a [[tool.poetry.source]]")
    return sources


def _asked(poetry: Mapping[str, Any]) -> Iterator[tuple[Where, Any]]:
    """Yield where which index is asked for."""
    tables: dict[Where, Any] = {(key,): poetry.get(key, {}) for key in ("dependencies", "dev-dependencies")}
    for name, group in poetry.get("group", {}).items():
        tables["group", name, "dependencies"] = group.get("dependencies", {})
    for place, table in tables.items():
        for name, found in table.items():
            for one in found if isinstance(found, list) else [found]:
                if isinstance(one, dict) and "source" in one:
                    yield ("tool", "poetry", *place, name, "source"), one["source"]


def _read(listed: list[Any]) -> Iterator[PoetrySource]:
    for number, one in enumerate(listed):
        where = (*_PLACE, number)
        if not isinstance(one, dict) or not one.keys() <= {"name", "url", "priority"}:
            raise malformed(where, sorted(one) if isinstance(one, dict) else one, "a name, a url and a priority")
        name, url = one.get("name"), one.get("url", "")
        if not isinstance(name, str) or not name or not isinstance(url, str):
            raise malformed(where, sorted(one), "texts as name and url")
        plain, is_of_everybody = url.rstrip("/"), name.lower() == OF_EVERYBODY
        if (plain if is_of_everybody else not plain) or plain != plain.strip() or url.endswith(_SINGLE_PAGES):
            shown = url.rpartition("@")[2]  # before that are credentials
            raise malformed((*where, "url"), shown, "none for PyPI, and the address of a simple index for any other")
        priority = one.get("priority", _PRIMARY)
        if priority not in _PRIORITIES:
            raise malformed((*where, "priority"), priority, " or ".join(_PRIORITIES))
        yield PoetrySource(name, plain, priority)
