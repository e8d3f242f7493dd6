"""Records of Helm, written as Helm writes them: a status, a new revision."""

from typing import Any

from outrider.core.codec import decode_plain
from outrider.core.timestamps import timestamp
from outrider.operators.kubernetes.helm_records import RECORD_TYPE, record_data, record_json
from outrider.operators.kubernetes.helm_releases import Revision
from outrider.ports.kube.resources import SECRETS

_OURS = frozenset({"name", "owner", "status", "version", "createdAt", "modifiedAt"})


async def mark(revision: Revision, status: str, why: str, now: float) -> None:
    """Give a revision another status.

    Args:
        revision: Which.
        status: As Helm calls it.
        why: Its description; as it was if empty.
        now: Seconds since the epoch.

    Raises:
        ConflictError: Somebody has changed it at the same time.
        UnsupportedError: Its record cannot be read.
    """
    secret = await revision.object()
    content = decode_plain(record_json(secret))
    content["info"] = {**(content.get("info") or {}), "status": status, **({"description": why} if why else {})}
    labels = {**(secret["metadata"].get("labels") or {}), "status": status, "modifiedAt": str(int(now))}
    changed = {**secret, "metadata": {**secret["metadata"], "labels": labels}, "data": record_data(content)}
    await revision.place.client.replace(SECRETS, changed)


async def add_rollback(target: Revision, newest: Revision, now: float) -> Revision:
    """Add a revision that is to be what an earlier one was, and return it; it is pending until it is marked.

    Raises:
        ConflictError: Somebody else has added one.
        UnsupportedError: A record cannot be read.
    """
    secret = await target.object()
    content = decode_plain(record_json(secret))
    first = decode_plain(record_json(await newest.object())).get("info") or {}
    content["version"] = number = newest.number + 1
    content["info"] = {
        **{key: value for key, value in first.items() if key == "first_deployed"},
        "last_deployed": timestamp(now), "status": "pending-rollback", "description": f"Rollback to {target.number}",
        "notes": (content.get("info") or {}).get("notes") or "", "rollback_revision": target.number,
    }  # fmt: skip
    labels = {key: value for key, value in (secret["metadata"].get("labels") or {}).items() if key not in _OURS}
    labels |= {
        "name": target.release, "owner": "helm", "status": "pending-rollback", "version": str(number), "createdAt": str(int(now)),
    }  # fmt: skip
    name = f"sh.helm.release.v1.{target.release}.v{number}"
    wanted: dict[str, Any] = {
        "metadata": {"name": name, "namespace": target.namespace, "labels": labels}, "type": RECORD_TYPE, "data": record_data(content)
    }  # fmt: skip
    made = await target.place.client.create(SECRETS, wanted, target.namespace)
    return Revision(
        target.place, target.release, target.namespace, number, "pending-rollback", name, made.object["metadata"]["uid"]
    )
