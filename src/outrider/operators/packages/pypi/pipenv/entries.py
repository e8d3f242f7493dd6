"""What Pipfile.lock tells of a package: `LockedRequirement`, `get_locked_dep` and `clean_resolved_dep` of Pipenv 2026.10."""

from collections.abc import Iterable, Mapping
from typing import Any

from packaging.markers import Marker

from outrider.core.errors import PreconditionFailedError
from outrider.operators.packages.manifests.pipfile import PipfileRequirement
from outrider.operators.packages.pypi.pipenv.graph import Chosen
from outrider.operators.packages.pypi.pipenv.markers import both, python_marker, translated
from outrider.operators.packages.pypi.pipenv.requirements import Origin
from outrider.operators.packages.resolving.outcomes import ResolvedFile

# Pipenv looks at no other.
_ALGORITHM = "sha256"


class Entries:
    """Makes the entries of one category.

    Args:
        asked: What the Pipfile asks for in it.
        indexes: By normalised name, the sources of packages.
    """

    def __init__(self, asked: Iterable[PipfileRequirement], indexes: Mapping[str, str]) -> None:
        self._asked = {one.name: one for one in asked}
        self._spelled = {lock_name(one.name): one for one in self._asked.values()}
        self._indexes = indexes
        self._origins: dict[str, Origin] = {}

    def begin(self, packages: Iterable[Chosen]) -> None:
        """Learn why packages are there, before any of them is told."""
        self._origins = {one.origin.name: one.origin for one in packages}

    def entry(self, one: Chosen, version: str, python: str, files: Iterable[ResolvedFile]) -> dict[str, Any]:
        """Return the entry of a package, under `name` what it is called there.

        Args:
            one: It.
            version: Of it.
            python: What the file that pip takes says of Python.
            files: Of the version.
        """
        name = lock_name(one.origin.name)
        asked = self._spelled.get(name)
        markers = self._markers(one, python, name)
        extras = one.extras
        if asked is not None and asked.said:
            extras = asked.extras if "extras" in asked.said else extras
            markers = asked.marker if "markers" in asked.said else markers
            markers = translated(markers, asked.variables) if markers.strip() else ""
        found = {
            "name": name, "version": f"=={version}", "hashes": hashes_of(files), "index": self._indexes.get(name, ""),
            "extras": sorted(extras), "markers": markers,
        }  # fmt: skip
        return {key: value for key, value in found.items() if value}

    def _markers(self, one: Chosen, python: str, name: str) -> str:
        """Return the markers of a package before the Pipfile is looked at once more."""
        folded = self._folded(one.origin)
        markers = folded or python_marker(python) or one.origin.need.marker
        asked = self._asked.get(name)
        if asked is not None and (said := translated(asked.marker, asked.variables)):
            # Pipenv compares texts, and the quotes of these are others.
            markers = both(markers, str(Marker(said)))
        if (known := self._asked.get(one.origin.name) or asked) is not None:
            markers = both(markers, known.marker)
        return translated(markers, {}) if markers else ""

    def _folded(self, origin: Origin) -> str:
        """Return the markers in the Pipfile of that for which a package is there."""
        seen = set()
        while (
            (known := self._origins.get(origin.name)) is not None
            and known.parent is not None
            and origin.name not in seen
        ):
            seen.add(origin.name)
            origin = known.parent
        asked = self._asked.get(origin.name) if known is not None and known.parent is None else None
        if asked is None:
            return ""
        said = (_compared("sys_platform", asked), asked.marker, _compared("platform_machine", asked))
        return " and ".join(f"({one})" for one in said if one)


def _compared(variable: str, asked: PipfileRequirement) -> str:
    text = asked.variables.get(variable, "")
    return f"{variable} {text}" if text else ""


def skipped_entry(
    asked: PipfileRequirement, before: Mapping[str, Any], version: str, files: Iterable[ResolvedFile]
) -> dict[str, Any]:
    """Return the entry of what is not for this machine, under `name` what it is called there.

    Args:
        asked: It.
        before: What stays of the entry until now, or of the Pipfile where there is no lock.
        version: As the entry has it; empty for none.
        files: Of the version.
    """
    markers = translated(asked.marker, asked.variables) if asked.marker.strip() else ""
    found = {
        "version": version,
        "hashes": hashes_of(files),
        "index": asked.index,
        "extras": sorted(asked.extras),
        "markers": markers,
    }
    return {"name": asked.name, **before, **{key: value for key, value in found.items() if value}}


def hashes_of(files: Iterable[ResolvedFile]) -> list[str]:
    """Return the hashes of files as a lock has them.

    Raises:
        PreconditionFailedError: An index names none of a file.
    """
    found = set()
    for one in files:
        if _ALGORITHM not in one.hashes:
            raise PreconditionFailedError(
                f"pypi {one.name}: its index names no {_ALGORITHM} of it", path="packages", found="no hash", expected="a hash",
                suggestions=["use an index that names hashes"],
            )  # fmt: skip
        found.add(f"{_ALGORITHM}:{one.hashes[_ALGORITHM]}")
    return sorted(found)


def lock_name(name: str) -> str:
    """Return what Pipenv calls a package in a lock, by its name as somebody spells it: dots stay."""
    return name.lower().replace("_", "-")
