"""Crates as the solver sees them: versions, which of them are compatible, and what each needs with which feature.

https://doc.rust-lang.org/cargo/reference/resolver.html and features.html.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from outrider.core.errors import InvalidConfigError
from outrider.operators.packages.cargo.lines import CargoNeed, CargoRelease
from outrider.operators.packages.cargo.places import USUAL, key_of, parts_of
from outrider.operators.packages.cargo.records import CargoRecord
from outrider.operators.packages.cargo.rust import RustVersion, fits
from outrider.operators.packages.resolving.policies import ADMIT_ALL, Policy, of_licences, refused
from outrider.operators.packages.resolving.searching import bits

_DECODER = msgspec.msgpack.Decoder(CargoRelease)


class Want(NamedTuple):
    """A wish for a crate.

    Attributes:
        name: Of the crate, with its place where that is not the usual one.
        range: The requirement; empty for any version, prereleases too.
        features: That are asked of it.
    """

    name: str
    range: str
    features: tuple[str, ...] = ()

    def __str__(self) -> str:
        if self.name.endswith(".toml"):
            # No crate, but a manifest that lies here, in the one version that there is.
            return self.name if self.range.startswith("=") else f"{self.name} {self.range}"
        name, place = parts_of(self.name)
        features = [one for one in self.features if one != "default"]
        called = f"{name}{'[' + ','.join(features) + ']' if features else ''}"
        return " ".join(filter(None, (called, self.range, f"of {place}" if place else "")))


class Needed(NamedTuple):
    """What a version needs with a feature.

    Attributes:
        wants: Of other crates.
        features: Of itself.
    """

    wants: tuple[Want, ...] = ()
    features: tuple[str, ...] = ()


class Together(NamedTuple):
    """What a version needs with several features.

    Attributes:
        wants: Of other crates, each dependency once, in the order of the index.
        features: Of itself, with those that others bring in.
    """

    wants: tuple[Want, ...]
    features: frozenset[str]


class _Brought(NamedTuple):
    """What a feature brings in.

    Attributes:
        dependencies: How they are called, each with a feature that is asked of it or none.
        features: Of the same version.
    """

    dependencies: list[tuple[str, str]]
    features: list[str]


class Crate:
    """A crate.

    Args:
        name: Of the crate, with its place where that is not the usual one.
        record: What is known of it.
        policy: What may be chosen.
        called: What people call it; empty for its name.
        homes: The places of what it needs, by the registry as the index has it; none where each need says its place itself.
        stand_ins: By the bits of versions that a patch has, what is meant by them: the name of a crate, and the bit of its version.

    Attributes:
        place: Where it comes from, as Cargo.lock writes it; empty for the usual place, and for what lies here.
        table: Its versions, sorted.
        usable: The mask of those that were not taken back and that policy admits.
        refused: What policy refuses of the others.
        patched: The mask of versions that are tried before others but those that are preferred: those of patches.
        explored: The mask of versions of which all crates that they need are known.
        preferred: The mask of those that are tried first.
        rust: The versions of Rust that what is chosen should go with.
    """

    def __init__(
        self,
        name: str,
        record: CargoRecord,
        policy: Policy = ADMIT_ALL,
        *,
        called: str = "",
        homes: Mapping[str, str] | None = None,
        stand_ins: Mapping[int, tuple[str, int]] | None = None,
    ) -> None:
        self.name, self.record, self.policy = name, record, policy
        self.called = called or name
        self.homes, self.stand_ins = homes or {}, stand_ins or {}
        self.place = USUAL
        self.table = record.table()
        self.patched = sum(1 << bit for bit in self.stand_ins)
        self.usable = self.table.everything & ~int.from_bytes(record.yanked, "little")
        # An index tells no licences.
        licences = of_licences(policy, name, self.table.versions, ())
        self.refused = [
            one._replace(versions=one.versions & self.usable & ~self.patched)
            for one in (*policy.refusals(name, self.table, record.published), *licences)
        ]
        self.usable &= ~refused(self.refused)
        self.explored = self.preferred = 0
        self.rust: Sequence[RustVersion] = ()
        self._releases: dict[int, CargoRelease] = {}
        self._needed: dict[tuple[int, str], Needed | None] = {}
        self._masks: dict[str, int] = {}
        self._fits: dict[int, int] = {}
        self._buckets: dict[str, int] = {}
        for bit, version in enumerate(self.table.versions):
            bucket = bucket_of(version)
            self._buckets[bucket] = self._buckets.get(bucket, 0) | 1 << bit

    def left_out(self) -> Iterable[tuple[str, int]]:
        """Yield why versions cannot be chosen, and how many these are."""
        if back := int.from_bytes(self.record.yanked, "little").bit_count():
            yield "have been taken back", back
        if self.record.left_out:
            yield "have a form that cannot be read", self.record.left_out
        yield from ((one.why, count) for one in self.refused if (count := one.versions.bit_count()))

    def mask(self, text: str) -> int:
        """Return the usable versions that a requirement allows; what cannot be read allows nothing."""
        found = self._masks.get(text)
        if found is None:
            try:
                found = (self.table.mask(text) if text else self.table.everything) & self.usable
            except InvalidConfigError:
                found = 0
            self._masks[text] = found
        return found

    def bucket(self, bucket: str) -> int:
        """Return the mask of the versions in a bucket."""
        return self._buckets.get(bucket, 0)

    def buckets(self, mask: int) -> list[str]:
        """Return the buckets that some versions are in, oldest first."""
        return [bucket for bucket, versions in self._buckets.items() if versions & mask]

    def tried_first(self, mask: int) -> int:
        """Return the number of the bit that is tried first: the lowest of those that are preferred, else the highest that goes with Rust.

        Where a lock has several versions that a wish allows, of several buckets, Cargo takes the first of them, and locks are sorted.

        Args:
            mask: Not empty.
        """
        if locked := mask & self.preferred:
            return (locked & -locked).bit_length() - 1
        mask = mask & self.patched or mask
        return max(bits(mask), key=lambda bit: (self._fit(bit), bit)) if self.rust else mask.bit_length() - 1

    def _fit(self, bit: int) -> int:
        """Return how many versions of Rust a version goes with."""
        if bit not in self._fits:
            self._fits[bit] = sum(fits(self.release(bit).rust, one) for one in self.rust)
        return self._fits[bit]

    def release(self, bit: int) -> CargoRelease:
        """Return what a version says of itself."""
        found = self._releases.get(bit)
        if found is None:
            found = self._releases[bit] = _DECODER.decode(self.record.releases[bit])
            if self.homes:
                found.needs = [_at_home(need, self.homes) for need in found.needs]
        return found

    def meant(self, bit: int) -> tuple[str, int]:
        """Return what is chosen with a version: the crate itself, or what a patch puts in its place."""
        return self.stand_ins.get(bit, (self.name, bit))

    def needed(self, bit: int, feature: str) -> Needed | None:
        """Return what a version needs with a feature on top of what it needs anyway, and the latter where that is empty.

        None where it has no such feature. That called `default` counts as there, and may be empty.
        """
        if bit in self.stand_ins:
            return Needed(
                (Want(self.stand_ins[bit][0], f"={self.table.versions[bit]}", (feature,) if feature else ()),)
            )
        key = (bit, feature)
        if key not in self._needed:
            self._needed[key] = _needed(self.release(bit), feature)
        return self._needed[key]

    def together(self, bit: int, features: Iterable[str]) -> Together | None:
        """Return what a version needs with some features, and with those that these bring in; None where it has not all of them."""
        release = self.release(bit)
        of_keys: dict[str, set[str]] = {}
        on: dict[str, None] = {}
        waiting = list(features)
        while waiting:
            feature = waiting.pop()
            if feature in on:
                continue
            on[feature] = None
            brought = _brought(release, feature)
            if brought is None:
                return None
            for key, of_key in brought.dependencies:
                of_keys.setdefault(key, set()).update([of_key] if of_key else [])
            waiting += brought.features
        wants = [
            Want(need.name, need.range, tuple(sorted({*need.features, *of_keys.get(need.key, ())})))
            for need in release.needs
            if not need.optional or need.key in of_keys
        ]
        return Together(tuple(wants), frozenset(on))


def bucket_of(version: str) -> str:
    """Return the numbers that versions share which are compatible: up to the first that is not zero."""
    major, minor, patch = version.partition("-")[0].partition("+")[0].split(".")
    return major if major != "0" else f"0.{minor}" if minor != "0" else f"0.0.{patch}"


def _at_home(need: CargoNeed, homes: Mapping[str, str]) -> CargoNeed:
    return msgspec.structs.replace(need, name=key_of(need.name, homes.get(need.registry, need.registry)))


def _needed(release: CargoRelease, feature: str) -> Needed | None:
    if not feature:
        return Needed(tuple(dict.fromkeys(_want(need) for need in release.needs if not need.optional)))
    brought = _brought(release, feature)
    if brought is None:
        return None
    wants = [_want(need, of) for key, of in brought.dependencies for need in release.needs if need.key == key]
    return Needed(tuple(dict.fromkeys(wants)), tuple(one for one in brought.features if one != feature))


def _want(need: CargoNeed, feature: str = "") -> Want:
    features = tuple(sorted({*need.features, feature})) if feature else need.features
    return Want(need.name, need.range, features)


def _brought(release: CargoRelease, feature: str) -> _Brought | None:
    """Return what a feature brings in, one step far; None where there is no such feature."""
    values = release.features.get(feature)
    if values is None:
        if is_implicit(release, feature):
            return _Brought([(feature, "")], [])
        return _Brought([], []) if feature == "default" else None
    found = _Brought([], [])
    for value in values:
        crate, slash, of_crate = value.partition("/")
        if not slash and not value.startswith("dep:"):
            found.features.append(value)
            continue
        key = crate.removeprefix("dep:").removesuffix("?")
        found.dependencies.append((key, of_crate))
        # `name?/feature` brings in no feature `name`; yet Cargo.lock has the crate: https://github.com/rust-lang/cargo/issues/10801.
        if slash and not crate.endswith("?") and _is_feature_of_optional(release, key):
            found.features.append(key)
    return found


def _is_feature_of_optional(release: CargoRelease, name: str) -> bool:
    if name in release.features:
        return any(need.key == name and need.optional for need in release.needs)
    return is_implicit(release, name)


def is_implicit(release: CargoRelease, name: str) -> bool:
    """Return whether an optional dependency is a feature of its own name: where no feature names it with `dep:`."""
    if not any(need.key == name and need.optional for need in release.needs):
        return False
    named = f"dep:{name}"
    return not any(named in values for values in release.features.values())
