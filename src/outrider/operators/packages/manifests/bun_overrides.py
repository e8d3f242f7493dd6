"""What a project of bun 1.4 asks of packages in place of what others ask: https://bun.com/docs/pm/overrides."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from outrider.core.errors import InvalidConfigError, UnsupportedError
from outrider.operators.packages.manifests.bun_catalogs import BunCatalogs
from outrider.operators.packages.manifests.package_json import FORM
from outrider.operators.packages.npm.bun.needs import FIELDS, REMEDY, is_range, needs_of_manifest, read_wanted, texts
from outrider.operators.packages.npm.bun.overriding import ITSELF, Overrides, Selector
from outrider.operators.packages.npm.specs import is_name

# Stands before the name of something that is needed: what is asked of that is asked here, too.
_REFERENCE = "$"
_COMMENT = "//"
_ANYWHERE = "**"
_ARROW = re.compile(r"(?<=[^ |@])>")
_STEP = re.compile(r"(?:@[^/]*/)?[^/]+")
_PREFIX = "npm:"
# What bun passes over.
_NONE = ("", "-")
# A package, and one that it needs.
_LONGEST = 2
_NOTHING = Selector("", "")


def overrides_of(
    document: Mapping[str, Any], catalogs: BunCatalogs, members: Iterable[Mapping[str, Any]] = ()
) -> Overrides:
    """Return what is asked of packages in place of what others ask, as bun.lock has it: what `overrides` has, or else `resolutions`.

    Args:
        document: The package.json of the project.
        catalogs: Of it.
        members: The manifests of the members of its workspace.

    Raises:
        InvalidConfigError: That cannot be read, or is not in the catalog.
        UnsupportedError: bun passes over it, or it is asked of no registry.
    """
    found: dict[Selector, dict[Selector, str]] = {}
    everyone = [document, *members]
    for keys, said in _entries(document):
        where, chain = ".".join(keys)[:200], _chain(keys[1:])
        if not chain:
            raise _refused(where, said, "NAME or NAME@RANGE, for all packages or within a single one")
        name = chain[-1].name
        text = _text(said, everyone, catalogs) if isinstance(said, str) else None
        if text is None or not read_wanted(name, catalogs.entry(where, name, text)).package:
            raise _refused(where, said, "a range of a registry, or $ and the name of something that is needed")
        found.setdefault(chain[0], {})[chain[1] if len(chain) == _LONGEST else _NOTHING] = text
    return {_key(one): _said(one, some) for one, some in sorted(found.items())}


def references_of(document: Mapping[str, Any]) -> set[str]:
    """Return the names of what is needed to which overrides refer."""
    return {said[1:] for _, said in _entries(document) if isinstance(said, str) and said.startswith(_REFERENCE)}


def _entries(document: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield what overrides say, with the keys that lead there."""
    field = "overrides" if "overrides" in document else "resolutions"
    said = document.get(field) or {}
    if not isinstance(said, dict):
        raise InvalidConfigError(
            f"{FORM}: {field} cannot be read", path=field, found=type(said).__name__, expected="names with ranges", suggestions=["correct it"]
        )  # fmt: skip
    for key, one in said.items():
        if key.startswith(_COMMENT):
            continue
        if isinstance(one, dict) and field == "overrides":
            yield from (((field, key, inner), text) for inner, text in one.items() if not inner.startswith(_COMMENT))
        else:
            yield (field, key), one


def _chain(keys: Sequence[str]) -> list[Selector]:
    """Return which package is meant, or within which one; nothing where that cannot be heeded."""
    key, *inside = keys
    steps = [key, *(one for inner in inside if inner != ITSELF for one in _steps(inner))] if inside else _steps(key)
    found = [_selector(one) for one in steps]
    return [one for one in found if one is not None] if None not in found and len(found) <= _LONGEST else []


def _steps(key: str) -> list[str]:
    """Return the packages that a key names: `A>B`, or `A/B` with `**` before each."""
    arrows = _ARROW.split(key)
    if len(arrows) > 1:
        return [one.strip() for one in arrows]
    steps = _STEP.findall(key)
    is_whole = "/".join(steps) == key and steps[-1:] != [_ANYWHERE]
    return [one for one in steps if one != _ANYWHERE] if is_whole else [""]


def _selector(text: str) -> Selector | None:
    read = Selector.read(text)
    found = read._replace(range=read.range.removeprefix(_PREFIX))
    is_alone = found.name == text
    is_fine = is_name(found.name) and (is_alone or (found.range == found.range.strip() != "" and is_range(found.range)))
    return found if is_fine else None


def _text(said: str, everyone: Iterable[Mapping[str, Any]], catalogs: BunCatalogs) -> str | None:
    """Return what is asked for; of what is referred to, what the project asks, or else all members that do; None where that is nothing."""
    if not said.startswith(_REFERENCE):
        return said if said.strip() not in _NONE else None
    project, *members = everyone
    needs = needs_of_manifest(project, catalogs.by_name())
    own = next((one.written for one in needs if one.name == said[1:]), None)
    if own is not None:
        return own
    found = {
        text for one in members for field in FIELDS for name, text in texts(one, field).items() if name == said[1:]
    }
    return found.pop() if len(found) == 1 else None


def _key(selector: Selector) -> str:
    return f"{selector.name}@{selector.range}" if selector.range else selector.name


def _said(selector: Selector, found: Mapping[Selector, str]) -> str | dict[str, str]:
    """Return what is said of a package and of those within it, as bun.lock has it."""
    if not selector.range and found.keys() == {_NOTHING}:
        return found[_NOTHING]
    return {_key(one) or ITSELF: text for one, text in sorted(found.items())}


def _refused(where: str, said: Any, expected: str) -> UnsupportedError:
    return UnsupportedError(
        f"{FORM}: {where[:80]} is not read", path=where, found=str(said)[:80], expected=expected, suggestions=[REMEDY]
    )
