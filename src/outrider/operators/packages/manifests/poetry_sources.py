"""Where packages of a project of Poetry come from: https://python-poetry.org/docs/repositories/#package-sources.

Of several indexes Poetry takes what any of them has. Here one is the usual index, and others are those that single packages name.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import msgspec

from outrider.operators.packages.manifests.poetry_requirements import PoetryRequirement, Where, malformed, unsupported

_PLACE: Where = ("tool", "poetry", "source")
_OF_EVERYBODY = "pypi"
_PRIORITIES = ("primary", "supplemental", "explicit")
_SINGLE_PAGES = (".htm", ".html")


class PoetrySource(msgspec.Struct, frozen=True):
    """An index.

    Attributes:
        name: By which packages ask for it.
        url: Its address, as a lock has it; empty for that of everybody, which is the one of this machine.
    """

    name: str
    url: str

    @property
    def entry(self) -> dict[str, str]:
        """What a lock has of it for a package; nothing for the index of everybody."""
        return {"type": "legacy", "url": self.url, "reference": self.name} if self.url else {}


USUAL = PoetrySource(_OF_EVERYBODY, "")


class PoetrySources(NamedTuple):
    """The indexes of a project.

    Attributes:
        usual: Where all comes from that names no other one.
        named: Where else a package comes from, by its normalised name.
    """

    usual: PoetrySource
    named: Mapping[str, PoetrySource]

    def of(self, package: str) -> PoetrySource:
        """Return where a package comes from."""
        return self.named.get(package, self.usual)


OF_EVERYBODY = PoetrySources(USUAL, {})


def sources_of(document: Mapping[str, Any], requirements: Iterable[PoetryRequirement]) -> PoetrySources:
    """Return the indexes of a project.

    Args:
        document: What its pyproject.toml says.
        requirements: Of it.

    Raises:
        InvalidConfigError: One of them is none, or is not there.
        UnsupportedError: There are several usual ones, or a package is to come from several.
    """
    listed = document.get("tool", {}).get("poetry", {}).get("source", [])
    if not isinstance(listed, list):
        raise malformed(_PLACE, listed, "tables [[tool.poetry.source]]")
    found = [*_read(listed)]
    usual = [one for one, is_explicit in found if not is_explicit]
    if len(usual) > 1:
        raise unsupported(_PLACE, "has several indexes for all packages", 'one, and others with priority = "explicit"')
    by_name = {USUAL.name: USUAL, **{one.name.lower(): one for one, _ in found}}
    named: dict[str, str] = {}
    for one in requirements:
        if one.source and one.source.lower() not in by_name:
            raise malformed((*one.where, "source"), one.source, "the name of a [[tool.poetry.source]]")
        if named.setdefault(one.name, one.source.lower()) != one.source.lower():
            raise unsupported(
                one.where, f"has {one.name} come from another index than elsewhere", "one index for a package"
            )
    return PoetrySources(
        usual[0] if usual else USUAL, {package: by_name[name] for package, name in named.items() if name}
    )


def _read(listed: list[Any]) -> Iterator[tuple[PoetrySource, bool]]:
    """Yield indexes, each with whether only packages that name it come from it."""
    for number, one in enumerate(listed):
        where = (*_PLACE, number)
        name, url = (one.get("name"), one.get("url", "")) if isinstance(one, dict) else ("", "")
        if not isinstance(name, str) or not name or not isinstance(url, str):
            raise malformed(where, one, "a name and a url")
        is_of_everybody = name.lower() == _OF_EVERYBODY
        if is_of_everybody is bool(url) or url.endswith(_SINGLE_PAGES):
            raise malformed((*where, "url"), url, "none for PyPI, and the address of a simple index for any other")
        priority = one.get("priority", _PRIORITIES[0])
        if priority not in _PRIORITIES:
            raise malformed((*where, "priority"), priority, " or ".join(_PRIORITIES))
        source = USUAL if is_of_everybody else PoetrySource(name, url.rstrip("/"))
        yield source, priority == "explicit"
