"""Who owns which fields: what server-side apply and all other writes make of `managedFields`."""

from collections.abc import Mapping
from typing import Literal

import msgspec

from tests.servers.kube_api.errors import ApiError, Document
from tests.servers.kube_api.fields import Path, as_tree, differs, from_tree, leaves, merged, shown, without
from tests.servers.kube_api.kinds import Kind

Operation = Literal["Apply", "Update"]


class Owner(msgspec.Struct, frozen=True, order=True):
    """Who owns fields.

    Attributes:
        manager: Its name.
        operation: How it wrote them.
        subresource: Through which.
    """

    manager: str
    operation: Operation
    subresource: str = ""


class Holding(msgspec.Struct, frozen=True):
    """What an owner owns, and since when."""

    paths: frozenset[Path]
    time: str


Holdings = Mapping[Owner, Holding]


def read_holdings(document: Document | None) -> dict[Owner, Holding]:
    """Return who owns which fields of an object."""
    entries = document["metadata"].get("managedFields", []) if document else []
    return {
        Owner(entry["manager"], entry["operation"], entry.get("subresource", "")): Holding(
            from_tree(entry["fieldsV1"]), entry["time"]
        )
        for entry in entries
    }


def write_holdings(kind: Kind, holdings: Holdings) -> list[Document]:
    """Return the `managedFields` that say so; who owns nothing is left out."""
    return [
        {
            "manager": owner.manager,
            "operation": owner.operation,
            "apiVersion": kind.api_version,
            "time": holding.time,
            "fieldsType": "FieldsV1",
            "fieldsV1": as_tree(holding.paths),
            **({"subresource": owner.subresource} if owner.subresource else {}),
        }
        for owner, holding in holdings.items()
        if holding.paths
    ]


def updated(kind: Kind, live: Document | None, new: Document, owner: Owner, now: str) -> dict[Owner, Holding]:
    """Return who owns which fields after a write that is no apply: who changes a field takes it from all others.

    Args:
        kind: That of the object.
        live: What was there.
        new: What will be there.
        owner: Who writes.
        now: The time.
    """
    holdings = read_holdings(live)
    before = leaves(kind, live) if live else frozenset()
    after = leaves(kind, new)
    changed = frozenset(path for path in after if live is None or differs(kind, live, new, path))
    gone = before - after
    for other, holding in holdings.items():
        lost = gone if other == owner else gone | changed
        if holding.paths & lost:
            holdings[other] = Holding(holding.paths - lost, holding.time)
    mine = holdings.get(owner, Holding(frozenset(), now))
    if changed - mine.paths:
        holdings[owner] = Holding(mine.paths | changed, now)
    return holdings


def applied(
    kind: Kind, live: Document | None, intent: Document, owner: Owner, *, now: str, force: bool
) -> tuple[Document, dict[Owner, Holding]]:
    """Return an object with what is intended, and who owns which fields then.

    Args:
        kind: That of the object.
        live: What is there.
        intent: The fields that the owner wants.
        owner: Who applies.
        now: The time.
        force: Takes fields from others.

    Raises:
        ApiError: Others own fields that would change (409).
    """
    holdings = read_holdings(live)
    wanted = leaves(kind, intent)
    clashes = _clashes(kind, live, intent, {other: one for other, one in holdings.items() if other != owner})
    if clashes and not force:
        raise _conflict_error(kind, clashes)
    for other, paths in clashes.items():
        holdings[other] = Holding(holdings[other].paths - set(paths), holdings[other].time)
    had = holdings.get(owner, Holding(frozenset(), now))
    others = frozenset(path for other, holding in holdings.items() if other != owner for path in holding.paths)
    dropped = [path for path in had.paths - wanted if not _held(path, others | wanted)]
    new = merged(kind, live, intent) if live else intent
    new = without(new, dropped, wanted | others)
    holdings[owner] = had if had.paths == wanted else Holding(wanted, now)
    return new, holdings


def _held(path: Path, paths: frozenset[Path]) -> bool:
    """Return whether somebody wants what is at a path, or something in it."""
    return path in paths or any(other[: len(path)] == path for other in paths)


def _clashes(kind: Kind, live: Document | None, intent: Document, others: Holdings) -> dict[Owner, dict[Path, Path]]:
    """Return the paths of others that the intent would change, each with the path to tell."""
    if live is None:
        return {}
    changed = [path for path in leaves(kind, intent) if differs(kind, live, intent, path)]
    found = {
        other: {path: min(path, mine, key=len) for mine in changed for path in holding.paths if _touches(path, mine)}
        for other, holding in others.items()
    }
    return {other: paths for other, paths in found.items() if paths}


def _touches(path: Path, changed: Path) -> bool:
    """Return whether one is the other, or lies in the other; a new item in a list does not touch those who own others."""
    if changed[: len(path)] == path and len(path) < len(changed):
        return not path[-1].startswith("k:")
    return path[: len(changed)] == changed


def _conflict_error(kind: Kind, clashes: Mapping[Owner, Mapping[Path, Path]]) -> ApiError:
    named = {_named(kind, owner): sorted(set(map(shown, paths.values()))) for owner, paths in clashes.items()}
    causes = [
        {"reason": "FieldManagerConflict", "message": f"conflict with {name}", "field": field}
        for name, fields in sorted(named.items())
        for field in fields
    ]
    if len(causes) == 1:
        told = f"Apply failed with 1 conflict: {causes[0]['message']}: {causes[0]['field']}"
    else:
        lines = [
            line
            for name, fields in sorted(named.items())
            for line in (f"conflicts with {name}:", *(f"- {field}" for field in fields))
        ]
        told = f"Apply failed with {len(causes)} conflicts: " + "\n".join(lines)
    return ApiError(409, "Conflict", told, {"causes": causes})


def _named(kind: Kind, owner: Owner) -> str:
    name = _quoted(owner)
    return name if owner.operation == "Apply" else f"{name} using {kind.api_version}"


def _quoted(owner: Owner) -> str:
    """Return how messages name an owner."""
    name = f'"{owner.manager}"'
    return f'{name} with subresource "{owner.subresource}"' if owner.subresource else name
