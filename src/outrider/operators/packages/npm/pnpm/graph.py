"""Packages with the peers that they found: what has the same ones is one entry of a lock file."""

import hashlib
from collections.abc import Iterable

from outrider.operators.packages.npm.pnpm.levels import NodeId
from outrider.operators.packages.npm.pnpm.manifests import PnpmPackage

# Longer lists of peers are shortened to a hash: `peers-suffix-max-length`.
_LONGEST = 1000
_HASH = 32


class Entry:
    """A package with its peers.

    Args:
        package: The version.
        path: Its name, its version and those of its peers.
        depth: How near to the project it stands.
        places: Of what it needs, by name.
        found: Names of peers that it or something below it has found.
        passed: Names of peers of what is below it.

    Attributes:
        children: The paths of what it needs, by name, once all are known.
    """

    __slots__ = ("children", "depth", "found", "package", "passed", "path", "places")

    def __init__(
        self,
        package: PnpmPackage,
        path: str,
        depth: int,
        *,
        places: dict[str, NodeId],
        found: set[str],
        passed: set[str],
    ) -> None:
        self.package, self.path, self.depth = package, path, depth
        self.places, self.found, self.passed = places, found, passed
        self.children: dict[str, str] = {}

    @property
    def weight(self) -> int:
        """How much it has."""
        return len(self.children) + len(self.found)


def suffix(peers: Iterable[str]) -> str:
    """Return what stands behind a version for its peers: `createPeerDepGraphHash` of pnpm 10.34."""
    joined = ")(".join(sorted(peers))
    if len(joined) > _LONGEST:
        joined = hashlib.sha256(joined.encode()).hexdigest()[:_HASH]
    return f"({joined})"
