"""Gems as they can be chosen for a target, as Bundler 2.4 and newer see them.

Of a version there are up to two candidates: with its variant for any platform, and with those for the platforms that are wanted, which
comes first. They may need other gems, and so each counts for itself:
https://github.com/rubygems/rubygems/blob/master/bundler/lib/bundler/resolver/candidate.rb.
"""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from outrider.core.errors import InvalidConfigError
from outrider.operators.packages.gem.lines import ANY, GemNeed, Variant
from outrider.operators.packages.gem.platforms import RUBY
from outrider.operators.packages.gem.records import GemRecord
from outrider.operators.packages.gem.targets import BUNDLER, RUBY_ITSELF, RUBYGEMS, GemTarget, called
from outrider.operators.packages.gem.terms import ANYWHERE, OF_PLATFORM, Candidates
from outrider.operators.packages.gem.variants import best_variants, needs_same
from outrider.operators.packages.resolving.naming import described
from outrider.operators.packages.resolving.policies import Refusal, refused
from outrider.operators.packages.resolving.searching import bits
from outrider.operators.packages.versions.ecosystems import scheme_of
from outrider.operators.packages.versions.ranges import Key
from outrider.operators.packages.versions.tables import VersionTable

_DECODER = msgspec.msgpack.Decoder(list[Variant])


class _Candidate(NamedTuple):
    """What can be chosen.

    Attributes:
        version: Its number in the record.
        platforms: Of its variants.
        place: Of two of a version, which comes first.
        alike: Platforms of variants that need the same, and are locked together with it.
    """

    version: int
    platforms: tuple[str, ...]
    place: int
    alike: tuple[str, ...] = ()


class Gem:
    """A gem for a target. Bits of masks stand for candidates, oldest first.

    Args:
        name: Of the gem.
        record: What is known of it.
        target: For what.
        platforms: For which platforms it is wanted; none for that of the target.
        everywhere: Whether there has to be a variant for each of these, as for what is asked for; else for one of them.

    Attributes:
        table: The versions of its candidates, sorted; one that has two candidates is there twice.
        usable: The mask of those that may be chosen at all.
        explored: The mask of those of which all gems that they need are known.
        variants: How many variants there are, for other platforms too.
        elsewhere: How many versions are for other platforms alone.
        refusals: What a policy says of it.
    """

    def __init__(
        self, name: str, record: GemRecord, target: GemTarget, platforms: Sequence[str] = (), *, everywhere: bool = False
    ) -> None:  # fmt: skip
        self.name, self.record = name, record
        self._platforms, self._fits = platforms or (target.platform,), all if everywhere else any
        self.explored = self.variants = self.elsewhere = 0
        self._candidates: list[_Candidate] = []
        self._decoded: dict[int, list[Variant]] = {}
        self._needs: dict[int, tuple[GemNeed, ...]] = {}
        for version in range(len(record.versions)):
            self._add(version)
        before = int.from_bytes(record.prereleases, "little")
        prereleases = sum(1 << bit for bit, one in enumerate(self._candidates) if before >> one.version & 1)
        versions = [record.versions[one.version] for one in self._candidates]
        self.table = VersionTable.of_sorted(scheme_of("gem"), versions, prereleases)
        self.usable = self.table.everything
        self.refusals: list[Refusal] = []

    def _add(self, version: int) -> None:
        """Have the candidates of a version."""
        sound = [one for one in self._variants_of(version) if self._is_sound(version, one)]
        self.variants += len(sound)
        fitting = [best_variants(sound, platform) for platform in self._platforms]
        if not self._fits(fitting):
            self.elsewhere += bool(sound)
            return
        anywhere = best_variants(sound, RUBY)
        of_platforms = _platforms([one for those in fitting for one in those])
        if anywhere:
            alike = [one for those in fitting for one in those if needs_same(those[0], anywhere[0])]
            together = _platforms([*anywhere, *alike])
            if {*together} == {*of_platforms}:
                self._candidates.append(_Candidate(version, together, ANYWHERE))
                return
            self._candidates.append(_Candidate(version, _platforms(anywhere), ANYWHERE, together))
        self._candidates.append(_Candidate(version, of_platforms, OF_PLATFORM))

    def _variants_of(self, version: int) -> list[Variant]:
        found = self._decoded.get(version)
        if found is None:
            found = self._decoded[version] = _DECODER.decode(self.record.variants[version])
        return found

    def _is_sound(self, version: int, variant: Variant) -> bool:
        """Return whether a variant does not need another version of itself."""
        own = [need.range for need in variant.needs if need.name == self.name]
        return not own or all(
            VersionTable(scheme_of("gem"), [self.record.versions[version]]).mask(text) for text in own
        )

    def refuse(self, refusals: Sequence[Refusal]) -> None:
        """Have candidates not be chosen."""
        self.refusals = [one for one in refusals if one.versions & self.table.everything]
        self.usable &= ~refused(refusals)

    def mask(self, text: str) -> int:
        """Return the candidates that a requirement allows, those too that may not be chosen; what cannot be read allows nothing."""
        try:
            return self.table.mask(text)
        except InvalidConfigError:
            return 0

    @property
    def prereleases(self) -> int:
        """The mask of candidates that are prereleases."""
        return self.table.everything & ~self.table.releases

    def needs(self, bit: int) -> tuple[GemNeed, ...]:
        """Return what a candidate needs, each name once, in the order of Bundler; what it needs of this machine too."""
        found = self._needs.get(bit)
        if found is None:
            found = self._needs[bit] = self._needed(bit)
        return found

    def _needed(self, bit: int) -> tuple[GemNeed, ...]:
        texts: dict[str, set[str]] = {}
        for variant in self.variants_of(bit):
            here = (GemNeed(RUBY_ITSELF, variant.ruby), GemNeed(RUBYGEMS, variant.rubygems))
            for need in (*variant.needs, *(one for one in here if one.range != ANY)):
                name = BUNDLER if need.name == "bundler" else need.name
                if name != self.name:
                    texts.setdefault(name, set()).update(need.range.split(", "))
        return tuple(GemNeed(name, ", ".join(sorted(texts[name] - {ANY})) or ANY) for name in sorted(texts, key=called))

    def variants_of(self, bit: int) -> list[Variant]:
        """Return the variants of a candidate."""
        candidate = self._candidates[bit]
        return [one for one in self.all_variants_of(bit) if one.platform in candidate.platforms]

    def locked_variants_of(self, bit: int) -> list[Variant]:
        """Return the variants that are locked where a candidate is: also those that need the same, unless they may not be chosen."""
        candidate = self._candidates[bit]
        platforms = candidate.alike if candidate.alike and self.usable >> bit + 1 & 1 else candidate.platforms
        return [one for one in self.all_variants_of(bit) if one.platform in platforms]

    def all_variants_of(self, bit: int) -> list[Variant]:
        """Return the variants of the version of a candidate, for other platforms too."""
        return self._variants_of(self._candidates[bit].version)

    def candidates(self, usable: int) -> Candidates:
        """Return those of some candidates, with what they are sorted by."""
        scheme = scheme_of("gem")
        found: list[Key] = []
        for bit in bits(usable):
            candidate = self._candidates[bit]
            found.append((scheme.parse(self.record.versions[candidate.version]).key, candidate.place))
        return Candidates(found, [*bits(usable)])

    def published(self, *, whole: bool = False) -> list[float]:
        """Return when each candidate was published, in seconds since the epoch, 0 where the index does not say it.

        Args:
            whole: Whether all variants of its version count, as where those for other platforms are locked too.
        """
        variants_of = self.all_variants_of if whole else self.variants_of
        return [max(one.created for one in variants_of(bit)) for bit in range(len(self._candidates))]

    def described(self, mask: int, allowed: int) -> str:
        """Return how people call some candidates.

        Args:
            mask: Which.
            allowed: Those that may be chosen; others are passed over.
        """
        texts: list[str] = []
        of_texts = there = 0
        for those in self._of_versions():
            together = mask & those & allowed
            whole = not together or together == those & allowed
            for part in [those] if whole else [1 << bit for bit in bits(those)]:
                of_texts |= bool(part & allowed) << len(texts)
                there |= bool(part & allowed & mask) << len(texts)
                texts.append(self.shown(part.bit_length() - 1, with_platform=not whole))
        return described(self.name, texts, of_texts, there)

    def _of_versions(self) -> list[int]:
        """Return for each version the mask of its candidates."""
        found: dict[int, int] = {}
        for bit, one in enumerate(self._candidates):
            found[one.version] = found.get(one.version, 0) | 1 << bit
        return list(found.values())

    def shown(self, bit: int, *, with_platform: bool) -> str:
        """Return a candidate as people write it."""
        candidate = self._candidates[bit]
        platform = f"-{candidate.platforms[0]}" if with_platform and candidate.platforms[0] != RUBY else ""
        return f"{self.record.versions[candidate.version]}{platform}"

    def file(self, bit: int, platform: str) -> str:
        """Return the name of the file of a variant of a candidate."""
        version = self.record.versions[self._candidates[bit].version]
        return f"{self.name}-{version}{'' if platform == RUBY else f'-{platform}'}.gem"

    def count(self, mask: int) -> int:
        """Return of how many versions candidates are in a mask."""
        return len({self._candidates[bit].version for bit in bits(mask)})


def _platforms(variants: Sequence[Variant]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(one.platform for one in variants))
