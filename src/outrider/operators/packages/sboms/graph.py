"""Which packages of locks need which, and how much of that the locks say."""

from typing import Literal

from outrider.operators.packages.locks.lock import Lock, LockedPackage

# In the words of CycloneDX.
Aggregate = Literal["complete", "incomplete", "unknown"]
Key = tuple[str, str, str, str]


def key_of(one: LockedPackage) -> Key:
    """Return what tells a package from others: its ecosystem, name and version, and where it comes from where that tells."""
    return one.ecosystem, one.name, one.version, one.address


class Graph:
    """What locks say, taken together.

    Attributes:
        needs: By package, what it needs.
        top: What the project asks for itself; of a lock that does not say so, what nothing else in it needs.
        is_whole: Whether the locks say so, and all of what they are about could be read.
    """

    def __init__(self) -> None:
        self.needs: dict[Key, set[Key]] = {}
        self.top: set[Key] = set()
        self.is_whole = True
        self._unclear: set[Key] = set()

    def aggregate(self, key: Key) -> Aggregate:
        """Return how much is known of what a package needs."""
        if key not in self.needs:
            return "unknown"
        return "incomplete" if key in self._unclear else "complete"

    def take(self, lock: Lock) -> None:
        """Take what a lock says: a need is of a package of the same lock."""
        known: dict[tuple[str, str], list[Key]] = {}
        for one in lock.packages:
            known.setdefault((one.ecosystem, one.name), []).append(key_of(one))
        needed: set[Key] = set()
        for one in lock.packages:
            # Of what a distribution has packed, nothing says here what it needs.
            if lock.tells_needs and one.packed is None:
                needed |= self._take(one, known)
        direct = {key_of(one) for one in lock.packages if one.direct}
        self.is_whole &= (bool(direct) or not lock.packages) and not lock.warnings
        self.top |= direct or {key for one in lock.packages if (key := key_of(one)) not in needed}

    def _take(self, one: LockedPackage, known: dict[tuple[str, str], list[Key]]) -> set[Key]:
        key = key_of(one)
        found = self.needs.setdefault(key, set())
        for name in one.needs:
            # What a lock leaves out, such as a peer that is not there, is no part.
            there = known.get((one.ecosystem, name), [])
            said = one.needed_versions.get(name)
            meant = [each for each in there if said is None or each[2] in said]
            if len(meant) > len(said or ("any",)):
                self._unclear.add(key)
            else:
                found.update(each for each in meant if each != key)
        return found
