"""Writes packages.lock.json: `PackagesLockFileFormat` in https://github.com/NuGet/NuGet.Client/tree/dev/src/NuGet.Core/NuGet.ProjectModel."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from outrider.operators.packages.nuget.range_texts import requested_text
from outrider.operators.packages.resolving.outcomes import ResolvedPackage

# Where versions stand in one place for all projects.
_CENTRAL_VERSION = 2


class Target(NamedTuple):
    """What was chosen for one framework.

    Attributes:
        name: Of the framework, as locks have it.
        packages: That were chosen, with what a lock has of them.
        requested: What the project asks for itself: ranges by name in small letters.
        central: Versions that stand in one place for all projects, likewise.
        projects: Those that it needs, as a lock calls them: what each needs, ranges by name.
        runtimes: Kinds of machines that it is for.
    """

    name: str
    packages: Sequence[ResolvedPackage]
    requested: Mapping[str, str]
    central: Mapping[str, str]
    projects: Mapping[str, Sequence[tuple[str, str]]]
    runtimes: Sequence[str]


def written(targets: Sequence[Target], *, is_central: bool) -> str:
    """Return the text of a lock.

    Args:
        targets: For each framework, in their order.
        is_central: Whether versions stand in one place for all projects.
    """
    frameworks: dict[str, dict[str, Any]] = {}
    for target in targets:
        entries = frameworks[target.name] = dict(_entries(target))
        # For a kind of machine stands what has other files there; needs are the same, unless a package has a runtime.json.
        other = {one.entry["name"] for one in target.packages if one.entry["machines"]}
        own = {name: entry for name, entry in entries.items() if name in other}
        frameworks |= {f"{target.name}/{one}": own for one in sorted(target.runtimes)}
    document = {"version": _CENTRAL_VERSION if is_central else 1, "dependencies": frameworks}
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode()


def _entries(target: Target) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield entries: what the project asks for, what that needs, projects, and what is needed of that whose versions stand in one place."""
    central = {name: text for name, text in target.central.items() if name not in target.requested}
    transitive = [one for one in target.packages if one.name not in target.requested and one.name not in central]
    for kind, packages, ranges in (
        ("Direct", [one for one in target.packages if one.name in target.requested], target.requested),
        ("Transitive", transitive, {}),
    ):
        yield from _sorted(kind, packages, ranges)
    for name, needs in sorted(target.projects.items(), key=lambda one: one[0].upper()):
        dependencies = {other: requested_text(text) for other, text in sorted(needs)}
        yield name, {"type": "Project", **({"dependencies": dependencies} if dependencies else {})}
    yield from _sorted("CentralTransitive", [one for one in target.packages if one.name in central], central)


def _sorted(
    kind: str, packages: Sequence[ResolvedPackage], ranges: Mapping[str, str]
) -> Iterator[tuple[str, dict[str, Any]]]:
    for one in sorted(packages, key=lambda one: str(one.entry["name"]).upper()):
        entry: dict[str, Any] = {"type": kind}
        if one.name in ranges:
            entry["requested"] = requested_text(ranges[one.name])
        entry |= {"resolved": one.version, "contentHash": one.entry["contentHash"]}
        if one.entry["dependencies"]:
            entry["dependencies"] = dict(sorted(one.entry["dependencies"].items()))
        yield one.entry["name"], entry
