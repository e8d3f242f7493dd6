"""Versions that a lock has, which are tried before all others."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from poetry.core.factory import Factory
from poetry.core.packages.package import Package

from outrider.operators.packages.pypi.details import PypiDetails
from outrider.operators.packages.pypi.pages import normalised
from outrider.operators.packages.pypi.poetry.project import parsed_version
from outrider.operators.packages.pypi.poetry.releases import package_from
from outrider.operators.packages.resolving.questions import Question

# Of the index of everybody, and of those that a project names.
_KINDS = ("", "legacy")


class Locked:
    """A version.

    Args:
        package: It, from where the lock has it, and with what it needs by that.
        is_told: Whether the lock has it; else it is to be tried from wherever it comes.
    """

    def __init__(self, package: Package, *, is_told: bool) -> None:
        self.package, self.is_told = package, is_told


def locked_by(question: Question) -> dict[str, list[Locked]]:
    """Return what is tried first, by name; the highest versions first, and of one version in the order of the lock."""
    entries: dict[str, list[Mapping[str, Any]]] = {}
    for one in PypiDetails.of(question).lock.get("package", []):
        if isinstance(one, dict) and isinstance(one.get("name"), str):
            entries.setdefault(normalised(one["name"]), []).append(one)
    return {
        name: sorted(_locked(name, {*texts}, entries.get(name, [])), key=lambda one: one.package.version, reverse=True)
        for name, texts in question.locked.items()
    }


def _locked(name: str, texts: set[str], entries: Iterable[Mapping[str, Any]]) -> Iterator[Locked]:
    told = [one for one in entries if one.get("version") in texts]
    for one in told:
        package = _package(name, one)
        if package is not None:
            yield Locked(package, is_told=True)
    for text in sorted(texts - {str(one["version"]) for one in told}):
        version = parsed_version(text)
        if version is not None:
            yield Locked(Package(name, version), is_told=False)


def _package(name: str, entry: Mapping[str, Any]) -> Package | None:
    """Return a package as a lock tells of it: `_get_locked_package`, `poetry/packages/locker.py` of Poetry 2.5; None where it cannot be read."""
    version, source, needs = parsed_version(entry["version"]), entry.get("source", {}), entry.get("dependencies", {})
    readable = isinstance(source, dict) and isinstance(needs, dict) and source.get("type", "") in _KINDS
    if version is None or not readable:
        return None
    found = package_from(str(source.get("url", "")), str(source.get("reference", "")), name, version)
    for needed, some in needs.items():
        for one in some if isinstance(some, list) else [some]:
            try:
                found.add_dependency(Factory.create_dependency(needed, one))
            except (TypeError, ValueError):
                return None
    return found
