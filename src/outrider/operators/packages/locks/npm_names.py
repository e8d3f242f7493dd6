"""Names and ranges of npm as its lock files write them: https://docs.npmjs.com/cli/configuring-npm/package-json#dependencies."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

_GIT = re.compile(r"git[+:@]|(?:github|gitlab|bitbucket|gist):|ssh:|https?://[^#]+\.git(?:#|$)|[\w.-]+/[\w.-]+(?:#|$)")
_PATH = re.compile(r"(?:file|link|portal):|\.{0,2}/|~/")


def split_name(text: str) -> tuple[str, str]:
    """Return the name and what stands after the `@` that ends it; the latter is empty where there is none."""
    at = text.find("@", 1)
    return (text, "") if at < 0 else (text[:at], text[at + 1 :])


def real_name(name: str, range_text: str) -> str:
    """Return the name of the package that a dependency is on; it is another one for `npm:other@^1`."""
    if not range_text.startswith("npm:"):
        return name
    other, rest = split_name(range_text.removeprefix("npm:"))
    # Yarn 2 and later write `npm:` before ranges and tags too.
    return other if rest or other.startswith("@") else name


def source_of(range_text: str) -> str:
    """Return `git`, `path` or `url` for a dependency from there, and nothing for one from a registry."""
    if _PATH.match(range_text):
        return "path"
    if _GIT.match(range_text):
        return "git"
    return "url" if range_text.startswith(("https:", "http:")) else ""


def names_at(entry: Mapping[str, Any], fields: Iterable[str]) -> Iterator[str]:
    """Yield the real names of the dependencies that stand in some fields of an entry."""
    for name, wanted in ranges_at(entry, fields):
        yield real_name(name, wanted)


def ranges_at(entry: Mapping[str, Any], fields: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield the dependencies that stand in some fields of an entry, as they are called there, with their ranges."""
    for field in fields:
        dependencies = entry.get(field)
        for name, wanted in dependencies.items() if isinstance(dependencies, dict) else ():
            yield name, wanted if isinstance(wanted, str) else ""
