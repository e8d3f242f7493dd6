"""The objects of the fake API server: agents, of each of which a watch tells in a line of exactly 4,096 bytes."""

import json
from typing import Any

GROUP, VERSION, PLURAL, KIND = "bench.outrider.dev", "v1", "agents", "Agent"
LINE_BYTES = 4096
# Of the list before anything is there; each object comes in the version after that of the one before.
FIRST_VERSION = 1000
_OPEN, _CLOSE = b'{"type":"ADDED","object":', b"}\n"
_TIME = "2026-11-28T12:00:00Z"
_WORDS = "Answer what customers ask about their orders, in their language, and hand over to a colleague where money is moved. "


def name(number: int) -> str:
    """Return the name of an object."""
    return f"agent-{number:05}"


def line(number: int) -> bytes:
    """Return the event that tells of an object, with the end of its line; its instructions are as long as it takes."""
    missing = LINE_BYTES - len(_line(_agent(number, "")))
    text = (_WORDS * (missing // len(_WORDS) + 1))[:missing]
    return _line(_agent(number, text))


def object_in(event: bytes) -> bytes:
    """Return the object of such a line."""
    return event[len(_OPEN) : -len(_CLOSE)]


def end_mark(kind: str, api_version: str, version: int) -> bytes:
    """Return the bookmark that ends what was there before a watch began."""
    metadata = {"resourceVersion": str(version), "annotations": {"k8s.io/initial-events-end": "true"}}
    item = {"kind": kind, "apiVersion": api_version, "metadata": metadata}
    return _encode({"type": "BOOKMARK", "object": item}) + b"\n"


def changed(event: bytes, version: int, sent: float) -> bytes:
    """Return the event of a change of an object, which says when it was sent."""
    item = json.loads(object_in(event))
    item["metadata"]["resourceVersion"] = str(version)
    item["metadata"]["annotations"]["sent"] = repr(sent)
    return _encode({"type": "MODIFIED", "object": item}) + b"\n"


def _line(agent: dict[str, Any]) -> bytes:
    return _OPEN + _encode(agent) + _CLOSE


def _encode(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _agent(number: int, instructions: str) -> dict[str, Any]:
    spec = {
        "instructions": instructions,
        "model": {"provider": "openai", "name": "m", "temperature": 0.2, "maxTokens": 4096},
        "replicas": 2,
        "tools": [_tool(tool) for tool in ("orders", "customers", "refunds", "mail")],
        "env": [{"name": f"SETTING_{index}", "value": f"value-{index}-of-agent-{number:05}"} for index in range(8)],
    }
    conditions = [_condition(kind) for kind in ("Ready", "Deployed", "ToolsReachable")]
    status = {"observedGeneration": 3, "readyReplicas": 2, "conditions": conditions}
    return {
        "apiVersion": f"{GROUP}/{VERSION}", "kind": KIND, "metadata": _metadata(number, spec, status), "spec": spec, "status": status,
    }  # fmt: skip


def _metadata(number: int, spec: dict[str, Any], status: dict[str, Any]) -> dict[str, Any]:
    uid = f"6f1c2a9e-0b3d-4c5e-8f70-{number:012}"
    owner = {
        "apiVersion": f"{GROUP}/{VERSION}", "kind": "Team", "name": f"team-{number % 50:05}", "uid": f"0d9b1f2c-7a3e-4e0b-9c11-{number % 50:012}",
        "controller": True, "blockOwnerDeletion": True,
    }  # fmt: skip
    return {
        "name": name(number), "namespace": f"shop-{number % 20:02}", "uid": uid, "resourceVersion": str(FIRST_VERSION + 1 + number),
        "generation": 3, "creationTimestamp": _TIME,
        "labels": {"app.kubernetes.io/name": name(number), "app.kubernetes.io/part-of": "shop", "tier": "front"},
        "annotations": {"outrider.dev/intent": f"sha256:{number:064x}"},
        "finalizers": ["outrider.dev/agents"],
        "ownerReferences": [owner],
        "managedFields": [_managed("outrider-cli", "f:spec", spec), _managed("outrider-operator", "f:status", status)],
    }  # fmt: skip


def _managed(manager: str, part: str, fields: dict[str, Any]) -> dict[str, Any]:
    owned = {part: {f"f:{field}": _owned(value) for field, value in fields.items()}}
    return {
        "manager": manager, "operation": "Apply", "apiVersion": f"{GROUP}/{VERSION}", "time": _TIME, "fieldsType": "FieldsV1", "fieldsV1": owned,
    }  # fmt: skip


def _owned(value: Any) -> dict[str, Any]:
    """Return how the server notes who owns the fields of a value; each list here is one of maps with a key."""
    if isinstance(value, dict):
        return {f"f:{field}": {} for field in value}
    if isinstance(value, list):
        key = "type" if "type" in value[0] else "name"
        return {f'k:{{"{key}":"{item[key]}"}}': {} for item in value}
    return {}


def _tool(tool: str) -> dict[str, Any]:
    return {"name": tool, "server": f"https://{tool}.shop.svc:8443/mcp", "timeoutSeconds": 30, "allowed": ["read", "search"]}  # fmt: skip


def _condition(kind: str) -> dict[str, Any]:
    return {
        "type": kind, "status": "True", "reason": "AsWanted", "message": "everything is as it is wanted", "lastTransitionTime": _TIME,
        "observedGeneration": 3,
    }  # fmt: skip
