"""What one package needs, from when it is asked for until all below it is known: `resolveDependencies.js` of pnpm 10.34."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Protocol

from outrider.operators.packages.npm.pnpm.manifests import PnpmPackage, Wanted
from outrider.operators.packages.npm.pnpm.missing import Aliases, Below, Missing, Peers, merged, without
from outrider.operators.packages.npm.pnpm.picking import DIRECT_WEIGHT, Preference

# A package that needs nothing has one place, and any other has one for each way that leads to it.
NodeId = str | int
# By package, by what names versions of it.
Preferred = dict[str, dict[str, Preference]]


class Address:
    """A package where it is needed.

    Attributes:
        alias: By which it goes.
        package: The version.
        node: Its place in the tree.
        is_new: Whether it was not needed before.
        installable: Whether it and all above it are for this machine.
        below: What is missing below it; None where that is not to be heeded here.
        saved: How a manifest would ask for it, where the project does.
        is_link: Whether it is a member of the workspace.
    """

    __slots__ = ("alias", "below", "installable", "is_link", "is_new", "node", "package", "saved")

    def __init__(self, alias: str, package: PnpmPackage, node: NodeId, *, is_new: bool, installable: bool) -> None:
        self.alias, self.package, self.node = alias, package, node
        self.is_new, self.installable = is_new, installable
        self.below: Below | None = None
        self.saved = ""
        self.is_link = False


class Starting(Protocol):
    """Who asks for what a level needs."""

    def __call__(self, level: "Level", wanted: list[Wanted]) -> None:
        """Begin with a level."""


class Level:
    """What one package needs, or the project.

    Args:
        parent: The package; None for the project, or a member of its workspace.
        ids: Of the packages above, and of this one.
        aliases: What is there by name.
        preferred: Which versions are preferred.
        weight: What the versions weigh that are chosen here, for all below.
        done: Told what is known of peers in the end.
        found: Told once all versions are found; None where it goes on at once with what is below.

    Attributes:
        addresses: What was found.
        open: How much is still to come, of versions and then of what is below them.
    """

    def __init__(
        self,
        parent: Address | None,
        ids: tuple[str, ...],
        *,
        aliases: Aliases,
        preferred: Preferred,
        weight: int,
        done: Callable[[Peers], None],
        found: Callable[[], None] | None = None,
    ) -> None:
        self.parent, self.ids, self.aliases, self.preferred = parent, ids, aliases, preferred
        self.found = found
        self._weight, self._done = weight, done
        self.addresses: list[Address] = []
        self.open = 0
        self._parts: list[Peers | None] = []
        self._current: dict[str, Address] = {}

    @property
    def depth(self) -> int:
        """How far it is from the project."""
        return len(self.ids) - 1

    def descend(self, start: Starting) -> None:
        """Go on with what is needed by what was found, now that all of that is known."""
        self._current = {one.alias: one for one in self.addresses}
        aliases: Aliases = {**self.aliases, **self._current}
        preferred = self._preferring()
        children = [one for one in self.addresses if one.is_new]
        known = [(one, one.below) for one in self.addresses if not one.is_new and one.below is not None]
        self.open = len(children) + len(known)
        self._parts = [None] * self.open
        if not self.open:
            self._close()
        for at, one in enumerate(children):
            done = partial(self._child_done, at, one, aliases)
            ids = (*self.ids, one.package.id)
            level = Level(one, ids, aliases=aliases, preferred=preferred, weight=1, done=done)
            start(level, one.package.needs)
        # Of what is needed elsewhere too, only the project looks whether it has what is missing itself.
        heeded = aliases if self._weight == DIRECT_WEIGHT else self.aliases
        for at, (_, below) in enumerate(known, len(children)):
            below.when_known(partial(self._known, at, heeded))

    def _preferring(self) -> Preferred:
        """Return what is preferred below: what was found here, too."""
        preferred = dict(self.preferred)
        for one in self.addresses:
            if one.is_link:
                continue
            name, version = one.package.name, one.package.version
            preferred[name] = {version: Preference("version", self._weight), **preferred.get(name, {})}
        return preferred

    def _child_done(self, at: int, one: Address, aliases: Aliases, peers: Peers) -> None:
        if one.below is not None:
            one.below.settle(peers.missing)
        self._take(at, without(peers, aliases))

    def _known(self, at: int, aliases: Aliases, missing: Missing) -> None:
        self._take(at, without(Peers(missing, {}), aliases))

    def _take(self, at: int, peers: Peers) -> None:
        self._parts[at] = peers
        self.open -= 1
        if not self.open:
            self._close()

    def _close(self) -> None:
        parts = [part for part in self._parts if part is not None]
        current: Mapping[str, Address | None] = self._current
        found: dict[str, Address] = {}
        for part in parts:
            found |= part.found
        own = []
        for one in self.addresses:
            left = without(Peers(dict(one.package.declared), found), dict(current))
            own.append(left.missing)
            found = left.found
        self._done(Peers(merged([*own, *(part.missing for part in parts)]), found))
