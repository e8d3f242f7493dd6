"""Packages of Composer as a universe for the solver.

A package is a name with its versions; an alias is the version that it is an alias of. Where several packages would do for a requirement,
because they provide or replace what it names, that is a choice: a package whose versions are these packages. Versions that do not go
together forbid each other: one needs the other package in another version, or not at all.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from outrider.operators.packages.composer.candidates import Candidate, Link
from outrider.operators.packages.composer.constraints import Constraint, Spans
from outrider.operators.packages.composer.platforms import ComposerPlatform
from outrider.operators.packages.composer.pool import Pool, Wish
from outrider.operators.packages.composer.preferences import Preferences
from outrider.operators.packages.composer.rules import RuleMaker
from outrider.operators.packages.resolving.naming import counted, described
from outrider.operators.packages.resolving.searching import bits
from outrider.operators.packages.resolving.universe import Needs


class Package(NamedTuple):
    """A package of the solver.

    Attributes:
        name: Of the package; what a choice is for.
        spans: What of that; None where it is no choice.
    """

    name: str
    spans: Spans | None = None


class ComposerUniverse:
    """The candidates that an answer may have.

    Args:
        pool: All candidates.
        maker: What it has reached.
        platform: What there is here.
        preferences: Which of several is better.
    """

    def __init__(self, pool: Pool, maker: RuleMaker, platform: ComposerPlatform, preferences: Preferences) -> None:
        self._pool, self._platform = pool, platform
        self._numbers: dict[Package, int] = {}
        self._packages: list[Package] = []
        self._texts: dict[int, str] = {}
        self._providers: dict[Package, dict[str, int]] = {}
        self._wished: dict[int, list[str]] = {}
        self._called: dict[Candidate, list[Candidate]] = {}
        for one in maker.reached:
            self._called.setdefault(one.base, []).append(one)
        self._versions: dict[str, list[Candidate]] = {}
        for base in self._called:
            self._versions.setdefault(base.name, []).append(base)
        for versions in self._versions.values():
            versions.sort(key=lambda one: preferences.rank(self._called[one]))
        self._bits = {one: bit for versions in self._versions.values() for bit, one in enumerate(versions)}
        self._broken: dict[str, int] = {}
        # By package, and by what is here, the versions that do not go together with that, which cannot be left away.
        self._misfits: dict[str, dict[str, int]] = {}
        # By candidate, the masks of versions of other packages that do not go together with it.
        self._excluded: dict[Candidate, dict[str, int]] = {}
        self._exclude(maker)

    def _exclude(self, maker: RuleMaker) -> None:
        fixed = set(self._platform.candidates)
        for one, other in maker.conflicts():
            if one.base is other.base:
                # An alias that does not go together with what it is an alias of.
                self._break(one)
            elif other in fixed:
                self._misfit(one, other)
            elif other.base in self._bits:
                self._forbid(one.base, other.name, 1 << self._bits[other.base])
        for found in maker.namesakes():
            masks: dict[str, int] = {}
            for one in found:
                masks[one.name] = masks.get(one.name, 0) | 1 << self._bits[one]
            for one in found if len(masks) > 1 else ():
                for other in fixed.intersection(found) - {one}:
                    self._misfit(one, other)
                for name, mask in masks.items():
                    self._forbid(one, name, mask)

    def _break(self, one: Candidate) -> None:
        self._broken[one.name] = self._broken.get(one.name, 0) | 1 << self._bits[one.base]

    def _misfit(self, one: Candidate, other: Candidate) -> None:
        if one in self._platform.project or one not in self._platform.candidates:
            self._break(one)
            found = self._misfits.setdefault(one.name, {})
            here = f"{other.name} {other.version}"
            found[here] = found.get(here, 0) | 1 << self._bits[one.base]

    def misfits(self, name: str) -> list[str]:
        """Return sentences about the versions of a package that do not go together with what is here."""
        found = self._misfits.get(name, {})
        counts = {here: mask.bit_count() for here, mask in sorted(found.items())}
        return [f"{name}: {counted(count, f'do not go together with {here}')}" for here, count in counts.items()]

    def _forbid(self, one: Candidate, name: str, mask: int) -> None:
        if name != one.name:
            forbidden = self._excluded.setdefault(one, {})
            forbidden[name] = forbidden.get(name, 0) | mask

    def number(self, package: Package) -> int:
        """Return the number of a package."""
        if package not in self._numbers:
            self._numbers[package] = len(self._packages)
            self._packages.append(package)
        return self._numbers[package]

    def roots(self, wishes: Sequence[Wish]) -> list[tuple[int, int]]:
        """Return what is asked for as the solver takes it."""
        found = [
            (self.number(Package(one.name)), 1 << self._bits[one])
            for one in self._platform.project
            if one in self._bits
        ]
        for wish in wishes:
            if not self._platform.is_open(wish.name):
                package, mask = self._asked(wish.name, wish.constraint)
                self._wished.setdefault(package, []).append(str(wish))
                found.append((package, mask))
        return found

    def involved(self, packages: set[int]) -> set[str]:
        """Return the names of packages."""
        return {self._packages[package].name for package in packages}

    def chosen(self, chosen: Mapping[int, int]) -> list[Candidate]:
        """Return the candidates of a solution, with all that they are called."""
        named = [(self._packages[package], bit) for package, bit in chosen.items()]
        bases = [self._versions[package.name][bit] for package, bit in named if package.spans is None]
        return [one for base in bases for one in self._called[base]]

    def _asked(self, name: str, constraint: Constraint, without: str = "") -> tuple[int, int]:
        """Return a requirement as the solver takes it.

        Args:
            name: Of what is required.
            constraint: Which versions of that.
            without: The package that requires it: another version of that cannot be chosen with it.
        """
        choice = Package(name, constraint.spans)
        providers = masks = self._masks(choice, constraint)
        if without in providers:
            masks = {other: mask for other, mask in providers.items() if other != without}
        if len(masks) > 1:
            package = self.number(choice)
            self._texts.setdefault(package, f"{name}:{constraint.text}")
            return package, (1 << len(providers)) - 1
        if not masks:
            return self.number(Package(name)), 0
        ((only, mask),) = masks.items()
        return self.number(Package(only)), mask

    def _masks(self, choice: Package, constraint: Constraint) -> dict[str, int]:
        """Return what would do for a requirement, by package; that which is named itself comes last, as the best."""
        found = self._providers.get(choice)
        if found is None:
            masks: dict[str, int] = {}
            for one in self._pool.answers(choice.name, constraint).candidates:
                if one.base in self._bits:
                    masks[one.name] = masks.get(one.name, 0) | 1 << self._bits[one.base]
            found = dict(sorted(masks.items(), key=lambda one: (one[0] == choice.name, one[0])))
            self._providers[choice] = found
        return found

    def _options(self, package: Package) -> list[tuple[str, int]]:
        return list(self._providers[package].items())

    def versions(self, package: int) -> tuple[int, int]:
        one = self._packages[package]
        count = len(self._versions.get(one.name, ()) if one.spans is None else self._options(one))
        broken = self._broken.get(one.name, 0) if one.spans is None else 0
        return count, (1 << count) - 1 & ~broken

    def needs(self, package: int) -> Sequence[Needs]:
        one = self._packages[package]
        count = self.versions(package)[0]
        masks: dict[int, dict[int, int]] = {}
        for bit in range(count):
            for other, needed in self._of_version(one, bit).items():
                groups = masks.setdefault(other, {})
                groups[needed] = groups.get(needed, 0) | 1 << bit
        return [
            (other, sum(groups.values()), tuple(value for pair in groups.items() for value in pair))
            for other, groups in masks.items()
        ]

    def _of_version(self, package: Package, bit: int) -> dict[int, int]:
        if package.spans is not None:
            name, mask = self._options(package)[bit]
            return {self.number(Package(name)): mask}
        found: dict[int, int] = {}
        base = self._versions[package.name][bit]
        for link in self._links(base):
            other, mask = self._asked(link.target, link.constraint, package.name)
            found[other] = found.get(other, mask) & mask
        for name, forbidden in self._excluded.get(base, {}).items():
            other = self.number(Package(name))
            # With the bit above all versions: that there is none is as good.
            left = (2 << len(self._versions[name])) - 1 & ~forbidden
            found[other] = found.get(other, left) & left
        return found

    def _links(self, base: Candidate) -> Iterator[Link]:
        """Yield what a version requires, by all that it is called, and does not meet itself."""
        links = dict.fromkeys(link for one in self._called[base] for link in one.links.requires)
        for link in links:
            if self._platform.is_open(link.target):
                continue
            answers = self._pool.answers(link.target, link.constraint).candidates if link.target in base.names else ()
            if not any(one.base is base for one in answers):
                yield link

    def full(self, package: int) -> int:
        count, allowed = self.versions(package)
        return allowed | 1 << count

    def name(self, package: int) -> str:
        return self._texts.get(package) or self._packages[package].name

    def described(self, package: int, mask: int) -> str:
        one = self._packages[package]
        if one.spans is not None:
            options = self._options(one)
            names = " or ".join(options[bit][0] for bit in bits(mask) if bit < len(options))
            return f"{self._texts[package]} of {names or 'nobody'}"
        versions = [candidate.version for candidate in self._versions.get(one.name, ())]
        return described(one.name, versions, self.versions(package)[1], mask)

    def wished(self, package: int) -> str:
        return " and ".join(dict.fromkeys(self._wished.get(package, ())))

    def demanded(self, package: int, versions: int, other: int) -> str:
        one = self._packages[package]
        if one.spans is not None:
            return ""
        said = {
            str(link)
            for bit in bits(versions & self.versions(package)[1])
            for link in self._links(self._versions[one.name][bit])
            if self._asked(link.target, link.constraint, one.name)[0] == other
        }
        return said.pop() if len(said) == 1 else ""
