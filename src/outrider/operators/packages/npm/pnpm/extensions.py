"""What is added to manifests that are known to lack something: the package extensions of Yarn, which pnpm applies too.

The table is that of @yarnpkg/extensions 2.0.3, as pnpm 10.34 comes with it, under the licence beside it:
https://github.com/yarnpkg/berry/blob/master/packages/yarnpkg-extensions.
"""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from outrider.operators.packages.versions.ecosystems import scheme_of
from outrider.operators.packages.versions.tables import VersionTable

_TABLE = Path(__file__).parent / "extensions.json"
_FIELDS = ("dependencies", "optionalDependencies", "peerDependencies", "peerDependenciesMeta")
_Extension = dict[str, dict[str, Any]]


def extended(said: Mapping[str, Any]) -> dict[str, Any]:
    """Return a manifest with what is added to it; what it says itself counts more."""
    found = dict(said)
    for wanted, extension in _extensions().get(str(said.get("name")), ()):
        if VersionTable(scheme_of("npm"), [str(said.get("version"))]).mask(wanted):
            for field in _FIELDS:
                if field in extension:
                    own = found.get(field)
                    found[field] = {**extension[field], **(own if isinstance(own, dict) else {})}
    return found


@cache
def _extensions() -> dict[str, list[tuple[str, _Extension]]]:
    found: dict[str, list[tuple[str, _Extension]]] = {}
    for selector, extension in msgspec.json.decode(_TABLE.read_bytes(), type=dict[str, _Extension]).items():
        name, _, wanted = selector.rpartition("@")
        found.setdefault(name, []).append((wanted, extension))
    return found
