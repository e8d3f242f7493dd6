"""What is served of a crate: its lines of the index.

https://doc.rust-lang.org/cargo/reference/registry-index.html#json-schema
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from outrider.operators.packages.cargo.lines import CargoRelease
from outrider.operators.packages.cargo.records import CargoRecord, compiled
from outrider.operators.packages.resolving.facts import newest
from outrider.operators.packages.resolving.policies import Policy, by_version, of_licences, of_others
from outrider.operators.packages.serving.documents import Document
from outrider.operators.packages.serving.tables import Summary
from outrider.operators.packages.serving.upstreams import Built, Contents

LINES = "text/plain"


class _Line(msgspec.Struct):
    name: str
    vers: str


class _Told(msgspec.Struct):
    """What is kept beside the line of a crate that was published here, and stands in no index."""

    description: str = ""
    license: str = ""


class KeptLines(msgspec.Struct, array_like=True):
    """What another registry says of a crate.

    Attributes:
        downloads: Where its files are, with or without markers.
        closed: Whether its token must be shown there.
        content: The lines.
    """

    downloads: str
    closed: bool
    content: bytes


_KEPT = msgspec.msgpack.Decoder(KeptLines)
_LINE, _TOLD = msgspec.json.Decoder(_Line), msgspec.json.Decoder(_Told)


def read_kept(raw: bytes) -> KeptLines:
    """Return what was kept."""
    return _KEPT.decode(raw)


def build(name: str, contents: Contents, policy: Policy) -> Built:
    """Return the lines of a crate; versions that policy refuses are there as such that were taken back: Cargo does not choose them.

    Args:
        name: Of the crate, in small letters.
        contents: What there is.
        policy: What may be installed.
    """
    if contents.raw is not None:
        content = read_kept(contents.raw).content
    else:
        content = b"\n".join(_line(one.said, yanked=one.yanked is not None) for one in contents.releases)
    record = compiled(spelled(name, content), content)
    # What is published here is nobody's news.
    published = record.published if contents.raw is not None else [1.0] * len(record.versions)
    table = record.table()
    # An index tells no licences.
    told = {one.version: _TOLD.decode(one.said) for one in contents.releases}
    licences = of_licences(policy, name, table.versions, [told.get(one, _Told()).license for one in table.versions])
    whys = by_version([*policy.refusals(name, table, published), *licences], table)
    if record.left_out:
        # Cargo may read what is not read here.
        others = {_version(line) for line in content.split(b"\n")}.difference(record.versions, [""])
        whys |= of_others(policy, "cargo", name, dict.fromkeys(others, float(contents.raw is None)), licences=True)
    if whys:
        content = b"\n".join(
            _line(line, yanked=True) if _version(line) in whys else line for line in content.split(b"\n")
        )
    return Built([Document("lines", LINES, content)], whys, _summary(record, whys, told))


def _summary(record: CargoRecord, whys: dict[str, str], told: Mapping[str, _Told]) -> Summary:
    table = record.table()
    left = sum(1 << bit for bit, version in enumerate(table.versions) if version not in whys)
    if not left:
        return Summary()
    yanked = int.from_bytes(record.yanked, "little")
    bit = newest(left, ~yanked, table.releases)
    release = msgspec.msgpack.decode(record.releases[bit], type=CargoRelease)
    needs = [need.name.lower() for need in release.needs]
    latest = table.versions[bit]
    own = told.get(latest, _Told())
    return Summary(
        versions=[*reversed(table.named(left))], latest=latest, description=own.description, licence=own.license, needs=needs,
        warned=dict.fromkeys(table.named(yanked), "yanked"),
    )  # fmt: skip


def spelled(name: str, content: bytes) -> str:
    """Return how the author of a crate writes its name, of which an index knows the small letters alone."""
    for line in content.split(b"\n", 1):
        try:
            found = _LINE.decode(line).name
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue
        return found if found.lower() == name else name
    return name


def _version(line: bytes) -> str:
    try:
        return _LINE.decode(line).vers
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""


def _line(line: bytes, *, yanked: bool) -> bytes:
    said: dict[str, Any] = msgspec.json.decode(line)
    said = {key: value for key, value in said.items() if key not in _Told.__struct_fields__}
    return msgspec.json.encode({**said, "yanked": yanked})
