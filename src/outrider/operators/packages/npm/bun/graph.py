"""Packages that were chosen, and which of them each need is met by."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from outrider.operators.packages.npm.bun.needs import BunNeed, Wanted
from outrider.operators.packages.npm.packages import NpmPackage


class BunPackage:
    """A project, a member of its workspace, or a version of a package.

    Args:
        name: In the registry, or of the member.
        needs: What it needs.
        npm: The package; None for what is none of a registry.
        bit: The number of the version.
        said: What its registry, or its manifest, says.
        place: The folder of a member; empty for anything else.

    Attributes:
        targets: What meets each need; None where nothing does.
        held: The numbers of needs that are met as a lock has it.
    """

    __slots__ = ("bit", "held", "name", "needs", "npm", "place", "said", "targets")

    def __init__(
        self,
        name: str,
        needs: Sequence[BunNeed],
        *,
        npm: NpmPackage | None = None,
        bit: int = 0,
        said: Mapping[str, Any] | None = None,
        place: str = "",
    ) -> None:
        self.name, self.needs, self.npm, self.bit = name, list(needs), npm, bit
        self.said: Mapping[str, Any] = said or {}
        self.place = place
        self.targets: list[BunPackage | None] = [None] * len(needs)
        self.held: set[int] = set()

    @property
    def version(self) -> str:
        """The version; empty for what is none of a registry."""
        return self.npm.table.versions[self.bit] if self.npm is not None else ""

    @property
    def shown(self) -> str:
        """Its name and version."""
        return f"{self.name}@{self.version}" if self.npm is not None else self.name or "the project"

    def target_of(self, name: str) -> "BunPackage | None":
        """Return what meets its need by a name; None where there is none, or that is for a peer."""
        pairs = zip(self.needs, self.targets, strict=True)
        return next((target for need, target in pairs if need.name == name and not need.is_peer), None)

    def meets(self, wanted: Wanted) -> bool:
        """Return whether it is a version of what is asked for; of a tag it is none."""
        if self.npm is None or wanted.is_tag:
            return False
        return bool(self.npm.table.mask(wanted.text) >> self.bit & 1)


class Graph:
    """What was chosen.

    Args:
        root: The project.
        members: Of its workspace.

    Attributes:
        members: By their names.
    """

    def __init__(self, root: BunPackage, members: Iterable[BunPackage] = ()) -> None:
        self.root = root
        self.members = {one.name: one for one in members}
        self._versions: dict[str, dict[int, BunPackage]] = {}

    def add(self, package: BunPackage) -> None:
        """Have a version."""
        self._versions.setdefault(package.name, {})[package.bit] = package

    def get(self, name: str, bit: int) -> BunPackage | None:
        """Return a version; None where it was not chosen."""
        return self._versions.get(name, {}).get(bit)

    def versions(self, name: str) -> list[BunPackage]:
        """Return the versions of a package, newest first."""
        found = self._versions.get(name, {})
        return [found[bit] for bit in sorted(found, reverse=True)]

    def names(self) -> Iterable[str]:
        """Return the names of packages."""
        return self._versions

    def own(self) -> list[BunPackage]:
        """Return the project and the members of its workspace."""
        return [self.root, *self.members.values()]

    def every(self) -> Iterator[BunPackage]:
        """Yield the project, the members of its workspace, and all that was chosen."""
        yield from self.own()
        for found in self._versions.values():
            yield from found.values()

    def reached(self) -> dict[BunPackage, None]:
        """Return the project, and all that it needs."""
        found = {self.root: None}
        for package in _growing(found):
            found |= dict.fromkeys(target for target in package.targets if target is not None)
        return found


def _growing(found: dict[BunPackage, None]) -> Iterator[BunPackage]:
    """Yield the keys of a table to which more come while it is gone through."""
    seen = 0
    while seen < len(found):
        for package in list(found)[seen:]:
            seen += 1
            yield package
