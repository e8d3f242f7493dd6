"""What a project needs, with the peers that its packages miss and it does not ask for: `resolveRootDependencies` of pnpm 10.34.

With `auto-install-peers`, which is pnpm's default, a missing peer is chosen as if the project asked for it. One that is optional comes in
where a version that is there anyway will do.
"""

from collections.abc import Mapping

from outrider.operators.packages.npm.details import NpmDetails
from outrider.operators.packages.npm.pnpm.levels import Address, NodeId, Preferred
from outrider.operators.packages.npm.pnpm.manifests import Peer, Wanted
from outrider.operators.packages.npm.pnpm.missing import Aliases, Missing, Peers, without
from outrider.operators.packages.npm.pnpm.picking import DIRECT_WEIGHT, Preference
from outrider.operators.packages.npm.pnpm.specs import exact, kind_of
from outrider.operators.packages.npm.pnpm.tree import PnpmTree
from outrider.operators.packages.npm.sources import NpmSource
from outrider.operators.packages.resolving.questions import Question
from outrider.operators.packages.versions.ecosystems import scheme_of
from outrider.operators.packages.versions.tables import VersionTable


class PnpmProject:
    """Chooses all that a project needs.

    Args:
        tree: Chooses versions.
        source: Where packages come from.
        question: What is locked, and what may be left out.
        asked: What the project asks for, by name.
    """

    def __init__(self, tree: PnpmTree, source: NpmSource, question: Question, asked: Mapping[str, str]) -> None:
        self._tree, self._source, self._question = tree, source, question
        optional = NpmDetails.of(question).optional
        self._wanted = [Wanted(name, text, name in optional) for name, text in asked.items()]
        self._preferred: Preferred = {
            name: {text: Preference(kind, DIRECT_WEIGHT)} for name, text in asked.items() if (kind := kind_of(text))
        }
        self._aliases: Aliases = dict.fromkeys(asked)
        self._addresses: list[Address] = []
        self._missing: Missing = {}
        self._found: dict[str, Address] = {}

    async def build(self) -> dict[str, Address]:
        """Return what stands directly below the project, by name; the errors are those of `PnpmTree.resolve`."""
        for name, versions in self._question.locked.items():
            self._tree.versions[name] = dict.fromkeys(versions)
        self._addresses, peers = await self._tree.resolve(self._wanted, self._aliases, self._preferred, DIRECT_WEIGHT)
        self._missing, self._found = peers
        while True:
            optional = await self._bring_required()
            brought = await self._hoistable(optional)
            if not brought:
                break
            await self._bring(brought)
        found: dict[str, Address] = {}
        for one in self._addresses:
            found.setdefault(one.alias, one)
        return found

    async def _bring_required(self) -> dict[str, list[str]]:
        """Bring peers that are missed until none is; return the ranges of those that are optional."""
        optional: dict[str, list[str]] = {}
        while True:
            self._aliases |= dict.fromkeys(one.alias for one in self._addresses)
            required = {name: peer for name, peer in self._missing.items() if not peer.optional}
            self._aliases |= dict.fromkeys(required)
            # What is a peer of one package deep below, and stands beside it there, is there for all.
            self._addresses += [one for name, one in self._found.items() if name not in self._aliases]
            for name, peer in self._missing.items():
                if peer.optional and peer.range not in optional.setdefault(name, []):
                    optional[name].append(peer.range)
            wanted = [Wanted(name, await self._hoisted(name, peer), False) for name, peer in required.items()]
            if not wanted:
                return optional
            await self._bring(wanted)

    async def _bring(self, wanted: list[Wanted]) -> None:
        addresses, peers = await self._tree.resolve(wanted, dict(self._aliases), self._preferred, 1)
        self._addresses += addresses
        self._missing, self._found = without(Peers(*peers), self._aliases)

    async def _hoisted(self, name: str, peer: Peer) -> str:
        """Return what is asked for of a peer: what is there by its name already, else what those want that miss it."""
        named = [one for one in self._addresses if one.package.name == name]
        first = min(named, key=lambda one: one.alias, default=None)
        if first is not None and first.saved:
            return first.saved
        versions = await self._versions(name)
        if wanted := exact(peer.range):
            return wanted if wanted in versions else peer.range
        return versions[-1] if versions else peer.range

    async def _versions(self, name: str) -> list[str]:
        """Return the versions of a package that were chosen or are locked, oldest first, without those that may not be chosen."""
        known = self._tree.versions.get(name)
        if not known:
            return []
        package = await self._source.package(name)
        return [one for one in package.table.named(package.admitted) if one in known]

    async def _hoistable(self, optional: Mapping[str, list[str]]) -> list[Wanted]:
        """Return what is brought of optional peers: the newest version that is there anyway, and that all would have."""
        found = []
        for name, ranges in optional.items():
            table = VersionTable(scheme_of("npm"), await self._versions(name))
            mask = table.everything
            for text in ranges:
                mask &= table.mask(text)
            if mask:
                found.append(Wanted(name, table.versions[mask.bit_length() - 1], True))
        return found


def direct_nodes(found: Mapping[str, Address]) -> dict[str, NodeId]:
    """Return the places of what stands directly below a project, by name."""
    return {alias: one.node for alias, one in found.items()}
