"""What other repositories say of a package, as it is kept: each version by itself, in their order."""

from collections.abc import Iterable
from typing import Any

import msgspec

from outrider.operators.packages.composer.releases import UNSET

Fields = dict[str, msgspec.Raw]


class KeptPackage(msgspec.Struct, array_like=True):
    """A package.

    Attributes:
        versions: What is said of each, as JSON.
    """

    versions: list[bytes]


_KEPT = msgspec.msgpack.Decoder(KeptPackage)
FIELDS = msgspec.json.Decoder(Fields)


def written(versions: Iterable[Any]) -> bytes:
    """Return versions as they are kept; what is no description of one is left out."""
    return msgspec.msgpack.encode(KeptPackage([msgspec.json.encode(one) for one in versions if isinstance(one, dict)]))


def read_kept(raw: bytes) -> list[bytes]:
    """Return what was kept of each version."""
    return _KEPT.decode(raw).versions


def minified(versions: Iterable[Fields]) -> list[Fields]:
    """Return versions, each but the first as what differs from the one before it.

    https://getcomposer.org/doc/05-repositories.md#metadata-url and Composer's class `MetadataMinifier`.
    """
    found: list[Fields] = []
    before: Fields = {}
    for one in versions:
        changed = {key: value for key, value in one.items() if key not in before or bytes(before[key]) != bytes(value)}
        gone = msgspec.Raw(msgspec.json.encode(UNSET))
        found.append({**changed, **dict.fromkeys(before.keys() - one.keys(), gone)})
        before = one
    return found
