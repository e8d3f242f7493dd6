"""Chooses the versions of all that a project needs, level by level, as pnpm does: `resolveDependencies.js` of pnpm 10.34.

Of two ways to a package it is that over which it is found first that says which versions are preferred below it.
"""

from collections.abc import Sequence

from outrider.core.errors import DeniedError, NotFoundError, UnsupportedError
from outrider.operators.packages.npm.details import NpmDetails
from outrider.operators.packages.npm.packages import NpmPackage
from outrider.operators.packages.npm.pnpm.importers import PROJECT
from outrider.operators.packages.npm.pnpm.levels import Address, Level
from outrider.operators.packages.npm.pnpm.links import LinkedPackage, Links
from outrider.operators.packages.npm.pnpm.manifests import PnpmManifests, PnpmPackage, Wanted
from outrider.operators.packages.npm.pnpm.missing import Below
from outrider.operators.packages.npm.pnpm.nodes import Nodes, contains_sequence
from outrider.operators.packages.npm.pnpm.picking import picked
from outrider.operators.packages.npm.pnpm.requests import Requests
from outrider.operators.packages.npm.pnpm.specs import Selector, read_selector, saved
from outrider.operators.packages.npm.sources import NpmSource
from outrider.operators.packages.resolving.questions import Question


class PnpmTree:
    """Chooses versions.

    Args:
        source: Where packages come from.
        manifests: What their versions say.
        links: The members of the workspace.
        question: What is locked, and when to end.

    Attributes:
        packages: What was chosen, by id.
        nodes: Where it stands.
        peer_names: Names that any of it has as peers.
        versions: All that was chosen, and is locked, by name.
        linked: Versions of members that others need, by name.
        notes: What was left out though it is asked for.
    """

    def __init__(self, source: NpmSource, manifests: PnpmManifests, links: Links, question: Question) -> None:
        self._source, self._manifests, self._links, self._question = source, manifests, links, question
        self.packages: dict[str, PnpmPackage] = {}
        self.nodes = Nodes(self.packages)
        self.peer_names: set[str] = set()
        self.versions: dict[str, dict[str, None]] = {}
        self.linked: dict[str, set[str]] = {}
        self.notes: list[str] = []
        self._below: dict[str, Below] = {}
        self._requests = Requests()

    def start(self, level: Level, wanted: Sequence[Wanted]) -> None:
        """Begin to choose what one package needs, or the project."""
        level.open = len(wanted)
        installable = level.parent is None or level.parent.installable
        for one in wanted:
            selector = read_selector(one.alias, one.text)
            name, whole = "" if selector is None else selector.package, one.optional or not installable
            exact = selector is not None and selector.kind == "version"
            self._requests.add(level, one, (name, whole), exact=exact)
            if name:
                self._source.foresee((name,))
                self._manifests.foresee((name,), whole=whole)
        if not wanted:
            self._found(level)

    async def step(self) -> bool:
        """Choose one thing; return whether there was one.

        Raises:
            UnsupportedError: It comes from elsewhere than a registry.
            OutriderError: What a registry says.
        """
        answered = self._requests.answered()
        if answered is None:
            return False
        self._question.check()
        level, need = answered
        address = self._linked(level, need) or await self._find(level, need)
        if address is not None:
            level.addresses.append(address)
        level.open -= 1
        if not level.open:
            self._found(level)
        return True

    def _found(self, level: Level) -> None:
        """Go on once all that a package needs was found."""
        parent = level.parent
        if parent is not None:
            parent.package.children = [(one.alias, one.package.id) for one in level.addresses]
            self.nodes[parent.node].children = {one.alias: one.node for one in level.addresses}
        if level.found is not None:
            level.found()
        else:
            level.descend(self.start)

    def _linked(self, level: Level, wanted: Wanted) -> Address | None:
        """Return the member of the workspace that is asked for; None where something else is."""
        place = level.ids[0] if level.parent is None and level.ids[0] != PROJECT else ""
        try:
            member = self._links.target(place, wanted.alias, wanted.text)
        except (NotFoundError, UnsupportedError) as error:
            if level.parent is None:
                raise
            raise _elsewhere(level, wanted) from error
        if member is None:
            return None
        package = LinkedPackage(member, wanted.alias)
        if package.version:
            self.linked.setdefault(package.name, set()).add(package.version)
        self.packages[package.id] = package
        self.nodes.add(package.id, package, -1, ())
        address = Address(wanted.alias, package, package.id, is_new=False, installable=True)
        address.is_link, address.saved = True, wanted.text
        return address

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
            address.saved = saved(wanted.alias, wanted.text, selector, package.version, wanted.catalog)
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
            who = by or ("the manifest" if level.ids[0] == PROJECT else f"{level.ids[0]}/package.json")
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
                below = self._below[package.id] = Below(level.depth, self._requests.moment)
            # Elsewhere it stands nearer to the project, and not all of that is known yet.
            if below.depth >= level.depth or below.is_known():
                address.below = below
        return address


def endless() -> UnsupportedError:
    """Return the error for packages that are peers of each other in a way with which pnpm itself does not end."""
    return UnsupportedError(
        "npm: packages are peers of each other, and each waits for the others without end", path="packages", found="a cycle of peers",
        expected="peers of which one is there first", suggestions=["ask for one of them yourself, in a version"],
    )  # fmt: skip


def _elsewhere(level: Level, wanted: Wanted) -> UnsupportedError:
    place = "the project" if level.ids[0] == PROJECT else level.ids[0]
    by = place if level.parent is None else level.parent.package.id
    return UnsupportedError(
        f"npm {wanted.alias}: {by} needs it from elsewhere than a registry", path="packages", found=f"{wanted.alias}@{wanted.text}"[:200],
        expected="packages of registries", suggestions=["have pnpm write the lock file: pnpm install --lockfile-only"],
    )  # fmt: skip
