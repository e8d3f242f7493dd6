"""The documents of a sparse index: one line of JSON for each version of a crate.

https://doc.rust-lang.org/cargo/reference/registry-index.html#json-schema.
"""

from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from outrider.operators.packages.registries.published import seconds_of

# Of the forms of a line that are known; what a newer one means cannot be told.
_NEWEST_FORM = 2
_LONGEST_LINE = 8 << 20
_MOST_LINES = 20_000


class CargoNeed(msgspec.Struct, array_like=True, frozen=True):
    """A dependency that counts for what is built; those of tests do not.

    Attributes:
        key: How features call it.
        name: Of the crate.
        range: The requirement.
        features: That are asked of it, `default` among them unless it is declined.
        optional: Whether only a feature brings it in.
        registry: The address of the registry that has it; empty for that of who needs it.
    """

    key: str
    name: str
    range: str
    features: tuple[str, ...] = ()
    optional: bool = False
    registry: str = ""


class CargoRelease(msgspec.Struct, array_like=True):
    """What a version of a crate says of itself.

    Attributes:
        needs: Its dependencies, on any machine.
        features: What each brings in, as it is written.
        links: The native library that it links; empty for none.
        checksum: SHA-256 of its file.
        rust: The version of Rust that it needs at least; empty where it says none.
    """

    needs: list[CargoNeed] = []
    features: dict[str, list[str]] = {}
    links: str = ""
    checksum: str = ""
    rust: str = ""


class Line(NamedTuple):
    """One line.

    Attributes:
        version: Of which.
        yanked: Whether it was taken back.
        release: What it says.
        published: When, seconds since the epoch; 0 where the index does not say.
    """

    version: str
    yanked: bool
    release: CargoRelease
    published: float


class _Dependency(msgspec.Struct):
    name: str
    req: str
    features: list[str] = []
    optional: bool = False
    default_features: bool = True
    kind: str | None = None
    registry: str | None = None
    package: str | None = None


class _Line(msgspec.Struct):
    name: str
    vers: str
    deps: list[_Dependency]
    cksum: str
    features: dict[str, list[str]] = {}
    features2: dict[str, list[str]] | None = None
    yanked: bool | None = False
    links: str | None = None
    v: int | None = 1
    rust_version: str | None = None
    pubtime: str | None = None


_DECODER = msgspec.json.Decoder(_Line)


def read_lines(name: str, content: bytes) -> Iterator[Line | None]:
    """Yield the lines of a document; None for each that cannot be read, which leaves out that version alone, as with Cargo.

    Args:
        name: Of the crate. Names that differ in capitals share a document on no index, and yet whoever asks for one must not get another.
        content: The document.
    """
    for text in content.split(b"\n", _MOST_LINES)[:_MOST_LINES]:
        if text.strip():
            yield _read(name, text)


def _read(name: str, text: bytes) -> Line | None:
    try:
        line = _DECODER.decode(text) if len(text) <= _LONGEST_LINE else None
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return None
    if line is None or line.name != name or not 1 <= (line.v or 1) <= _NEWEST_FORM:
        return None
    features = line.features
    for feature, values in (line.features2 or {}).items():
        features.setdefault(feature, []).extend(values)
    needs = [_need(one) for one in line.deps if one.kind != "dev"]
    return Line(
        line.vers,
        bool(line.yanked),
        CargoRelease(needs, features, line.links or "", line.cksum, line.rust_version or ""),
        seconds_of(line.pubtime),
    )


def _need(one: _Dependency) -> CargoNeed:
    features = {*one.features, "default"} if one.default_features else {*one.features}
    return CargoNeed(
        one.name, one.package or one.name, one.req, tuple(sorted(features)), one.optional, one.registry or ""
    )
