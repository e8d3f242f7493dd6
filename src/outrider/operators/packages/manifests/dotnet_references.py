"""Packages that a project of .NET asks for, each with the range that counts and where that stands.

https://learn.microsoft.com/nuget/consume-packages/package-references-in-project-files and, where versions stand in one place,
https://learn.microsoft.com/nuget/consume-packages/central-package-management.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from outrider.core.errors import InvalidConfigError
from outrider.operators.packages.manifests.dotnet_implied import Implied
from outrider.operators.packages.manifests.msbuild.items import Item, Place
from outrider.operators.packages.nuget.packages import is_range

_ALL_ASSETS = frozenset(
    {"compile", "runtime", "contentfiles", "build", "buildmultitargeting", "buildtransitive", "native", "analyzers"}
)


class Reference(msgspec.Struct, frozen=True):
    """A package that a project needs.

    Attributes:
        name: As it is written.
        range: Likewise.
        place: Where the range stands.
        is_private: Whether whoever needs the project does not need it.
        field: The name of the attribute or element that says the range.
    """

    name: str
    range: str
    place: Place | None
    is_private: bool
    field: str = "Version"


def references_of(
    path: Path, items: Sequence[Item], by_sdk: Sequence[Implied], central: Mapping[str, Reference] | None
) -> tuple[dict[str, Reference], list[Implied]]:
    """Return packages by name in small letters, and those that the SDK adds to them; of several of one name the first counts (NU1504).

    Args:
        path: Of the project.
        items: That it has, those first that the SDK puts before them.
        by_sdk: What the SDK adds.
        central: Ranges that stand in one place for all projects; None where there is no such place.

    Raises:
        InvalidConfigError: A package has no range, or one where it may not.
    """
    found: dict[str, Reference] = {}
    early = {one.name.lower(): one for one in by_sdk if one.is_early}
    left = {one.name.lower(): one for one in by_sdk if not one.is_early}
    for item in items:
        key = item.name.lower()
        first = early.pop(key, None)
        if first is not None and not item.metadata.get("version"):
            left[key] = first
        elif first is not None:
            reference = reference_of(path, item)
            found[key] = msgspec.structs.replace(reference, is_private=first.is_private or reference.is_private)
        elif key not in found and (key not in left or left[key].is_replaced):
            left.pop(key, None)
            is_implicit = item.metadata.get("isimplicitlydefined", "").lower() == "true"
            found[key] = reference_of(path, item) if central is None or is_implicit else _managed(path, item, central)
    return found, [one for one in by_sdk if one.name.lower() in left]


def _managed(path: Path, item: Item, central: Mapping[str, Reference]) -> Reference:
    """Return a package whose range stands in one place for all projects."""
    if item.metadata.get("versionoverride"):
        return reference_of(path, item, "VersionOverride")
    if item.metadata.get("version"):
        raise InvalidConfigError(
            f"{path}: {item.name} has a Version, and ranges stand in Directory.Packages.props (NU1008)", path=item.name,
            found=item.metadata["version"], expected="no Version", suggestions=["write VersionOverride where this project alone differs"],
        )  # fmt: skip
    there = central.get(item.name.lower())
    if there is None:
        raise InvalidConfigError(
            f"{path}: {item.name} has no PackageVersion (NU1010)", path=item.name, found="none", expected="a PackageVersion of that name",
            suggestions=["add one to Directory.Packages.props"],
        )  # fmt: skip
    return msgspec.structs.replace(there, name=item.name, is_private=is_private(item))


def refuse_floating(path: Path, central: Mapping[str, Reference]) -> None:
    """Refuse ranges that float in the place for all projects.

    Raises:
        InvalidConfigError: There is one.
    """
    floating = next((one for one in central.values() if "*" in one.range), None)
    if floating is not None:
        raise InvalidConfigError(
            f"{path}: the PackageVersion of {floating.name} floats (NU1011)", path=floating.name, found=floating.range, expected="a version",
            suggestions=["write one, or set CentralPackageFloatingVersionsEnabled"],
        )  # fmt: skip


def reference_of(path: Path, item: Item, field: str = "Version") -> Reference:
    """Return what an item asks for.

    Args:
        path: Of the project.
        item: That names a package.
        field: In which it says the range.

    Raises:
        InvalidConfigError: It says none.
    """
    text = item.metadata.get(field.lower(), "")
    if not text or not is_range(text):
        raise InvalidConfigError(
            f"{path}: {item.name} has {f'the version {text!r}, which is none' if text else 'no version'}", path=item.name, found=text or "none",
            expected="a version or range of NuGet, such as 1.2.3 or [1.0,2.0)", suggestions=["write one, with three numbers"],
        )  # fmt: skip
    return Reference(item.name, text, item.places.get(field.lower()), is_private(item), field)


def is_private(item: Item) -> bool:
    """Return whether whoever needs the project does not need what an item names."""
    assets = {one.strip().lower() for one in item.metadata.get("privateassets", "").split(";")}
    return "all" in assets or assets >= _ALL_ASSETS
