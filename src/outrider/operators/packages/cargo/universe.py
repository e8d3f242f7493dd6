"""Crates as a universe for the solver.

Versions of a crate that are compatible with one another exclude each other, and others do not: so each such bucket of versions is a
package. With a feature it is a package of its own, which needs that without in the same version. What allows versions of several buckets
is a choice: a package whose versions are the buckets. A native library is a package whose versions are the crates that link it.

https://doc.rust-lang.org/cargo/reference/resolver.html.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from enum import Enum
from typing import NamedTuple

from outrider.operators.packages.cargo.chosen import Chosen, Pick, Version
from outrider.operators.packages.cargo.crates import Crate, Want
from outrider.operators.packages.resolving.naming import described
from outrider.operators.packages.resolving.searching import bits
from outrider.operators.packages.resolving.universe import Needs


class Kind(Enum):
    """What a package stands for."""

    CRATE = "crate"
    CHOICE = "choice"
    LINKS = "links"


class Key(NamedTuple):
    """A package.

    Attributes:
        kind: What it stands for.
        name: Of the crate; of the library.
        part: The bucket of a crate; the requirement of a choice.
        feature: Empty for what is needed anyway.
    """

    kind: Kind
    name: str
    part: str = ""
    feature: str = ""


class CargoUniverse:
    """The explored versions of crates.

    Args:
        crates: By name; whatever an explored version needs is among them.
        features: Those of each crate's buckets whose needs are among the crates too.
    """

    def __init__(
        self,
        crates: Mapping[str, Crate],
        features: Mapping[tuple[str, str], Collection[str]],
    ) -> None:
        self._crates, self._features = crates, features
        self._explored = {name: crate.explored for name, crate in crates.items()}
        self._numbers: dict[Key, int] = {}
        self._keys: list[Key] = []
        self._wished: dict[int, list[str]] = {}
        self._links: dict[str, list[tuple[str, int]]] = {}
        for name in sorted(self._explored):
            for bit in bits(self._explored[name]):
                if library := crates[name].release(bit).links:
                    self._links.setdefault(library, []).append((name, bit))

    def number(self, key: Key) -> int:
        """Return the number of a package."""
        if key not in self._numbers:
            self._numbers[key] = len(self._keys)
            self._keys.append(key)
        return self._numbers[key]

    def key(self, package: int) -> Key:
        """Return what a package stands for."""
        return self._keys[package]

    def roots(self, asked: Sequence[Want]) -> list[tuple[int, int]]:
        """Return what is asked for as the solver takes it."""
        for want in asked:
            for package, _ in self._asked(want):
                self._wished.setdefault(package, []).append(self._text(want))
        return [one for want in asked for one in self._asked(want)]

    def _asked(self, want: Want) -> Iterator[tuple[int, int]]:
        """Yield a wish as the solver takes it."""
        crate = self._crates[want.name]
        mask = crate.mask(want.range)
        buckets = crate.buckets(mask)
        if len(buckets) != 1:
            for feature in ("", *want.features):
                yield self.number(Key(Kind.CHOICE, want.name, want.range, feature)), (1 << len(buckets)) - 1
            return
        for feature in ("", *want.features):
            yield self.number(Key(Kind.CRATE, want.name, buckets[0], feature)), mask

    def versions(self, package: int) -> tuple[int, int]:
        key = self._keys[package]
        if key.kind is Kind.LINKS:
            count = len(self._links[key.name])
            return count, (1 << count) - 1
        crate = self._crates[key.name]
        if key.kind is Kind.CHOICE:
            mask = crate.mask(key.part)
            buckets = crate.buckets(mask)
            explored = [bool(crate.bucket(one) & mask & self._explored.get(key.name, 0)) for one in buckets]
            return len(buckets), sum(1 << position for position, there in enumerate(explored) if there)
        return len(crate.table.versions), self._allowed(key)

    def _allowed(self, key: Key) -> int:
        crate = self._crates[key.name]
        mask = crate.bucket(key.part) & self._explored.get(key.name, 0)
        if not key.feature:
            return mask
        if key.feature not in self._features.get((key.name, key.part), ()):
            return 0
        return sum(1 << bit for bit in bits(mask) if crate.needed(bit, key.feature) is not None)

    def needs(self, package: int) -> Sequence[Needs]:
        key = self._keys[package]
        masks: dict[int, dict[int, int]] = {}
        for bit in bits(self.versions(package)[1]):
            for other, needed in self._of_version(key, bit).items():
                groups = masks.setdefault(other, {})
                groups[needed] = groups.get(needed, 0) | 1 << bit
        return [
            (other, sum(groups.values()), tuple(value for pair in groups.items() for value in pair))
            for other, groups in masks.items()
        ]

    def _of_version(self, key: Key, bit: int) -> dict[int, int]:
        found: dict[int, int] = {}
        own = self._numbers[key]
        for number, mask in self._pairs(key, bit):
            if number != own:
                found[number] = found.get(number, mask) & mask
        return found

    def _pairs(self, key: Key, bit: int) -> Iterator[tuple[int, int]]:
        """Yield what a version needs of other packages, one perhaps more than once."""
        if key.kind is Kind.LINKS:
            return
        if key.feature:
            yield self.number(key._replace(feature="")), 1 << bit
        crate = self._crates[key.name]
        if key.kind is Kind.CHOICE:
            mask = crate.mask(key.part)
            bucket = crate.buckets(mask)[bit]
            yield self.number(Key(Kind.CRATE, key.name, bucket, key.feature)), mask & crate.bucket(bucket)
            return
        needed = crate.needed(bit, key.feature)
        assert needed is not None
        for feature in needed.features:
            yield self.number(key._replace(feature=feature)), 1 << bit
        for want in needed.wants:
            yield from self._asked(want)
        library = "" if key.feature else crate.release(bit).links
        if library:
            yield self.number(Key(Kind.LINKS, library)), 1 << self._links[library].index((key.name, bit))

    def full(self, package: int) -> int:
        count, allowed = self.versions(package)
        return allowed | 1 << count

    def name(self, package: int) -> str:
        key = self._keys[package]
        if key.kind is Kind.LINKS:
            return f"the native library {key.name}"
        name = self._called(key)
        return f"{name} {key.part}" if key.part else name

    def described(self, package: int, mask: int) -> str:
        key = self._keys[package]
        allowed = self.versions(package)[1]
        if key.kind is Kind.LINKS:
            return f"the native library {key.name} of {self._claimants(key.name, mask)}"
        crate = self._crates[key.name]
        name = self._called(key)
        if key.kind is Kind.CHOICE:
            return described(name, crate.buckets(crate.mask(key.part)), allowed, mask)
        text = described(name, crate.table.versions, allowed, mask)
        return f"{text} {key.part}" if text.startswith(("every version of ", "no version of ")) else text

    def _text(self, want: Want) -> str:
        return str(want).replace(want.name, self._crates[want.name].called)

    def _called(self, key: Key) -> str:
        called = self._crates[key.name].called
        return f"{called}[{key.feature}]" if key.feature else called

    def _claimants(self, library: str, mask: int) -> str:
        claims = self._links[library]
        masks = {name: [0, 0] for name, _ in claims}
        for position, (name, bit) in enumerate(claims):
            masks[name][0] |= 1 << bit
            masks[name][1] |= (mask >> position & 1) << bit
        said = [described(name, self._crates[name].table.versions, *both) for name, both in masks.items() if both[1]]
        return " or ".join(said) or "nobody"

    def wished(self, package: int) -> str:
        return " and ".join(dict.fromkeys(self._wished.get(package, ())))

    def demanded(self, package: int, versions: int, other: int) -> str:
        key, wanted = self._keys[package], self._keys[other]
        if key.kind is not Kind.CRATE or wanted.kind is Kind.LINKS:
            return ""
        crate = self._crates[key.name]
        said = set()
        for bit in bits(versions & self.versions(package)[1]):
            needed = crate.needed(bit, key.feature)
            wants = needed.wants if needed is not None else ()
            said |= {self._text(want) for want in wants if any(number == other for number, _ in self._asked(want))}
        return said.pop() if len(said) == 1 else ""

    def chosen(self, asked: Sequence[Want], chosen: Mapping[int, int]) -> Chosen:
        """Return what a solution comes to.

        Args:
            asked: What was asked for.
            chosen: The version of each package that is needed.
        """
        features: dict[Version, set[str]] = {}
        picks = [Pick(None, want, self._version_for(want, chosen)) for want in asked]
        for package, bit in chosen.items():
            key = self._keys[package]
            if key.kind is Kind.CRATE and bit not in self._crates[key.name].stand_ins:
                features.setdefault((key.name, bit), set()).update([key.feature] if key.feature else [])
                needed = self._crates[key.name].needed(bit, key.feature)
                assert needed is not None
                picks += [Pick((key.name, bit), want, self._version_for(want, chosen)) for want in needed.wants]
        return Chosen({version: frozenset(on) for version, on in features.items()}, picks)

    def _version_for(self, want: Want, chosen: Mapping[int, int]) -> Version:
        """Return the version of a crate that was chosen for a wish."""
        package, _ = next(self._asked(want))
        key = self._keys[package]
        if key.kind is Kind.CHOICE:
            crate = self._crates[key.name]
            bucket = crate.buckets(crate.mask(key.part))[chosen[package]]
            package = self._numbers[Key(Kind.CRATE, key.name, bucket, key.feature)]
        return self._crates[key.name].meant(chosen[package])
