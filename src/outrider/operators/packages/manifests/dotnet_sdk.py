"""Packages that the .NET SDK adds to a project by itself, which a lock has like those that the project names.

Which version of some it adds follows from the SDK; that is known from a lock that it has written.
"""

from collections.abc import Mapping
from typing import Any

from outrider.core.errors import UnsupportedError
from outrider.operators.packages.manifests.dotnet_implied import LINKER, LINKER_ANALYZERS, Implied
from outrider.operators.packages.manifests.dotnet_project import DotnetProject, TargetProject
from outrider.operators.packages.manifests.dotnet_references import Reference
from outrider.operators.packages.nuget.packages import is_range

_FIRST_WITHOUT_ANALYZERS = 8


def added(
    project: DotnetProject, target: TargetProject, locked: Mapping[str, Any] | None, *, for_others: bool = False
) -> dict[str, Reference]:
    """Return the packages that the SDK adds for a framework, by name in small letters.

    Args:
        project: Of which.
        target: For which of its frameworks.
        locked: What a lock has of packages for it, by name; None where there is none.
        for_others: Whether it is read for a project that needs it: what is private counts as far as it is known.

    Raises:
        UnsupportedError: The version of one is known to the SDK alone.
    """
    versions = {
        name.lower(): str(entry.get("requested"))
        for name, entry in (locked or {}).items()
        if isinstance(entry, dict) and entry.get("type") == "Direct" and is_range(str(entry.get("requested")))
    }
    found: dict[str, Reference] = {}
    for one in target.implied:
        key = one.name.lower()
        is_there = key in versions or one.is_sure or (locked is None and one.is_usual)
        version = versions.get(key, one.version)
        if not is_there or (for_others and one.is_private and not version):
            continue
        if not version:
            raise _not_known(project, one)
        found[key] = Reference(one.name, version, None, one.is_private)
        if one.name == LINKER and _major(version) < _FIRST_WITHOUT_ANALYZERS:
            found[LINKER_ANALYZERS.lower()] = Reference(LINKER_ANALYZERS, version, None, one.is_private)
    return found


def _major(text: str) -> int:
    """Return the first number of a range; it is one of NuGet's own."""
    digits = text.lstrip("[( ").partition(".")[0]
    return int(digits) if digits.isascii() and digits.isdecimal() else _FIRST_WITHOUT_ANALYZERS


def _not_known(project: DotnetProject, one: Implied) -> UnsupportedError:
    says = (
        f'<PackageReference Update="{one.name}" Version="…" />' if one.is_early else f"a PackageReference to {one.name}"
    )
    return UnsupportedError(
        f"{project.path}: the SDK adds {one.name} in a version of its own, which is not known here", path=one.name, found="no lock that says it",
        expected=f"{says}, or a lock with {one.name}", suggestions=["write the first lock with dotnet restore --use-lock-file"],
    )  # fmt: skip
