"""The patch by which Helm changes an object that it does not apply by the server: what is wanted, without what was wanted before."""

from typing import Any

from outrider.operators.kubernetes.shown import Object

# Lists whose items are told apart, and by what (`patchMergeKey` in the API reference); all others are replaced as a whole.
_MERGE_KEYS = {
    "containers": "name", "initContainers": "name", "ephemeralContainers": "name", "volumes": "name", "env": "name",
    "imagePullSecrets": "name", "secrets": "name", "volumeMounts": "mountPath", "volumeDevices": "devicePath", "hostAliases": "ip",
    "topologySpreadConstraints": "topologyKey", "ports": "containerPort",
}  # fmt: skip


def three_way_patch(before: Object, after: Object, *, strategic: bool) -> Object:
    """Return the patch that turns an object into what is wanted; what others have added to it stays.

    Args:
        before: What was wanted.
        after: What is wanted.
        strategic: A strategic merge patch, for the built-in kinds; else a merge patch (RFC 7396).
    """
    patch: Object = dict(after)
    for key, old in before.items():
        new = after.get(key)
        if new is None:
            patch[key] = None
        elif isinstance(old, dict) and isinstance(new, dict):
            patch[key] = three_way_patch(old, new, strategic=strategic)
        elif strategic and isinstance(old, list) and isinstance(new, list) and (merge := _merge_key(key, [*old, *new])):
            patch[key] = _items(old, new, merge)
    return patch


def _merge_key(field: str, items: list[Any]) -> str:
    """Return what tells the items of a list apart; empty where nothing does."""
    key = _MERGE_KEYS.get(field, "")
    for candidate in (key, "port") if field == "ports" else (key,):
        if candidate and all(isinstance(item, dict) and candidate in item for item in items):
            return candidate
    return ""


def _items(before: list[Object], after: list[Object], key: str) -> list[Object]:
    old = {item[key]: item for item in before}
    kept = {item[key] for item in after}
    changed = [three_way_patch(old.get(item[key], {}), item, strategic=True) for item in after]
    return changed + [{"$patch": "delete", key: name} for name in old if name not in kept]
