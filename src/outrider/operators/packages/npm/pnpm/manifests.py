"""Versions of packages as pnpm sees them: their manifests, with what is added to them, and the peers taken out of what they need."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from outrider.operators.packages.npm.documents import NpmDocuments
from outrider.operators.packages.npm.packages import Manifest
from outrider.operators.packages.npm.pnpm.extensions import known_extensions
from outrider.operators.packages.npm.pnpm.patches import Patches
from outrider.operators.packages.npm.sources import NpmSource


class Peer(NamedTuple):
    """What is asked of a peer.

    Attributes:
        range: The range.
        optional: Whether it may be missing.
    """

    range: str
    optional: bool


class Wanted(NamedTuple):
    """One thing that a version needs.

    Attributes:
        alias: The name by which it goes.
        text: What is asked of it.
        optional: Whether it may be left out.
        catalog: The name of the catalog that says what is asked; empty where none does.
    """

    alias: str
    text: str
    optional: bool
    catalog: str = ""


class PnpmPackage:
    """A version that was chosen.

    Args:
        manifest: Which one.
        said: What its registry says of it, and what is added to that.
        patch: What its name and version are followed by, where it is patched.

    Attributes:
        id: Its name and version.
        called: The same, and its patch: what a lock calls it, without its peers.
        needs: What it needs, without what came within its tarball.
        declared: What it says of peers.
        peers: Which of these it does not bring itself.
        optional_names: Names of what may be left out.
        is_leaf: Whether it needs nothing at all.
        optional: Whether nobody needs it in any case.
        children: What it needs, by the name by which that goes: ids.
    """

    __slots__ = (
        "called",
        "children",
        "declared",
        "id",
        "is_leaf",
        "manifest",
        "needs",
        "optional",
        "optional_names",
        "peers",
        "said",
    )

    def __init__(self, manifest: Manifest, said: Mapping[str, Any], patch: str = "") -> None:
        self.manifest, self.said = manifest, said
        self.id = f"{manifest.name}@{manifest.version}"
        self.called = f"{self.id}{patch}"
        optional, metas = texts(said, "optionalDependencies"), _metas(said)
        self.declared = {name: Peer(text, name in metas) for name, text in texts(said, "peerDependencies").items()}
        plain = {name: text for name, text in texts(said, "dependencies").items() if name not in self.declared}
        bundled = _bundled(said, plain)
        both = {**optional, **plain}
        self.needs = [Wanted(name, text, name in optional) for name, text in both.items() if name not in bundled]
        every = {**self.declared, **{name: Peer("*", True) for name in metas if name not in self.declared}}
        self.peers = {name: peer for name, peer in every.items() if name not in both and name != manifest.name}
        self.optional_names = set(optional)
        self.is_leaf = not (both or self.declared or said.get("peerDependenciesMeta"))
        self.optional = True
        self.children: list[tuple[str, str]] = []

    @property
    def name(self) -> str:
        """Its name."""
        return self.manifest.name

    @property
    def version(self) -> str:
        """Its version."""
        return self.manifest.version

    @property
    def peer_names(self) -> set[str]:
        """The names that it speaks of as peers."""
        meta = self.said.get("peerDependenciesMeta")
        return {*self.declared, *(meta if isinstance(meta, dict) else ())}


class PnpmManifests(NpmDocuments):
    """Reads versions.

    Args:
        source: Where packages come from.
        amended: Returns a manifest as the project has it.
        patches: That the project applies.
    """

    def __init__(
        self, source: NpmSource, amended: Callable[[Mapping[str, Any]], dict[str, Any]], patches: Patches
    ) -> None:
        super().__init__(source)
        self._amended, self._patches = amended, patches

    async def read(self, manifest: Manifest, *, whole: bool) -> PnpmPackage:
        """Return a version.

        Args:
            manifest: Which one.
            whole: Whether the long document is read, which alone tells the C library of a package; pnpm reads it of what may be left out.

        Raises:
            OutriderError: What a registry says.
        """
        said = await self.said(manifest, whole=whole)
        whose = {**said, "name": manifest.name, "version": manifest.version}
        patch = self._patches.suffix(manifest.name, manifest.version)
        return PnpmPackage(manifest, self._amended(known_extensions().applied(whose)), patch)


def texts(said: Mapping[str, Any], field: str) -> dict[str, str]:
    """Return what of a field has texts."""
    found = said.get(field)
    return {name: text for name, text in found.items() if isinstance(text, str)} if isinstance(found, dict) else {}


def _metas(said: Mapping[str, Any]) -> set[str]:
    """Return the names of peers that may be missing."""
    found = said.get("peerDependenciesMeta")
    metas = found.items() if isinstance(found, dict) else ()
    return {name for name, meta in metas if isinstance(meta, dict) and meta.get("optional") is True}


def _bundled(said: Mapping[str, Any], plain: Mapping[str, str]) -> set[str]:
    found = said.get("bundledDependencies")
    found = said.get("bundleDependencies") if found is None else found
    if found is True:
        return set(plain)
    return {name for name in found if isinstance(name, str)} if isinstance(found, list) else set()
