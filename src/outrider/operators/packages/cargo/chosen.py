"""Versions of crates that were chosen, and for what."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

from outrider.operators.packages.cargo.client import download_url
from outrider.operators.packages.cargo.crates import Crate, Want
from outrider.operators.packages.cargo.places import parts_of
from outrider.operators.packages.resolving.outcomes import ResolvedPackage

# The name of a crate, and the number of the bit of a version.
Version = tuple[str, int]


class Pick(NamedTuple):
    """What was chosen for one wish.

    Attributes:
        by: Whose it is; None where it was asked for.
        want: The wish.
        version: What was chosen.
    """

    by: Version | None
    want: Want
    version: Version


class Chosen(NamedTuple):
    """An answer.

    Attributes:
        features: Of each version that was chosen, those that are on.
        picks: What was chosen for what.
    """

    features: Mapping[Version, frozenset[str]]
    picks: Sequence[Pick]

    def version_for(self, name: str, requirement: str) -> Version | None:
        """Return what was chosen for a wish; None where nobody had it in the end."""
        found = (one.version for one in self.picks if (one.want.name, one.want.range) == (name, requirement))
        return next(found, None)


def packages_of(
    chosen: Chosen, crates: Mapping[str, Crate], templates: Mapping[str, str], local: Collection[str]
) -> list[ResolvedPackage]:
    """Return the packages of an answer.

    Args:
        chosen: The answer.
        crates: By name.
        templates: By place, where files are.
        local: Names of what lies here, which asks for all else where there is any.
    """
    counts = Counter(name for name, _ in chosen.features)
    # A name alone where there is one version of it, as Cargo.lock has it.
    shown = {
        (name, bit): name if counts[name] == 1 else f"{name} {crates[name].table.versions[bit]}"
        for name, bit in chosen.features
    }
    needed_by: dict[Version, set[str]] = {}
    direct: set[Version] = set()
    for by, _, version in chosen.picks:
        if by is not None:
            needed_by.setdefault(version, set()).add(shown[by])
        if version[0] not in local and (by is None or by[0] in local):
            direct.add(version)
    packages = [
        _package(crates[name], bit, templates, chosen.features[name, bit]) for name, bit in sorted(chosen.features)
    ]
    for one, key in zip(packages, sorted(chosen.features), strict=True):
        one.needed_by = sorted(needed_by.get(key, ()))
        one.direct = key in direct
    return packages


def _package(crate: Crate, bit: int, templates: Mapping[str, str], on: frozenset[str]) -> ResolvedPackage:
    version, checksum = crate.table.versions[bit], crate.release(bit).checksum
    package = ResolvedPackage(name=crate.name, version=version, extras=[*_extras(crate, bit, on)], registry=crate.place)
    if checksum:
        name = parts_of(crate.name)[0]
        package.file, package.hashes = f"{name}-{version}.crate", {"sha256": checksum}
        package.url = download_url(templates[crate.place], name, version, checksum)
    return package


def _extras(crate: Crate, bit: int, on: frozenset[str]) -> Iterator[str]:
    """Yield features; what is usual is asked for of all, and not all have it."""
    for feature in sorted(on):
        if feature != "default" or feature in crate.release(bit).features:
            yield feature
