"""What a project and the members of its workspace need, with the peers that are missed: `resolveRootDependencies` of pnpm 10.34.

With `auto-install-peers`, which is pnpm's default, a missing peer is chosen as if whoever misses it asked for it: as the project
asks for it, where it does. One that is optional comes in where a version that is there anyway will do.
"""

from collections import deque
from collections.abc import Sequence
from functools import partial

from outrider.operators.packages.npm.details import NpmDetails, at
from outrider.operators.packages.npm.pnpm.importers import Importer
from outrider.operators.packages.npm.pnpm.levels import Address, Level, Preferred
from outrider.operators.packages.npm.pnpm.manifests import Peer, Wanted
from outrider.operators.packages.npm.pnpm.missing import Peers
from outrider.operators.packages.npm.pnpm.picking import DIRECT_WEIGHT, Preference
from outrider.operators.packages.npm.pnpm.specs import exact, kind_of
from outrider.operators.packages.npm.pnpm.tree import PnpmTree, endless
from outrider.operators.packages.npm.sources import NpmSource
from outrider.operators.packages.resolving.questions import Question
from outrider.operators.packages.versions.ecosystems import scheme_of
from outrider.operators.packages.versions.tables import VersionTable


class PnpmProject:
    """Chooses all that a project and its members need.

    Args:
        tree: Chooses versions.
        source: Where packages come from.
        question: What is locked, and what are peers of manifests.
        importers: The project first, and its members; they take what is found.
    """

    def __init__(self, tree: PnpmTree, source: NpmSource, question: Question, importers: Sequence[Importer]) -> None:
        self._tree, self._source, self._question, self._importers = tree, source, question, importers
        self._preferred: Preferred = {}
        own_peers = NpmDetails.of(question).peers
        for one in importers:
            for alias, text, _, catalog in one.wanted:
                kind = "" if catalog or at(one.place, alias) in own_peers else kind_of(text)
                if kind:
                    self._preferred.setdefault(alias, {})[text] = Preference(kind, DIRECT_WEIGHT)
        self._open: set[str] = set()
        self._ready: deque[Importer] = deque()

    async def build(self) -> None:
        """Find what stands directly below each of them.

        Raises:
            UnsupportedError: Something comes from elsewhere than a registry, or peers wait for each other without end.
            OutriderError: What a registry says.
        """
        for name, versions in self._question.locked.items():
            self._tree.versions[name] = dict.fromkeys(versions)
        await self._begin()
        while True:
            await self._bring_required()
            brought = [(one, await self._hoistable(one)) for one in self._importers]
            for importer, wanted in brought:
                if wanted:
                    self._bring(importer, wanted)
            await self._finish()
            if not any(wanted for _, wanted in brought):
                return

    async def _begin(self) -> None:
        """Find what is asked for: first all that manifests name, and then what that needs."""
        self._open = {one.id for one in self._importers}
        levels = [self._level(one, DIRECT_WEIGHT) for one in self._importers]
        waiting = set(range(len(levels)))

        def found(number: int) -> None:
            waiting.discard(number)
            if not waiting:
                for importer, level in zip(self._importers, levels, strict=True):
                    order = {one.alias: at for at, one in enumerate(importer.wanted)}
                    level.addresses.sort(key=lambda one: order[one.alias])
                    level.descend(self._tree.start)

        for number, level in enumerate(levels):
            level.found = partial(found, number)
        for importer, level in zip(self._importers, levels, strict=True):
            self._tree.start(level, importer.wanted)
        await self._finish()

    def _level(self, importer: Importer, weight: int) -> Level:
        def done(peers: Peers) -> None:
            self._open.discard(importer.id)
            importer.bring(level.addresses, peers)
            self._ready.append(importer)

        aliases = dict(importer.aliases)
        level = Level(None, (importer.id,), aliases=aliases, preferred=self._preferred, weight=weight, done=done)
        return level

    def _bring(self, importer: Importer, wanted: list[Wanted]) -> None:
        self._open.add(importer.id)
        self._tree.start(self._level(importer, 1), wanted)

    async def _finish(self) -> None:
        while await self._tree.step():
            pass
        if self._open:
            raise endless()
        self._ready.clear()

    async def _bring_required(self) -> None:
        """Bring peers that are missed until none is, for all at once."""
        self._ready.extend(self._importers)
        for one in self._importers:
            one.optional = {}
        while True:
            while self._ready:
                importer = self._ready.popleft()
                missing = importer.missing()
                peers = importer.peers.missing
                wanted = [Wanted(name, await self._hoisted(name, peers[name]), False) for name in missing]
                if wanted:
                    self._bring(importer, wanted)
            if not await self._tree.step():
                break
        await self._finish()

    async def _hoisted(self, name: str, peer: Peer) -> str:
        """Return what is asked for of a peer: what the project asks for by its name, or what is there, or what those want that miss it."""
        there = self._importers[0].addresses
        named = [one for one in there if one.alias == name][:1]
        named += sorted((one for one in there if one.package.name == name), key=_alias)[:1]
        saved = next((one.saved for one in named if one.saved), "")
        if saved:
            return saved
        versions = await self._versions(name)
        if wanted := exact(peer.range):
            return wanted if wanted in versions else peer.range
        return versions[-1] if versions else peer.range

    async def _versions(self, name: str) -> list[str]:
        """Return the versions of a package that were chosen or are locked, oldest first, without those that may not be chosen."""
        known, linked = self._tree.versions.get(name), self._tree.linked.get(name, set())
        if not known:
            return VersionTable(scheme_of("npm"), linked).versions
        package = await self._source.package(name)
        there = [one for one in package.table.named(package.admitted) if one in known]
        return VersionTable(scheme_of("npm"), {*there, *linked}).versions if linked else there

    async def _hoistable(self, importer: Importer) -> list[Wanted]:
        """Return what is brought of optional peers: the newest version that is there anyway, and that all would have."""
        found = []
        for name, ranges in importer.optional.items():
            table = VersionTable(scheme_of("npm"), await self._versions(name))
            mask = table.everything
            for text in ranges:
                mask &= table.mask(text)
            if mask:
                found.append(Wanted(name, table.versions[mask.bit_length() - 1], True))
        return found


def _alias(address: Address) -> str:
    return address.alias
