"""What is asked of a package as pnpm reads it: `parseBareSpecifier.js` and `version-selector-type` of pnpm 10.34."""

import re
from functools import lru_cache
from typing import Literal, NamedTuple

from outrider.core.errors import InvalidConfigError
from outrider.operators.packages.versions.ecosystems import scheme_of

Kind = Literal["version", "range", "tag"]
_ANY = ("", "*", "x", "X")
_TAG = re.compile(r"[A-Za-z0-9_.!~*'()-]+")
_PREFIX = re.compile(r"[v=\s]*")
_NUMBERS = re.compile(r"[~^]?\d+(?:\.\d+)*")
_PINNED = re.compile(r"([~^]?)\d+(\.\d+)?(\.\d+.*)?")


class Selector(NamedTuple):
    """What is asked of a package.

    Attributes:
        package: Its name in the registry.
        kind: What the text is.
        text: A version, a range or a tag.
    """

    package: str
    kind: Kind
    text: str


@lru_cache(maxsize=65536)
def read_selector(alias: str, text: str) -> Selector | None:
    """Return what is asked of a name; None where it comes from elsewhere than a registry."""
    name = alias
    if text.startswith("npm:"):
        name, at, text = text[4:].rpartition("@")
        if not name:
            name, text = f"{at}{text}", "latest"
    kind = kind_of(text) if text else "tag"
    if kind is None:
        return None
    return Selector(name, kind, exact(text) if kind == "version" else text or "latest")


@lru_cache(maxsize=65536)
def kind_of(text: str) -> Kind | None:
    """Return what a text asks for; None for what is asked of no registry."""
    if exact(text):
        return "version"
    if text.strip() in _ANY:
        return "range"
    try:
        scheme_of("npm").range(text)
    except InvalidConfigError:
        return "tag" if _TAG.fullmatch(text) else None
    return "range"


@lru_cache(maxsize=65536)
def exact(text: str) -> str:
    """Return the one version that a text names, without what it says of a build; nothing where it names none."""
    bare = _PREFIX.sub("", text, count=1).strip()
    try:
        scheme_of("npm").parse(bare)
    except InvalidConfigError:
        return ""
    return bare.partition("+")[0]


def saved(alias: str, text: str, selector: Selector, version: str, catalog: str = "") -> str:
    """Return how pnpm would write what was chosen into a manifest: `calcSpecifier` of `npm-resolver`.

    Args:
        alias: By which it goes.
        text: What is asked for.
        selector: The same, read.
        version: That was chosen.
        catalog: The name of the catalog that asks for it; a number in it is taken for a version.
    """
    if kind_of(text) == "tag" and not catalog:
        return text
    numbers = _NUMBERS.findall(catalog)
    wanted = version if "-" in version else f"{_operator(numbers[0] if len(numbers) == 1 else text)}{version}"
    return wanted if selector.package == alias else f"npm:{selector.package}@{wanted}"


def _operator(text: str) -> str:
    bare = text.partition(":")[2] or text
    match = _PINNED.fullmatch(bare.rpartition("@")[2])
    if match is None or match[1]:
        return match[1] if match is not None else "^"
    return "" if match[3] else "~" if match[2] else "^"
