"""What poetry.lock tells of a package: `_dump_package`, `poetry/packages/locker.py` of Poetry 2.5."""

from typing import Any

from poetry.core.packages.dependency import Dependency
from poetry.core.packages.package import Package

from outrider.operators.packages.pypi.poetry.graphs import Place

_MAIN = "main"


def entry_of(package: Package, place: Place) -> dict[str, Any]:
    """Return the keys of a package and their values, but for its files.

    Args:
        package: With what it needs.
        place: Where it is needed.
    """
    groups = sorted(place.groups, key=_order)
    found: dict[str, Any] = {
        "name": package.pretty_name, "version": package.pretty_version, "description": package.description or "",
        "optional": package.optional, "python-versions": package.python_versions, "groups": groups,
    }  # fmt: skip
    if len(different := set(place.markers.values())) == 1:
        if not (marker := next(iter(different))).is_any():
            found["markers"] = str(marker)
    elif different:
        some = [(group, place.markers[group]) for group in sorted(place.markers, key=_order)]
        found["markers"] = {group: str(marker) for group, marker in some if not marker.is_any()}
    found["dependencies"] = _dependencies(package)
    found["extras"] = {
        name: sorted(one.to_pep_508(with_extras=False) for one in needs)
        for name, needs in sorted(package.extras.items())
    }
    if package.source_url:
        found["source"] = {
            "type": package.source_type,
            "url": package.source_url,
            "reference": package.source_reference,
        }
    return found


def _order(group: str) -> tuple[bool, str]:
    return group != _MAIN, group


def _dependencies(package: Package) -> dict[str, list[Any]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for one in sorted(package.requires, key=lambda one: (one.name, "" if one.marker.is_any() else str(one.marker))):
        found.setdefault(one.pretty_name, []).append(_need(one))
    # Where nothing but versions is told of any, these stand alone.
    return {
        name: [one["version"] for one in needs] if all(one.keys() == {"version"} for one in needs) else needs
        for name, needs in found.items()
    }


def _need(one: Dependency) -> dict[str, Any]:
    found: dict[str, Any] = {"version": one.pretty_constraint}
    if one.extras:
        found["extras"] = sorted(one.extras)
    if one.is_optional():
        found["optional"] = True
    if not one.marker.is_any():
        found["markers"] = str(one.marker)
    return found
