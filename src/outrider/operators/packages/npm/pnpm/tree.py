"""Chooses the versions of all that a project needs, level by level, as pnpm does: `resolveDependencies.js` of pnpm 10.34.

Of two ways to a package it is that over which it is found first that says which versions are preferred below it.
"""

from collections.abc import Sequence

from outrider.core.errors import DeniedError, NotFoundError, UnsupportedError
from outrider.operators.packages.npm.details import NpmDetails
from outrider.operators.packages.npm.packages import NpmPackage
from outrider.operators.packages.npm.pnpm.levels import Address, Level, Preferred
from outrider.operators.packages.npm.pnpm.manifests import PnpmManifests, PnpmPackage, Wanted
from outrider.operators.packages.npm.pnpm.missing import Aliases, Below, Peers
from outrider.operators.packages.npm.pnpm.nodes import Nodes, contains_sequence
from outrider.operators.packages.npm.pnpm.picking import picked
from outrider.operators.packages.npm.pnpm.requests import Requests
from outrider.operators.packages.npm.pnpm.specs import Selector, read_selector, saved
from outrider.operators.packages.npm.sources import NpmSource
from outrider.operators.packages.resolving.questions import Question

PROJECT = "."


class PnpmTree:
    """Chooses versions.

    Args:
        source: Where packages come from.
        manifests: What their versions say.
        question: What is locked, and when to end.

    Attributes:
        packages: What was chosen, by id.
        nodes: Where it stands.
        peer_names: Names that any of it has as peers.
        versions: All that was chosen, and is locked, by name.
        notes: What was left out though it is asked for.
    """

    def __init__(self, source: NpmSource, manifests: PnpmManifests, question: Question) -> None:
        self._source, self._manifests, self._question = source, manifests, question
        self.packages: dict[str, PnpmPackage] = {}
        self.nodes = Nodes(self.packages)
        self.peer_names: set[str] = set()
        self.versions: dict[str, dict[str, None]] = {}
        self.notes: list[str] = []
        self._below: dict[str, Below] = {}
        self._requests = Requests()

    async def resolve(
        self, wanted: Sequence[Wanted], aliases: Aliases, preferred: Preferred, weight: int
    ) -> tuple[list[Address], Peers]:
        """Choose what the project needs, and all below it.

        Args:
            wanted: What it needs.
            aliases: What is there by name.
            preferred: Which versions are preferred.
            weight: What the versions weigh that are chosen for it.

        Returns:
            What was found, and what is known of peers.

        Raises:
            UnsupportedError: Something comes from elsewhere than a registry, or peers wait for each other without end.
            OutriderError: What a registry says.
        """
        known: list[Peers] = []
        level = Level(None, (PROJECT,), aliases=aliases, preferred=preferred, weight=weight, done=known.append)
        self._start(level, list(wanted))
        while (answered := self._requests.answered()) is not None:
            self._question.check()
            one, need = answered
            address = await self._find(one, need)
            if address is not None:
                one.addresses.append(address)
            one.open -= 1
            if not one.open:
                self._found(one)
        if not known:
            raise endless()
        return level.addresses, known[0]

    def _start(self, level: Level, wanted: Sequence[Wanted]) -> None:
        level.open = len(wanted)
        installable = level.parent is None or level.parent.installable
        for one in wanted:
            selector = read_selector(one.alias, one.text)
            name, whole = "" if selector is None else selector.package, one.optional or not installable
            self._requests.add(level, one, (name, whole))
            if name:
                self._source.foresee((name,))
                self._manifests.foresee((name,), whole=whole)
        if not wanted:
            self._found(level)

    def _found(self, level: Level) -> None:
        """Go on once all that a package needs was found."""
        parent = level.parent
        if parent is not None:
            parent.package.children = [(one.alias, one.package.id) for one in level.addresses]
            self.nodes[parent.node].children = {one.alias: one.node for one in level.addresses}
        level.descend(self._start)

    async def _find(self, level: Level, wanted: Wanted) -> Address | None:
        """Find one thing that is needed; None where it may be left out, or would stand within itself."""
        parent = level.parent
        installable = parent is None or parent.installable
        optional = wanted.optional or not installable
        selector = read_selector(wanted.alias, wanted.text)
        if selector is None:
            raise _elsewhere(level, wanted)
        npm = await self._source.package(selector.package)
        bit = self._pick(level, npm, selector, wanted.alias)
        if bit is None:
            return self._nothing(level, npm, wanted, selector, optional=optional)
        manifest = npm.manifest(bit)
        package = self.packages.get(f"{manifest.name}@{manifest.version}")
        if package is None:
            package = await self._manifests.read(manifest, whole=optional)
        self.versions.setdefault(package.name, {})[package.version] = None
        if package.id == level.ids[-1] or contains_sequence(level.ids, level.ids[-1], package.id):
            return None
        self.peer_names |= package.peer_names
        shape = package.manifest.shape
        target = self._source.target
        fits = target.takes(shape.os, shape.cpu, shape.libc) and target.runs(shape.node, "")
        address = self._address(level, wanted, package, installable=installable and (fits or not optional))
        address.package.optional &= optional or (parent is not None and parent.package.optional)
        if parent is None:
            address.saved = saved(wanted.alias, wanted.text, selector, package.version)
        return address

    def _pick(self, level: Level, npm: NpmPackage, selector: Selector, alias: str) -> int | None:
        preferences = level.preferred.get(selector.package, {})
        locked = NpmDetails.of(self._question).locked_needs.get(level.ids[-1], {}).get(alias, "")
        return picked(npm, selector, preferences, locked)

    def _nothing(
        self, level: Level, npm: NpmPackage, wanted: Wanted, selector: Selector, *, optional: bool
    ) -> Address | None:
        """Tell that there is nothing to choose; that is no fault of what may be left out.

        Raises:
            NotFoundError: There is none.
            DeniedError: Policy admits none.
        """
        by = "" if level.parent is None else level.parent.package.name
        error = npm.nothing(selector.text, by)
        if not optional or not isinstance(error, DeniedError | NotFoundError):
            raise error
        if isinstance(error, DeniedError):
            who = by or "the manifest"
            self.notes.append(f"{who} needs {wanted.alias} where it can be had, and no version of it may be used.")
        return None

    def _address(self, level: Level, wanted: Wanted, package: PnpmPackage, *, installable: bool) -> Address:
        is_new = package.id not in self.packages
        self.packages[package.id] = package
        node = self.nodes.new_id(package)
        self.nodes.add(node, package, level.depth, level.ids)
        address = Address(wanted.alias, package, node, is_new=is_new, installable=installable)
        if package.id not in level.ids:
            below = self._below.get(package.id)
            if below is None:
                below = self._below[package.id] = Below(level.depth)
            # Elsewhere it stands nearer to the project, and not all of that is known yet.
            if below.depth >= level.depth or below.missing is not None:
                address.below = below
        return address


def endless() -> UnsupportedError:
    """Return the error for packages that are peers of each other in a way with which pnpm itself does not end."""
    return UnsupportedError(
        "npm: packages are peers of each other, and each waits for the others without end", path="packages", found="a cycle of peers",
        expected="peers of which one is there first", suggestions=["ask for one of them yourself, in a version"],
    )  # fmt: skip


def _elsewhere(level: Level, wanted: Wanted) -> UnsupportedError:
    by = "the project" if level.parent is None else level.parent.package.id
    return UnsupportedError(
        f"npm {wanted.alias}: {by} needs it from elsewhere than a registry", path="packages", found=f"{wanted.alias}@{wanted.text}"[:200],
        expected="packages of registries", suggestions=["have pnpm write the lock file: pnpm install --lockfile-only"],
    )  # fmt: skip
