"""What is not to come with something: https://docs.gradle.org/current/userguide/how_to_exclude_transitive_dependencies.html.

All that any of some exclusions names is excluded. What comes on several ways is excluded where it is on each of them.
"""

from collections.abc import Iterable

from outrider.operators.packages.manifests.gradle.builds import ALL, Exclusion

Exclusions = frozenset[Exclusion]
NOTHING: Exclusions = frozenset()


def excludes(exclusions: Exclusions, group: str, name: str) -> bool:
    """Return whether a module is excluded."""
    return any(one.group in (ALL, group) and one.name in (ALL, name) for one in exclusions)


def on_each(ways: Iterable[Exclusions]) -> Exclusions:
    """Return what is excluded on each of some ways; nothing where there is no way."""
    found: Exclusions | None = None
    for way in ways:
        found = way if found is None else found if found == way else _shared(found, way)
        if not found:
            break
    return found or NOTHING


def _shared(these: Exclusions, those: Exclusions) -> Exclusions:
    return frozenset(
        Exclusion(_narrower(this.group, that.group), _narrower(this.name, that.name))
        for this in these
        for that in those
        if _meet(this.group, that.group) and _meet(this.name, that.name)
    )


def _meet(this: str, that: str) -> bool:
    return ALL in (this, that) or this == that


def _narrower(this: str, that: str) -> str:
    return that if this == ALL else this
