"""Events in the form of CloudEvents 1.0 (JSON format 1.0.2), both ways. No I/O.

Labels become extension attributes; those whose names CloudEvents does not allow travel together in `outriderlabels`.
"""

import re
from collections.abc import Mapping
from typing import Any, get_args

from outrider.core.codec import decode, encode
from outrider.core.errors import InvalidConfigError
from outrider.core.events import Event, Severity
from outrider.core.schema import convert
from outrider.core.trace import is_trace_id, parse_traceparent

CONTENT_TYPE = "application/cloudevents+json"
BATCH_CONTENT_TYPE = "application/cloudevents-batch+json"
SPEC_VERSION = "1.0"
_JSON = "application/json"
_LABELS = "outriderlabels"
# Section "Naming conventions" of the specification, and its recommended length.
_ATTRIBUTE = re.compile(r"[a-z0-9]{1,20}")
_OWN = frozenset({"severity", "count", "traceid", "traceparent", _LABELS})
_STANDARD = frozenset(
    {"specversion", "id", "source", "type", "time", "subject", "datacontenttype", "dataschema", "data", "data_base64"}
)


def envelope(
    *, key: str, source: str, kind: str, time: str, data: Any, extensions: Mapping[str, Any] | None = None
) -> dict[str, Any]:  # fmt: skip
    """Return a CloudEvent with JSON in it.

    Args:
        key: Its id.
        source: Who tells it.
        kind: Its type.
        time: RFC 3339.
        data: What it tells.
        extensions: Further attributes.
    """
    return {
        "specversion": SPEC_VERSION,
        "id": key,
        "source": source,
        "type": kind,
        "time": time,
        "datacontenttype": _JSON,
        **(extensions or {}),
        "data": data,
    }


def to_cloudevent(event: Event) -> dict[str, Any]:
    """Return an event as a CloudEvent."""
    named = {name: text for name, text in event.labels.items() if _may_be_attribute(name)}
    others = {name: text for name, text in event.labels.items() if name not in named}
    extensions: dict[str, Any] = {"severity": event.severity, "count": event.count, **named}
    if event.trace_id:
        extensions["traceid"] = event.trace_id
    if others:
        extensions[_LABELS] = encode(others).decode()
    return envelope(
        key=event.id, source=event.source, kind=event.type, time=event.time, data=event.data, extensions=extensions
    )


def from_cloudevent(document: Mapping[str, Any], *, now: str) -> Event:
    """Return a CloudEvent as an event.

    Args:
        document: The CloudEvent as JSON holds it.
        now: Its time where it has none, RFC 3339.

    Raises:
        InvalidConfigError: It is none of version 1.0, or an attribute does not fit; `path` names it.
    """
    _check_version(document)
    severity, count = document.get("severity", "medium"), document.get("count", 1)
    return convert(
        {
            "id": document.get("id"),
            "source": document.get("source"),
            "type": document.get("type"),
            "time": document.get("time", now),
            "severity": severity if severity in get_args(Severity) else "medium",
            "count": count if isinstance(count, int) else 1,
            "data": _data(document),
            "labels": _labels(document),
            "trace_id": _trace_id(document),
        },
        Event,
    )


def _check_version(document: Mapping[str, Any]) -> None:
    found = document.get("specversion")
    if found != SPEC_VERSION:
        raise InvalidConfigError(
            "specversion: not a CloudEvent of a version that is known here",
            path="specversion",
            found=str(found),
            expected=SPEC_VERSION,
        )


def _data(document: Mapping[str, Any]) -> dict[str, Any]:
    if "data_base64" in document:
        return {"base64": document["data_base64"]}
    data = document.get("data")
    return data if isinstance(data, dict) else {} if data is None else {"value": data}


def _labels(document: Mapping[str, Any]) -> dict[str, str]:
    labels = {
        name: value if isinstance(value, str) else encode(value).decode()
        for name, value in document.items()
        if name not in _STANDARD and name not in _OWN
    }
    if isinstance(document.get("subject"), str):
        labels["subject"] = document["subject"]
    text = document.get(_LABELS)
    return labels | (decode(text, dict[str, str]) if isinstance(text, str) else {})


def _trace_id(document: Mapping[str, Any]) -> str:
    named, parent = document.get("traceid"), document.get("traceparent")
    if isinstance(named, str) and is_trace_id(named):
        return named
    return parse_traceparent(parent).trace_id if isinstance(parent, str) else ""


def _may_be_attribute(name: str) -> bool:
    return _ATTRIBUTE.fullmatch(name) is not None and name not in _STANDARD and name not in _OWN
