"""Applied objects in the store."""

import os
from typing import Any

import sqlalchemy as sa

from outrider.core.codec import decode, encode
from outrider.core.errors import NotFoundError
from outrider.core.identifiers import time_ordered
from outrider.core.objects import Object
from outrider.orchestrator.tables import objects
from outrider.orchestrator.transaction import Transaction
from outrider.orchestrator.world import Applied
from outrider.runtime.discovery import registry
from outrider.runtime.objects import parse_object


def apply_objects(work: Transaction, tenant: str, items: list[Object], *, by: str, prune: bool) -> list[str]:
    """Store objects; an equal one keeps its generation. Returns what changed, as `Kind/name created`."""
    rows = work.connection.execute(sa.select(objects).where(objects.c.tenant == tenant)).all()
    known = {(row.kind, row.name): row for row in rows}
    changes = [
        change for item in items if (change := _apply_one(work, tenant, item, known.get((item.kind, item.name)), by))
    ]
    if prune:
        declared = {(item.kind, item.name) for item in items}
        for kind, name in sorted(known.keys() - declared):
            work.connection.execute(
                objects.delete().where(objects.c.tenant == tenant, objects.c.kind == kind, objects.c.name == name)
            )
            changes.append(f"{kind}/{name} deleted")
    return changes


def delete_object(work: Transaction, tenant: str, kind: str, name: str) -> str:
    """Remove an object and return what changed, as `Kind/name deleted`.

    Raises:
        NotFoundError: There is none.
    """
    removed = work.connection.execute(
        objects.delete().where(objects.c.tenant == tenant, objects.c.kind == kind, objects.c.name == name)
    )
    if removed.rowcount == 0:
        raise NotFoundError(
            f"there is no {kind} called '{name}'", found=name, suggestions=[f"list them: outrider get {kind.lower()}"]
        )
    return f"{kind}/{name} deleted"


def _apply_one(work: Transaction, tenant: str, item: Object, row: Any, by: str) -> str:
    document = encode(item.document()).decode()
    if row is not None and row.document == document:
        return ""
    values = {"document": document, "applied_by": by, "applied": work.now}
    if row is None:
        uid = time_ordered(work.now, os.urandom(10))
        work.connection.execute(
            objects.insert().values(tenant=tenant, kind=item.kind, name=item.name, uid=uid, generation=1, **values)
        )
        return f"{item.ref} created"
    work.connection.execute(
        objects.update()
        .where(objects.c.tenant == tenant, objects.c.kind == item.kind, objects.c.name == item.name)
        .values(generation=row.generation + 1, **values)
    )
    return f"{item.ref} changed"


def load_objects(connection: sa.Connection, tenant: str) -> list[Applied]:
    """Return every applied object of a tenant."""
    rows = connection.execute(
        sa.select(objects).where(objects.c.tenant == tenant).order_by(objects.c.kind, objects.c.name)
    )
    loaded = []
    for row in rows:
        item = parse_object(decode(row.document, dict), registry())
        item.metadata.uid, item.metadata.generation = row.uid, row.generation
        loaded.append(Applied(item, row.applied_by))
    return loaded
