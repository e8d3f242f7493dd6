"""Packages while a solution is searched for: what is still possible of each, and how it came to that."""

from collections.abc import Sequence

from outrider.operators.packages.resolving.universe import Needs

# Not all of these packages may be within these masks at once: `(package, mask, package, mask, ...)`, packages by number.
Incompatibility = tuple[int, ...]


class Package:
    """What is known of a package.

    Attributes:
        number: The universe knows it by this.
        depth: How far it is from what was asked for.
        full: The domain with which it begins.
        absent: The bit for "not there at all".
        domain: What is still possible.
        last: The position of the last change of its domain; -1 where it is still full.
        activity: In how many learned incompatibilities it is.
        needs: What its versions need; None until it is known to be there.
        needed_by: By what is needed of it, who needs that: packages and masks of their versions, in turn.
        learned: The learned incompatibilities that it is in.
        queued: Whether it waits for being looked at.
    """

    __slots__ = (
        "absent", "activity", "depth", "domain", "full", "last", "learned", "needed_by", "needs", "number", "queued",
    )  # fmt: skip

    def __init__(self, number: int, depth: int, versions: tuple[int, int]) -> None:
        count, allowed = versions
        self.number, self.depth = number, depth
        self.absent = 1 << count
        self.domain = self.full = allowed | self.absent
        self.last = -1
        self.activity = 0
        self.needs: Sequence[Needs] | None = None
        self.needed_by: dict[int, list[int]] = {}
        self.learned: list[Incompatibility] = []
        self.queued = False

    @property
    def open(self) -> bool:
        """Whether it is there, and in which version is not yet decided."""
        return not self.domain & self.absent and self.domain & self.domain - 1 != 0

    @property
    def priority(self) -> tuple[int, int, int]:
        """What is lowest is decided first."""
        return self.depth - self.activity, self.domain.bit_count(), self.number


# A change of a domain: whose, before, after, why (empty: it was decided), at which level, and where the change before it is.
# There are very many of them, and so they are plain tuples.
Change = tuple[Package, int, int, Incompatibility, int, int]


class Trail:
    """The changes of domains, oldest first."""

    def __init__(self) -> None:
        self.changes: list[Change] = []
        self.level = 0

    def write(self, package: Package, domain: int, reason: Incompatibility) -> None:
        """Change a domain."""
        self.changes.append((package, package.domain, domain, reason, self.level, package.last))
        package.last = len(self.changes) - 1
        package.domain = domain

    def level_of(self, position: int) -> int:
        """Return the level of a change."""
        return self.changes[position][4]

    def first_without(self, package: Package, states: int) -> int:
        """Return the position of the first change after which none of some states is possible any more."""
        position = package.last
        while True:
            _, before, _, _, _, previous = self.changes[position]
            if previous < 0 or before & states:
                return position
            position = previous

    def undo(self, level: int) -> list[Package]:
        """Undo the changes above a level, and return the packages that had them, without repetition."""
        changes = self.changes
        undone: dict[int, Package] = {}
        while changes and changes[-1][4] > level:
            package, before, _, _, _, previous = changes.pop()
            package.domain, package.last = before, previous
            undone[package.number] = package
        self.level = level
        return list(undone.values())
