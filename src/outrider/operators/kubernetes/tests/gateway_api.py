"""The kinds Gateway and HTTPRoute, cut from the Gateway API v1.6 to what is used here; what is not in it is refused."""

from typing import Any

_TEXT = {"type": "string"}
_SELECTOR = {"type": "object", "properties": {"matchLabels": {"type": "object", "additionalProperties": _TEXT}}}
_FROM = {"type": "string", "enum": ["All", "Selector", "Same", "None"]}
_CONDITIONS = {
    "type": "array",
    "items": {"type": "object", "properties": dict.fromkeys(("type", "status", "reason", "message"), _TEXT)},
}


def _object(required: list[str] | None = None, **properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, **({"required": required} if required else {})}


def _list(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items}


_PARENT = _object(["name"], name=_TEXT, namespace=_TEXT, sectionName=_TEXT)
_ROUTES = _object(
    namespaces={"type": "object", "properties": {"from": _FROM, "selector": _SELECTOR}},
    kinds=_list(_object(["kind"], group=_TEXT, kind=_TEXT)),
)
_LISTENER = _object(
    ["name", "port", "protocol"], name=_TEXT, port={"type": "integer"}, protocol=_TEXT, hostname=_TEXT, allowedRoutes=_ROUTES
)  # fmt: skip
_GATEWAY = _object(
    spec=_object(["gatewayClassName", "listeners"], gatewayClassName=_TEXT, listeners=_list(_LISTENER)),
    status=_object(addresses=_list(_object(["value"], type=_TEXT, value=_TEXT))),
)
_PATH = _object(type={"type": "string", "enum": ["Exact", "PathPrefix", "RegularExpression"]}, value=_TEXT)
_RULE = _object(
    matches=_list(_object(path=_PATH)), backendRefs=_list(_object(["name"], name=_TEXT, port={"type": "integer"}))
)
_ROUTE = _object(
    spec=_object(parentRefs=_list(_PARENT), hostnames=_list(_TEXT), rules=_list(_RULE)),
    status=_object(
        ["parents"],
        parents=_list(_object(["parentRef"], parentRef=_PARENT, controllerName=_TEXT, conditions=_CONDITIONS)),
    ),
)


def definitions() -> list[dict[str, Any]]:
    """Return the CustomResourceDefinitions."""
    return [_definition("gateways", "Gateway", _GATEWAY), _definition("httproutes", "HTTPRoute", _ROUTE)]


def _definition(plural: str, kind: str, schema: dict[str, Any]) -> dict[str, Any]:
    group = "gateway.networking.k8s.io"
    version = {
        "name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}, "subresources": {"status": {}},
    }  # fmt: skip
    return {
        "metadata": {
            "name": f"{plural}.{group}",
            "annotations": {"api-approved.kubernetes.io": "https://github.com/kubernetes-sigs/gateway-api"},
        },
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"kind": kind, "listKind": f"{kind}List", "plural": plural, "singular": kind.lower()},
            "versions": [version],
        },
    }
