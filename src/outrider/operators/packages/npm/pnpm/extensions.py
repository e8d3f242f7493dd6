"""What is added to manifests that lack something: by a project, and by the package extensions of Yarn, which pnpm applies too.

The table is that of @yarnpkg/extensions 2.0.3, as pnpm 10.34 comes with it, under the licence beside it:
https://github.com/yarnpkg/berry/blob/master/packages/yarnpkg-extensions. What a project adds: https://pnpm.io/10.x/settings#packageextensions.
"""

import hashlib
from base64 import b64encode
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from outrider.core.errors import InvalidConfigError
from outrider.operators.packages.versions.ecosystems import scheme_of
from outrider.operators.packages.versions.tables import VersionTable

FIELDS = ("dependencies", "optionalDependencies", "peerDependencies", "peerDependenciesMeta")
_TABLE = Path(__file__).parent / "extensions.json"
Extension = Mapping[str, Mapping[str, Any]]


class Extensions:
    """What is added to manifests.

    Args:
        said: By `NAME` or `NAME@RANGE` of packages, what is added to the fields of their manifests.
    """

    def __init__(self, said: Mapping[str, Extension]) -> None:
        self._by_name: dict[str, list[tuple[str, Extension]]] = {}
        for selector, extension in said.items():
            name, mark, wanted = selector.rpartition("@")
            # The first sign of a scope is no range.
            alone = not mark or not name
            self._by_name.setdefault(selector if alone else name, []).append(("" if alone else wanted, extension))

    def applied(self, said: Mapping[str, Any]) -> dict[str, Any]:
        """Return a manifest with what is added to it; what it says itself counts more."""
        found = dict(said)
        for wanted, extension in self._by_name.get(str(said.get("name")), ()):
            if not wanted or _allows(wanted, str(said.get("version"))):
                for field in FIELDS:
                    if field in extension:
                        own = found.get(field)
                        found[field] = {**extension[field], **(own if isinstance(own, dict) else {})}
        return found


@cache
def known_extensions() -> Extensions:
    """Return those that pnpm comes with."""
    return Extensions(msgspec.json.decode(_TABLE.read_bytes(), type=dict[str, dict[str, dict[str, Any]]]))


def checksum(said: Mapping[str, Extension]) -> str:
    """Return what a lock has of the extensions of a project: the SHA-256 of object-hash 3.0.0; empty for none."""
    return f"sha256-{b64encode(hashlib.sha256(_hashed(said).encode()).digest()).decode()}" if said else ""


def _hashed(value: Any) -> str:
    """Return the text of which object-hash takes the hash."""
    if isinstance(value, Mapping):
        fields = "".join(f"{_hashed(key)}:{_hashed(value[key])}," for key in sorted(value, key=_units))
        return f"object:{len(value)}:{fields}"
    if isinstance(value, bool):
        return f"bool:{'true' if value else 'false'}"
    return f"string:{len(_units(value)) // 2}:{value}"


def _units(text: str) -> bytes:
    """Return a text as JavaScript counts and sorts it."""
    return text.encode("utf-16-be", "surrogatepass")


def _allows(wanted: str, version: str) -> bool:
    try:
        return bool(VersionTable(scheme_of("npm"), [version]).mask(wanted))
    except InvalidConfigError:
        return False  # a range that cannot be read allows nothing
