"""What the server says of itself: its version, its groups, its kinds."""

from typing import Any

from tests.servers.kube_api.errors import Document, no_such_path
from tests.servers.kube_api.kinds import Kind

VERSION = {"major": "1", "minor": "37", "gitVersion": "v1.37.2", "platform": "linux/amd64"}
_VERBS = ["create", "delete", "get", "list", "patch", "update", "watch"]
_HEALTH = ("readyz", "livez", "healthz")


def describe(segments: list[str], kinds: list[Kind]) -> Any:
    """Return what a path of discovery answers: a document, or text.

    Args:
        segments: The path, cut at its slashes.
        kinds: All that the server has.

    Raises:
        ApiError: There is nothing at this path (404).
    """
    root, rest = segments[0], segments[1:]
    if not rest and root in _HEALTH:
        return "ok"
    if not rest and root == "version":
        return VERSION
    if root == "api":
        core = {"kind": "APIVersions", "versions": ["v1"]}
        return core if not rest else _resources("/".join(rest), [kind for kind in kinds if not kind.group])
    if root == "apis" and not rest:
        groups = sorted({kind.group for kind in kinds if kind.group})
        return {"kind": "APIGroupList", "apiVersion": "v1", "groups": [_group(group, kinds) for group in groups]}
    if root == "apis":
        members = [kind for kind in kinds if kind.group == rest[0]]
        if members and len(rest) == 1:
            return {"kind": "APIGroup", "apiVersion": "v1", **_group(rest[0], kinds)}
        return _resources("/".join(rest), members)
    raise no_such_path()


def _group(group: str, kinds: list[Kind]) -> Document:
    versions = sorted({kind.version for kind in kinds if kind.group == group})
    shown = [{"groupVersion": f"{group}/{version}", "version": version} for version in versions]
    return {"name": group, "versions": shown, "preferredVersion": shown[-1]}


def _resources(group_version: str, kinds: list[Kind]) -> Document:
    members = [kind for kind in kinds if kind.api_version == group_version]
    if not members:
        raise no_such_path()
    resources = [entry for kind in members for entry in _entries(kind)]
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version, "resources": resources}


def _entries(kind: Kind) -> list[Document]:
    common = {"namespaced": kind.namespaced, "kind": kind.kind}
    names = {"shortNames": list(kind.short_names)} if kind.short_names else {}
    entries: list[Document] = [
        {"name": kind.plural, "singularName": kind.kind.lower(), **common, "verbs": _VERBS, **names}
    ]
    if kind.status:
        entries.append(
            {"name": f"{kind.plural}/status", "singularName": "", **common, "verbs": ["get", "patch", "update"]}
        )
    return entries
