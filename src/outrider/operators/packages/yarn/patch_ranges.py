"""What asks for a patch, and what a lock file has of one: `parseRange` in `structUtils.ts`, and `patchUtils.ts` of Yarn 4.18."""

import re
from collections.abc import Sequence
from typing import NamedTuple
from urllib.parse import parse_qs, quote, unquote

from outrider.operators.packages.locks.npm_names import split_name

PROTOCOL = "patch:"
_RANGE = re.compile(r"patch:((?:(?!::)[^#])*)#((?:(?!::).)*)(?:::(.*))?")
_SOURCE = re.compile(r"((?:@[^/@]+/)?[^@/]+)@(.+)")
_NOT_DECODED = re.compile(r"%(?![0-9A-Fa-f]{2})")
_BUILTIN = re.compile(r"builtin<([^>]+)>")
_OPTIONAL, _BOUND = "optional", "::"
# What stands before a path from the folder of the project.
HOME = "~/"
SAFE = "!'()*-._~"
# One upon the other.
_MOST_LAYERS = 8


class Layer(NamedTuple):
    """One or several patches of one package.

    Attributes:
        name: By which what comes out goes.
        paths: Of the patches, as they are written, each with its flags before it.
        locator: The package of the project whose folder relative paths start from; empty where there are none.
        hash: Of what they change; empty in what asks for it.
    """

    name: str
    paths: tuple[str, ...]
    locator: str = ""
    hash: str = ""

    @property
    def is_builtin(self) -> bool:
        """Whether all patches are Yarn's own."""
        return all(builtin_of(one) for one in self.paths)


class Patched(NamedTuple):
    """A package and what is made of it.

    Attributes:
        name: Of the package that is in a registry, or by which it is asked for.
        text: What is asked of it, or what it is.
        layers: The patches, the first ones first; none for a package as it is.
    """

    name: str
    text: str
    layers: tuple[Layer, ...] = ()

    @property
    def kind(self) -> str:
        """What tells patches from each other, whatever the version is; empty for a package as it is."""
        return "\n".join("#".join((one.name, *one.paths, one.locator)) for one in self.layers)


def read_patched(name: str, text: str) -> Patched:
    """Return what a name with a range or a resolution stands for.

    A range of a patch that Yarn cannot read is the text of a package without layers, and so comes from no registry.
    """
    layers: list[Layer] = []
    place = name, text
    while place[1].startswith(PROTOCOL) and len(layers) < _MOST_LAYERS:
        one = _read(*place)
        if one is None:
            return Patched(name, text)
        layers.insert(0, one[1])
        place = one[0]
    return Patched(name, text) if place[1].startswith(PROTOCOL) else Patched(*place, tuple(layers))


def source_of(name: str, text: str) -> tuple[str, str] | None:
    """Return the name and the range of what a patch is made from; None for what is no patch that can be read."""
    found = _read(name, text) if read_patched(name, text).layers else None
    return found[0] if found is not None else None


def with_source(name: str, text: str, wanted: str) -> str:
    """Return a range of a patch that is made from another range of the same package; the range as it is where it is none.

    Args:
        name: Of what comes out.
        text: The range of the patch.
        wanted: The range of what it is made from.
    """
    found, bound = _read(name, text), text.partition(_BOUND)[2]
    if found is None:
        return text
    (source, _), layer = found
    return written(f"{source}@{wanted}", layer.paths) + (f"{_BOUND}{bound}" if bound else "")


def written(source: str, paths: Sequence[str], params: dict[str, str] | None = None) -> str:
    """Return what asks for a patch, or is one.

    Args:
        source: The name and the range, or the resolution, of what it is made from.
        paths: Of the patches.
        params: What stands behind them.
    """
    bound = _BOUND + "&".join(f"{key}={quote(one, safe=SAFE)}" for key, one in params.items()) if params else ""
    return f"{PROTOCOL}{_encoded(source)}#{_encoded('&'.join(paths))}{bound}"


def bound_to(name: str, text: str, locator: str) -> str:
    """Return a range, with who asks for it where that says where its patches are."""
    if _BOUND in text or not text.startswith(PROTOCOL):
        return text
    found = _read(name, text)
    if found is None or not any(is_relative(one) for one in found[1].paths):
        return text
    return f"{text}{_BOUND}locator={quote(locator, safe=SAFE)}"


def plain_path(path: str) -> str:
    """Return a path without its flags."""
    return path.rpartition("!")[2]


def is_optional(path: str) -> bool:
    """Return whether a patch may be passed over where it does not fit."""
    return _OPTIONAL in path.rpartition("!")[0].split("!")


def builtin_of(path: str) -> str:
    """Return the name of a patch that Yarn has itself; empty for others."""
    match = _BUILTIN.fullmatch(plain_path(path))
    return match[1] if match is not None else ""


def is_relative(path: str) -> bool:
    """Return whether a path starts from the folder of whoever asks."""
    return not builtin_of(path) and not plain_path(path).startswith((HOME, "/"))


def _read(name: str, text: str) -> tuple[tuple[str, str], Layer] | None:
    match = _RANGE.fullmatch(text)
    if match is None:
        return None
    source, selector = _decoded(match[1]), _decoded(match[2])
    if source is None or selector is None or _SOURCE.fullmatch(source) is None:
        return None
    params = {key: values[-1] for key, values in parse_qs(match[3] or "").items()}
    paths = tuple(selector.split("&")) if selector else ()
    return split_name(source), Layer(name, paths, params.get("locator", ""), params.get("hash", ""))


def _decoded(text: str) -> str | None:
    if _NOT_DECODED.search(text):
        return None
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError:
        return None


def _encoded(text: str) -> str:
    return text.replace("%", "%25").replace(":", "%3A").replace("#", "%23")
