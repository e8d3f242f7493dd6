"""Chooses versions as bun does: `PackageManagerEnqueue.rs` of bun 1.4.

Each need first has the version that is best for it alone. Peers come once all else is chosen: what is there already does, whatever its
version, and is brought where nothing is. What comes out does not depend on the order in which registries answer.
"""

import re
from collections import defaultdict, deque

from outrider.core.errors import DeniedError, NotFoundError, UnsupportedError
from outrider.operators.packages.npm.bun.graph import BunPackage, Graph
from outrider.operators.packages.npm.bun.members import member_for
from outrider.operators.packages.npm.bun.needs import (
    OPTIONAL,
    OPTIONAL_PEER,
    PEER,
    REMEDY,
    WORKSPACE,
    BunNeed,
    Wanted,
    needs_of_version,
)
from outrider.operators.packages.npm.bun.peers import BunPeers, OwnPeers, Peer
from outrider.operators.packages.npm.bun.picking import picked
from outrider.operators.packages.npm.bun.replacing import Replacements
from outrider.operators.packages.npm.details import NpmDetails
from outrider.operators.packages.npm.documents import NpmDocuments
from outrider.operators.packages.npm.packages import NpmPackage
from outrider.operators.packages.npm.sources import NpmSource
from outrider.operators.packages.resolving.questions import Question

PROJECT = "."
_EXACT = re.compile(r"[=v]*\d+\.\d+\.\d+(-[\w.-]+)?(\+[\w.-]+)?")


class BunChoice:
    """Chooses versions.

    Args:
        source: Where packages come from.
        documents: What their versions say.
        question: What is locked, and when to end.
        graph: The project, to which what is chosen is added.
        replacements: What is looked for in place of what needs ask for.

    Attributes:
        notes: What was left out though it is asked for.
    """

    def __init__(
        self,
        source: NpmSource,
        documents: NpmDocuments,
        question: Question,
        graph: Graph,
        replacements: Replacements,
    ) -> None:
        self._source, self._documents, self._question = source, documents, question
        self._graph, self._replacements, self._wanted = graph, replacements, replacements.wanted
        self._locked = NpmDetails.of(question).locked_needs
        self.notes: list[str] = []
        self._waiting: deque[BunPackage] = deque()
        # What a project and its members need, by name.
        self._direct: defaultdict[str, list[BunPackage]] = defaultdict(list)
        # What they name the very version of.
        self._pinned: set[BunPackage] = set()
        # The numbers of versions that are best for some needs, which others meet: those may do for peers in a workspace.
        self._passed: dict[str, set[int]] = {}

    async def choose(self) -> None:
        """Choose all that the project needs.

        Raises:
            NotFoundError: There is no package or no version of it that is needed.
            DeniedError: Policy admits none.
            UnsupportedError: A package needs what comes from no registry.
            OutriderError: What a registry says.
        """
        for package in self._graph.own():
            self._await(package)
        await self._meet_all()
        await self._bring_own_peers()
        await self._meet_all()
        while await self._bring_peers():
            await self._meet_all()
        self._keep_to_own()

    def _keep_to_own(self) -> None:
        """Have needs met by what peers of the project and of its members brought, where that does."""
        for package in self._graph.every() if self._graph.members else ():
            for at, need in enumerate(package.needs):
                wanted, target = self._wanted(package, need), package.targets[at]
                if target is None or target.npm is None or need.is_peer or at in package.held:
                    continue
                there = self._there(package, wanted)
                if there is not None and there.bit > target.bit:
                    package.targets[at] = there

    async def _bring_own_peers(self) -> None:
        """Have the peers of a project and of the members of its workspace met."""
        peers = OwnPeers(self._graph)
        for package, at in peers.needs():
            need, wanted = package.needs[at], self._wanted(package, package.needs[at])
            there = await self._passed_over(wanted) or peers.there(package, need, wanted)
            self._settle(package, at, there or await self._best(package, need))

    async def _passed_over(self, wanted: Wanted) -> BunPackage | None:
        """Return a version that was best for some need, and is newer than all that are there and do for a peer."""
        passed = self._passed.get(wanted.package)
        if not passed or wanted.is_tag:
            return None
        npm = await self._source.package(wanted.package)
        mask = npm.table.mask(wanted.text)
        there = [one.bit for one in self._graph.versions(npm.name)]
        newest = max((bit for bit in (*passed, *there) if mask >> bit & 1), default=-1)
        return await self._version(npm, newest) if newest in passed else None

    async def _bring_peers(self) -> bool:
        """Bring peers that are missing; return whether there were any. Where there are none, have all of them met."""
        peers = BunPeers(self._graph, self._wanted)
        candidates = [(one, *found) for one in peers.missing() if (found := await self._candidate(one)) is not None]
        agreed = [(npm, bit) for one, npm, bit in candidates if peers.agree(one, npm, bit)]
        first = {npm.name: (npm, bit) for one, npm, bit in reversed(candidates) if peers.has_none(one)}
        # What is there already may be none that a peer allows: a prerelease under the tag `latest`, for any version.
        brought = [one for one in agreed or first.values() if self._graph.get(one[0].name, one[1]) is None]
        for found in brought:
            await self._version(*found)
        if not brought:
            peers.bind()
        return bool(brought)

    async def _candidate(self, peer: Peer) -> tuple[NpmPackage, int] | None:
        npm = await self._package(peer.package, peer.need, peer.wanted)
        bit = picked(npm, peer.wanted)
        if bit is None:
            self._refuse(peer.package, peer.need, npm, peer.wanted)
            return None
        return npm, bit

    async def _meet_all(self) -> None:
        while self._waiting:
            await self._meet(self._waiting.popleft())

    def _await(self, package: BunPackage) -> None:
        self._waiting.append(package)
        names = {
            self._wanted(package, need).package for need in package.needs if need.kind not in (WORKSPACE, OPTIONAL_PEER)
        }
        names -= {"", *self._graph.members}
        self._source.foresee(names)
        self._documents.foresee(names)

    async def _meet(self, package: BunPackage) -> None:
        for at in range(len(package.needs)):
            self._question.check()
            if package.targets[at] is not None:
                continue
            need = package.needs[at] = await self._aliased(package, package.needs[at])
            member = member_for(self._graph, package, need, self._wanted(package, need))
            held = await self._held(package, need) if member is None else None
            if held is not None:
                package.held.add(at)
            if held is not None or member is not None:
                self._settle(package, at, held or member)
            elif not need.is_peer or (need.kind == PEER and self._wanted(package, need).is_tag):
                self._settle(package, at, await self._best(package, need))

    async def _aliased(self, package: BunPackage, need: BunNeed) -> BunNeed:
        """Return a need with what goes by its name elsewhere, where that does; else the need as it is."""
        alias = self._replacements.alias(package, need)
        if alias is None:
            return need
        if not need.is_peer:
            npm = await self._package(package, need, alias)
            there = self._there(package, alias)
            bit = there.bit if there is not None else picked(npm, alias)
            if there is None and bit is not None and package.place:
                near = self._near(npm, bit, alias)
                bit = near.bit if near is not None else bit
            if bit is None or not npm.table.mask(need.wanted.text) >> bit & 1:
                return need
        return need._replace(wanted=alias)

    def _settle(self, package: BunPackage, at: int, target: BunPackage | None) -> None:
        """Have a need met; what those of a project have is to do for others."""
        package.targets[at] = target
        if package.npm is None and target is not None and target not in (direct := self._direct[target.name]):
            direct.append(target)

    async def _held(self, package: BunPackage, need: BunNeed) -> BunPackage | None:
        """Return what a need is met by in a lock, where that still does; for a peer, any version does."""
        version, wanted = self._locked.get(_key(package), {}).get(need.name, ""), self._wanted(package, need)
        if not version or not wanted.package or need.kind == OPTIONAL_PEER:
            return None
        npm = await self._package(package, need, wanted)
        if version not in npm.table.versions:
            return None
        bit = npm.table.versions.index(version)
        mask = npm.admitted & npm.preferred
        if not need.is_peer and not wanted.is_tag:
            mask &= npm.table.mask(wanted.text)
        return await self._version(npm, bit) if mask >> bit & 1 else None

    async def _best(self, package: BunPackage, need: BunNeed) -> BunPackage | None:
        """Return what a need has for itself; None where it may be left out, or is a peer of which there is none."""
        wanted = self._wanted(package, need)
        there = self._there(package, wanted)
        if there is not None and not self._graph.members:
            return there
        npm = await self._package(package, need, wanted)
        bit = picked(npm, wanted)
        if there is not None:
            if bit is not None:
                self._passed.setdefault(npm.name, set()).add(bit)
            return there
        if bit is None and wanted.is_tag and wanted.package in self._graph.members:
            return self._graph.members[wanted.package]
        if bit is None:
            self._refuse(package, need, npm, wanted)
            return None
        is_own = package.npm is None and not wanted.is_tag
        there = self._near(npm, bit, wanted) if is_own else self._graph.get(npm.name, bit)
        if there is None:
            there = await self._version(npm, bit)
            if _EXACT.fullmatch(wanted.text) and package.npm is None:
                self._pinned.add(there)
        return there

    def _near(self, npm: NpmPackage, best: int, wanted: Wanted) -> BunPackage | None:
        """Return what a project or a member has in place of another version: what it needs by another name, or a manifest before it.

        That must be no older version, or one of the same major version, or one that is asked for by itself.
        """
        for one in self._graph.versions(npm.name):
            is_near = one.bit >= best or one in self._pinned or _major(one.version) == _major(npm.table.versions[best])
            if one.meets(wanted) and is_near:
                return one
        return None

    def _there(self, package: BunPackage, wanted: Wanted) -> BunPackage | None:
        """Return what does without another version: what the project or a member asks for, or the package itself."""
        if package.npm is None:
            return None
        fitting = [one for one in self._direct.get(wanted.package, ()) if one.meets(wanted)]
        itself = package if package.name == wanted.package and package.meets(wanted) else None
        return max(fitting, key=lambda one: one.bit, default=itself)

    async def _version(self, npm: NpmPackage, bit: int) -> BunPackage:
        found = self._graph.get(npm.name, bit)
        if found is None:
            said = await self._documents.said(npm.manifest(bit))
            found = BunPackage(npm.name, needs_of_version(said), npm=npm, bit=bit, said=said)
            self._graph.add(found)
            self._await(found)
        return found

    async def _package(self, package: BunPackage, need: BunNeed, wanted: Wanted) -> NpmPackage:
        if not wanted.package:
            raise UnsupportedError(
                f"npm {need.name}: {_key(package)} needs it from elsewhere than a registry", path="packages", found=f"{need.name}@{need.text}"[:200],
                expected="packages of registries", suggestions=[REMEDY],
            )  # fmt: skip
        return await self._source.package(wanted.package)

    def _refuse(self, package: BunPackage, need: BunNeed, npm: NpmPackage, wanted: Wanted) -> None:
        """Refuse a need for which there is nothing to choose, unless it may be left out.

        Raises:
            NotFoundError: There is none.
            DeniedError: Policy admits none.
        """
        error = npm.nothing(wanted.text, package.name if package.npm is not None else "")
        may_miss = need.kind == OPTIONAL or (need.is_peer and bool(npm.record.versions))
        if not may_miss or not isinstance(error, DeniedError | NotFoundError):
            raise error
        if isinstance(error, DeniedError):
            who = package.name if package.npm is not None else "the manifest"
            self.notes.append(f"{who} needs {need.name} where it can be had, and no version of it may be used.")


def _key(package: BunPackage) -> str:
    return package.place or PROJECT if package.npm is None else f"{package.name}@{package.version}"


def _major(version: str) -> str:
    return version.partition(".")[0]
