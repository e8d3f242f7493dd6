"""Which version pnpm takes: `pickPackageFromMeta.js` of pnpm 10.34, where what is locked and what policy refuses count too."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from outrider.operators.packages.npm.packages import NpmPackage
from outrider.operators.packages.npm.pnpm.ranges import met
from outrider.operators.packages.npm.pnpm.specs import Kind, Selector

# Of what the project itself asks for, and has.
DIRECT_WEIGHT = 1000


class Preference(NamedTuple):
    """That some versions are preferred.

    Attributes:
        kind: What names them.
        weight: Versions with more of it come first.
    """

    kind: Kind
    weight: int


# By what names versions of one package.
Preferences = Mapping[str, Preference]


def picked(package: NpmPackage, wanted: Selector, preferences: Preferences, locked: str = "") -> int | None:
    """Return the number of a version; None where there is none.

    Args:
        package: Of it.
        wanted: What is asked for.
        preferences: Which versions are preferred.
        locked: The version that stood there so far; it stays if it may.
    """
    if wanted.kind == "tag":
        known = package.table.versions.index(locked) if locked in package.table.versions else None
        stays = known is not None and package.preferred & package.admitted & 1 << known
        return known if stays else package.tagged(wanted.text)
    if wanted.kind == "version":
        return _admitted(package, wanted.text)
    return _of_range(package, wanted.text, preferences, locked)


def _admitted(package: NpmPackage, version: str) -> int | None:
    if version not in package.table.versions:
        return None
    bit = package.table.versions.index(version)
    return bit if package.admitted >> bit & 1 else None


def _of_range(package: NpmPackage, text: str, preferences: Preferences, locked: str) -> int | None:
    mask = package.table.mask(text) & package.admitted
    if tried := mask & package.preferred:
        stays = _admitted(package, locked)
        return stays if stays is not None and tried >> stays & 1 else tried.bit_length() - 1
    latest, normal = package.tagged("latest"), met((text,))
    for group in _groups(package, normal, preferences):
        if latest is not None and group & mask & 1 << latest:
            return latest
        if group & mask:
            return (group & mask).bit_length() - 1
    if latest is not None and (normal == "*" or mask >> latest & 1):
        return latest
    # Where the newest one should not be used, one that may be used is taken, even if it is much older.
    if mask and package.deprecated >> (mask.bit_length() - 1) & 1:
        mask = mask & ~package.deprecated or mask
    return mask.bit_length() - 1 if mask else None


def _groups(package: NpmPackage, normal: str | None, preferences: Preferences) -> Iterator[int]:
    """Yield the masks of the versions that are equally preferred, the most so first; what is asked for itself prefers none."""
    parts = {0: package.table.everything}
    for named, (kind, weight) in preferences.items():
        chosen = 0 if named == normal else _named(package, named, kind)
        split: dict[int, int] = {}
        for has, mask in parts.items():
            for key, part in ((has + weight, mask & chosen), (has, mask & ~chosen)):
                split[key] = split.get(key, 0) | part
        parts = split
    return (parts[weight] for weight in sorted(parts, reverse=True) if weight)


def _named(package: NpmPackage, named: str, kind: Kind) -> int:
    if kind == "range":
        return package.table.mask(named)
    bit = package.tagged(named) if kind == "tag" else _admitted(package, named)
    return 0 if bit is None else 1 << bit
