"""Sorts versions where a whole table is too much."""

from collections.abc import Iterable

from outrider.operators.packages.versions.ecosystems import scheme_of
from outrider.operators.packages.versions.tables import VersionTable


def sorted_versions(ecosystem: str, versions: Iterable[str]) -> list[str]:
    """Return versions, oldest first; those that their ecosystem cannot read come before, by their texts."""
    table = VersionTable(scheme_of(ecosystem), versions)
    return [*table.unsorted, *table.versions]
