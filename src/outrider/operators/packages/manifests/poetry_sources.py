"""Where packages of a project of Poetry come from: https://python-poetry.org/docs/repositories/#package-sources.

Of several indexes Poetry takes what any of them has. Here one is the usual index, and others are those that single packages name.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import msgspec

from outrider.operators.packages.manifests.poetry_requirements import PoetryRequirement, Where, malformed, unsupported
from outrider.operators.packages.pypi.pages import normalised

_PLACE: Where = ("tool", "poetry", "source")
_OF_EVERYBODY = "pypi"
_SUPPLEMENTAL, _EXPLICIT = "supplemental", "explicit"
_PRIORITIES = ("primary", _SUPPLEMENTAL, _EXPLICIT)
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
    found = dict(_read(listed))
    usual = [one for one, priority in found.items() if priority != _EXPLICIT]
    if len(usual) > 1 or _SUPPLEMENTAL in found.values():
        raise unsupported(_PLACE, "has several indexes for all packages", 'one, and others with priority = "explicit"')
    by_name = {one.name.lower(): one for one in (found if usual else [USUAL, *found])}
    if len(by_name) < len(found):
        raise malformed(_PLACE, ", ".join(one.name for one in found), "a name for each source")
    named: dict[str, str] = {}
    for where, package, name in _asked(document, requirements):
        if name and name.lower() not in by_name:
            raise malformed((*where, "source"), name, "the name of a [[tool.poetry.source]]")
        if named.setdefault(package, name) != name:
            raise unsupported(where, f"has {package} come from another index than elsewhere", "one index for a package")
    known = {package: by_name[name.lower()] for package, name in named.items() if name}
    return PoetrySources(usual[0] if usual else USUAL, known)


def _asked(document: Mapping[str, Any], requirements: Iterable[PoetryRequirement]) -> Iterator[tuple[Where, str, str]]:
    """Yield where which package is asked of which index; of none for the usual one."""
    poetry = document.get("tool", {}).get("poetry", {})
    groups = {name: group.get("dependencies", {}) for name, group in poetry.get("group", {}).items()}
    tables = {(): poetry.get("dependencies", {}), ("dev",): poetry.get("dev-dependencies", {})}
    tables |= {("group", name): table for name, table in groups.items()}
    said: dict[tuple[tuple[str, ...], str], set[str]] = {}
    for place, table in tables.items():
        for name, one in table.items():
            for each in one if isinstance(one, list) else [one]:
                source = each.get("source") if isinstance(each, dict) else None
                if source is not None and (not isinstance(source, str) or not source):
                    raise malformed(("tool", "poetry", *place, name, "source"), source, "the name of a source")
                if source is not None or not isinstance(each, dict) or "version" in each:
                    said.setdefault((place, normalised(name)), set()).add(source or "")
    yield from (
        (("tool", "poetry", *place, name), name, one) for (place, name), some in said.items() for one in sorted(some)
    )
    for one in requirements:
        # What Poetry's own table says of the same, or of the same in the same group, counts beside it.
        place = ("group", str(one.where[1])) if one.where[0] == "dependency-groups" else ()
        if one.where[0] != "tool" and not said.get((place, one.name), set()) - {""}:
            yield one.where, one.name, ""


def _read(listed: list[Any]) -> Iterator[tuple[PoetrySource, str]]:
    """Yield indexes, each with its priority."""
    for number, one in enumerate(listed):
        where = (*_PLACE, number)
        if not isinstance(one, dict) or not one.keys() <= {"name", "url", "priority"}:
            raise malformed(where, sorted(one) if isinstance(one, dict) else one, "a name, a url and a priority")
        name, url = one.get("name"), one.get("url", "")
        if not isinstance(name, str) or not name or not isinstance(url, str):
            raise malformed(where, sorted(one), "texts as name and url")
        plain, is_of_everybody = url.rstrip("/"), name.lower() == _OF_EVERYBODY
        if (plain if is_of_everybody else not plain) or plain != plain.strip() or url.endswith(_SINGLE_PAGES):
            shown = url.rpartition("@")[2]  # before that are credentials
            raise malformed((*where, "url"), shown, "none for PyPI, and the address of a simple index for any other")
        priority = one.get("priority", _PRIORITIES[0])
        if priority not in _PRIORITIES:
            raise malformed((*where, "priority"), priority, " or ".join(_PRIORITIES))
        yield USUAL if is_of_everybody else PoetrySource(name, plain), priority
