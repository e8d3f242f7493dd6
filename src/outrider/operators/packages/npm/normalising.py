"""What npm makes of a manifest before it sends it: `normalize` of @npmcli/package-json 7, so far as clients and registries read it.

Addresses of repositories are left as they are written; npm has a list of hosts for which it writes them anew.
"""

import posixpath
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

_PERSON = re.compile(r"\s*(?P<name>[^<(]*?)\s*(?:<(?P<email>[^>]*)>)?\s*(?:\((?P<url>[^)]*)\))?\s*")
_BUNDLED, _BUNDLED_TOO = "bundleDependencies", "bundledDependencies"


def normalised(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Return a manifest with each field in its one form."""
    # What begins so is for registries to say.
    found = {key: value for key, value in manifest.items() if not key.startswith("_")}
    if _BUNDLED_TOO in found:
        found.setdefault(_BUNDLED, found.pop(_BUNDLED_TOO))
        found.pop(_BUNDLED_TOO, None)
    if found.get(_BUNDLED) is True:
        found[_BUNDLED] = [*_mapping(found.get("dependencies"))]
    if "bin" in found:
        found["bin"] = dict(_programs(found["bin"], str(found["name"])))
    for key, better in _BETTER.items():
        if key in found:
            found[key] = better(found[key])
    return {key: value for key, value in found.items() if key != "bin" or value}


def _people(value: Any) -> Any:
    return [_person(one) for one in value] if isinstance(value, list) else value


def _bugs(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    return {"email": value} if "@" in value and "/" not in value else {"url": value}


def _keywords(value: Any) -> Any:
    words = re.split(r",\s+", value) if isinstance(value, str) else value
    return [one for one in words if isinstance(one, str) and one] if isinstance(words, list) else words


def _repository(value: Any) -> Any:
    return {"type": "git", "url": value} if isinstance(value, str) else value


def _pages(value: Any) -> Any:
    return [_inner(value)] if isinstance(value, str) else value


def _person(value: Any) -> Any:
    match = _PERSON.fullmatch(value) if isinstance(value, str) else None
    return value if match is None else {key: text for key, text in match.groupdict().items() if text}


def _programs(value: Any, name: str) -> Iterator[tuple[str, str]]:
    """Yield the programs of a package: their names are no paths, and their paths stay in it."""
    named = {name.rpartition("/")[2]: value} if isinstance(value, str) else _mapping(value)
    for program, path in named.items():
        inner, base = _inner(path) if isinstance(path, str) else "", posixpath.basename(_inner(program))
        if inner and base:
            yield base, inner


def _inner(path: str) -> str:
    """Return a path below the folder that it is in, whatever it says."""
    return posixpath.normpath(f"/{path.replace(chr(92), '/')}").lstrip("/")


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


_BETTER: Mapping[str, Callable[[Any], Any]] = {
    "author": _person, "contributors": _people, "maintainers": _people, "bugs": _bugs, "keywords": _keywords, "repository": _repository,
    "man": _pages,
}  # fmt: skip
