"""Events: what the parts of a cluster say of objects."""

import re
from collections import defaultdict
from typing import Any

import msgspec

from outrider.operators.kubernetes.kinds import kind_of_object
from outrider.operators.kubernetes.places import Place
from outrider.ports.kube.resources import Resource

# Of the core group: it has the fields of both ways to write events, and selectors for the object that is meant.
EVENTS = Resource("", "v1", "events", "Event")
_MOST = 20000
_PART = re.compile(r"spec\.\w*ontainers\{(.+)\}")


class Happening(msgspec.Struct, kw_only=True):
    """An event.

    Attributes:
        time: When it was last seen (RFC 3339).
        namespace: In which it stands.
        severity: Normal or Warning.
        reason: One word, such as BackOff.
        target: The object that it is about.
        container: Of a pod, where it is about one.
        count: How often it was seen.
        source: Who says it.
    """

    time: str
    namespace: str
    severity: str
    reason: str
    target: str
    message: str
    container: str = ""
    count: int = 1
    source: str = ""


async def happenings(place: Place, *, fields: str = "") -> list[Happening]:
    """Return events of a place as a field selector narrows them, the newest last."""
    found = await place.client.list(EVENTS, place.searched, fields=fields, most=_MOST)
    return sorted((_happening(one) for one in found), key=lambda one: one.time)


async def happenings_of(place: Place, found: dict[str, Any]) -> list[Happening]:
    """Return the events of one very object, the newest last."""
    metadata = found["metadata"]
    # Events about an object without a namespace stand in `default`.
    namespace = str(metadata.get("namespace") or "default")
    there = await place.client.list(EVENTS, namespace, fields=f"involvedObject.uid={metadata['uid']}", most=_MOST)
    return sorted((_happening(one) for one in there), key=lambda one: one.time)


async def warnings_by_uid(place: Place) -> dict[str, list[Happening]]:
    """Return the warnings of a place by the uid of the object that each is about, the newest last."""
    found: dict[str, list[Happening]] = defaultdict(list)
    for one in await place.client.list(EVENTS, place.searched, fields="type=Warning", most=_MOST):
        found[str((one.get("involvedObject") or {}).get("uid") or "")].append(_happening(one))
    for happenings in found.values():
        happenings.sort(key=lambda one: one.time)
    return found


def _happening(event: dict[str, Any]) -> Happening:
    about, series = event.get("involvedObject") or {}, event.get("series") or {}
    times = (
        series.get("lastObservedTime"),
        event.get("lastTimestamp"),
        event.get("eventTime"),
        event.get("firstTimestamp"),
    )
    source = event.get("reportingComponent") or (event.get("source") or {}).get("component") or ""
    return Happening(
        time=next((str(time) for time in times if time), str(event["metadata"].get("creationTimestamp") or "")),
        namespace=str(event["metadata"]["namespace"]),
        severity=str(event.get("type") or "Normal"),
        reason=str(event.get("reason") or ""),
        target=f"{kind_of_object(str(about.get('apiVersion') or 'v1'), str(about.get('kind') or 'Object'))}/{about.get('name') or ''}",
        message=str(event.get("message") or "").strip(),
        container=part[1] if (part := _PART.fullmatch(str(about.get("fieldPath") or ""))) else "",
        count=int(series.get("count") or event.get("count") or 1),
        source=str(source),
    )
