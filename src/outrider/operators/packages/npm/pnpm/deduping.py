"""Makes one entry of several of a version, where one of them has all that the others have: `dedupe-peer-dependents` of pnpm 10.34."""

from collections.abc import Iterable, Mapping

from outrider.operators.packages.npm.pnpm.graph import Entry


def deduplicated(entries: Mapping[str, Entry], variants: Iterable[Iterable[str]]) -> dict[str, str]:
    """Return which paths stand for others, and change what entries need accordingly.

    Args:
        entries: By path.
        variants: The paths of each version.
    """
    waiting = [list(paths) for paths in variants]
    waiting = [paths for paths in waiting if len(paths) > 1]
    found: dict[str, str] = {}
    while True:
        replaced, left = _round(entries, waiting)
        found |= replaced
        if len(left) == len(waiting):
            return found
        for entry in entries.values():
            entry.children = {alias: replaced.get(path, path) for alias, path in entry.children.items()}
        if not replaced:
            return found
        waiting = left


def _round(entries: Mapping[str, Entry], variants: list[list[str]]) -> tuple[dict[str, str], list[list[str]]]:
    replaced: dict[str, str] = {}
    left = []
    for paths in variants:
        open_paths = dict.fromkeys(paths)
        current = sorted(paths, key=lambda path: entries[path].weight)
        while current:
            most, others = current.pop(), []
            while current:
                other = current.pop()
                if _has_all(entries[most], entries[other]):
                    replaced[other] = most
                    open_paths.pop(most, None)
                    open_paths.pop(other, None)
                else:
                    others.append(other)
            current = sorted(others, key=lambda path: entries[path].weight)
        if open_paths:
            left.append(list(open_paths))
    return replaced, left


def _has_all(one: Entry, other: Entry) -> bool:
    """Return whether an entry has all that another one has."""
    if one.weight < other.weight:
        return False
    return set(other.children.values()) <= set(one.children.values()) and other.found <= one.found
