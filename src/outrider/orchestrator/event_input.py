"""Events that users send: in Outrider's own form, or as CloudEvents 1.0 over HTTP (structured, batched or binary)."""

import os
from typing import Any
from urllib.parse import unquote

import msgspec

from outrider.core.cloudevents import BATCH_CONTENT_TYPE, CONTENT_TYPE, from_cloudevent
from outrider.core.codec import decode
from outrider.core.errors import InvalidConfigError, LimitedError
from outrider.core.events import MAX_EVENTS_PER_REQUEST, Event, Severity
from outrider.core.http.headers import Headers
from outrider.core.http.messages import Request
from outrider.core.identifiers import time_ordered
from outrider.core.schema import convert
from outrider.core.timestamps import timestamp
from outrider.ports.http.routing import read_json

SENT_BY = "outrider.dev/sent-by"


class SentEvent(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """An event as a user writes it.

    Attributes:
        source: `agent/trigger`, as rules name it.
        id: Made here if absent; with one of its own, sending it again changes nothing.
        time: RFC 3339; now if absent.
    """

    source: str
    type: str = "sent"
    data: dict[str, Any] = {}
    severity: Severity = "medium"
    labels: dict[str, str] = {}
    id: str = ""
    time: str = ""


def read_events(request: Request, by: str, now: float) -> list[Event]:
    """Return the events of a request.

    Args:
        request: Its content type says in which form they are.
        by: Who sends them; noted in a label.
        now: Seconds since the epoch.

    Raises:
        InvalidConfigError: The body cannot be read, or a field does not fit.
        LimitedError: There are too many.
    """
    content_type = (request.headers.get("content-type") or "").partition(";")[0].strip().lower()
    if content_type == BATCH_CONTENT_TYPE:
        events = [from_cloudevent(item, now=timestamp(now)) for item in read_json(request, list[dict[str, Any]])]
    elif content_type == CONTENT_TYPE:
        events = [from_cloudevent(read_json(request, dict[str, Any]), now=timestamp(now))]
    elif "ce-specversion" in request.headers:
        events = [from_cloudevent(binary_cloudevent(request.headers, content_type, request.body), now=timestamp(now))]
    else:
        body = read_json(request, Any)
        sent = [convert(item, SentEvent) for item in (body if isinstance(body, list) else [body])]
        events = [_event(item, request, now) for item in sent]
    if len(events) > MAX_EVENTS_PER_REQUEST:
        raise LimitedError(f"{len(events)} events in one request", expected=f"at most {MAX_EVENTS_PER_REQUEST}")
    return [msgspec.structs.replace(event, labels={**event.labels, SENT_BY: by}) for event in events]


def binary_cloudevent(headers: Headers, content_type: str, body: bytes) -> dict[str, Any]:
    """Return a CloudEvent whose attributes are headers (HTTP protocol binding 1.0.2, section 3.1).

    Raises:
        InvalidConfigError: The data is not JSON.
    """
    document: dict[str, Any] = {
        name[3:]: unquote(value) for name, value in headers if name.startswith("ce-") and len(name) > 3
    }
    if not body:
        return document
    if content_type not in ("application/json", "text/json", "") and not content_type.endswith("+json"):
        raise InvalidConfigError(
            "content-type: the data of an event is JSON",
            path="content-type",
            found=content_type,
            expected="application/json",
        )
    return {**document, "data": decode(body, Any)}


def _event(sent: SentEvent, request: Request, now: float) -> Event:
    return Event(
        id=sent.id or time_ordered(now, os.urandom(10)),
        source=sent.source,
        type=sent.type,
        time=sent.time or timestamp(now),
        severity=sent.severity,
        data=sent.data,
        labels=sent.labels,
        trace_id=request.trace_id,
    )
