"""CustomResourceDefinitions (apiextensions.k8s.io/v1) of one version, from structural schemas."""

import re
from collections.abc import Mapping
from typing import Annotated, Any

import msgspec

from outrider.core.errors import InvalidConfigError, did_you_mean
from outrider.ports.kube.rule_bounds import bounded
from outrider.ports.kube.structural import Schema

_AGE = ".metadata.creationTimestamp"
_FILTERS = re.compile(r"\[[^\]]*\]")
_LABEL = "[a-z]([-a-z0-9]{0,61}[a-z0-9])?"
FieldPath = Annotated[str, msgspec.Meta(pattern=r"^\.[^\s]{1,1000}$", examples=[".spec.size"])]
NameWord = Annotated[str, msgspec.Meta(pattern=rf"^{_LABEL}(?!\n)$", examples=["wdg"])]


class CustomKind(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A kind that a cluster is to learn.

    Attributes:
        group: API group, a domain of yours.
        kind: As objects name it: Widget.
        version: Such as v1alpha1.
        plural: As paths name it; made from the kind if empty.
        short_names: As people write it.
        categories: Words under which `kubectl get` lists it with others, such as all.
        namespaced: Whether its objects stand in namespaces.
        columns: Of `kubectl get`, path by title, such as Size: .spec.size; the age comes last by itself.
        list_keys: Which fields tell the items of a list apart, by the path of the list, such as spec.ports: [name]; the list is then
            merged item by item by server-side apply, and else replaced as a whole.
        selectable: Paths that field selectors may name, such as .spec.color.
        scale: Whether `kubectl scale` and autoscalers may set spec.replicas; status.replicas says how many there are, and
            status.selector, where there is one, which pods.
    """

    group: Annotated[str, msgspec.Meta(pattern=rf"^{_LABEL}(\.{_LABEL})+(?!\n)$", examples=["example.org"])]
    kind: Annotated[str, msgspec.Meta(pattern=r"^[A-Z][A-Za-z0-9]{0,62}(?!\n)$", examples=["Widget"])]
    version: NameWord = "v1"
    plural: Annotated[str, msgspec.Meta(pattern=rf"^({_LABEL})?(?!\n)$")] = ""
    short_names: list[NameWord] = []
    categories: list[NameWord] = []
    namespaced: bool = True
    columns: dict[str, FieldPath] = {}
    list_keys: dict[str, list[str]] = {}
    selectable: list[FieldPath] = []
    scale: bool = False

    @property
    def paths_name(self) -> str:
        """Its plural."""
        return self.plural or plural_of(self.kind.lower())

    @property
    def name(self) -> str:
        """Name of its definition."""
        return f"{self.paths_name}.{self.group}"


def plural_of(word: str) -> str:
    """Return the plural of an English word, as of most."""
    if word.endswith(("s", "x", "z", "ch", "sh")):
        return f"{word}es"
    return f"{word[:-1]}ies" if word[-1] == "y" and word[-2:-1] not in "aeiou" else f"{word}s"


def definition(kind: CustomKind, spec: Schema, status: Schema | None = None) -> tuple[dict[str, Any], list[str]]:
    """Return the definition of a kind, and notes on the bounds that its rules have made necessary.

    Args:
        kind: Its names, and what it offers.
        spec: Structural schema of what is wanted.
        status: Structural schema of what is; it is then written apart from the rest.

    Raises:
        InvalidConfigError: A path names no field, or the key of a list is no field that its items must have.
    """
    notes: list[str] = []
    parts: dict[str, Schema] = {}
    for name, schema in (("spec", spec), ("status", status)):
        if schema is not None:
            parts[name], found = bounded(schema, name)
            notes += found
    whole = {
        "type": "object",
        "required": ["spec"],
        "properties": {
            "apiVersion": {"type": "string"}, "kind": {"type": "string"}, "metadata": {"type": "object"}, **parts,
        },
    }  # fmt: skip
    for path, keys in kind.list_keys.items():
        whole = _keyed(whole, path, path.split("."), keys)
    version: dict[str, Any] = {
        "name": kind.version, "served": True, "storage": True, "schema": {"openAPIV3Schema": whole}, **_offers(kind, whole),
    }  # fmt: skip
    names = {
        "kind": kind.kind, "listKind": f"{kind.kind}List", "plural": kind.paths_name, "singular": kind.kind.lower(),
        **({"shortNames": kind.short_names} if kind.short_names else {}),
        **({"categories": kind.categories} if kind.categories else {}),
    }  # fmt: skip
    scope = "Namespaced" if kind.namespaced else "Cluster"
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": kind.name},
        "spec": {"group": kind.group, "scope": scope, "names": names, "versions": [version]},
    }, notes


def _offers(kind: CustomKind, whole: Schema) -> dict[str, Any]:
    """Return columns, field selectors and subresources."""
    parts: dict[str, Any] = {"status": {}} if "status" in whole["properties"] else {}
    if kind.scale:
        for path in (".spec.replicas", ".status.replicas"):
            if (_at(whole, path) or {}).get("type") != "integer":
                raise InvalidConfigError(
                    f"scale: {path} is no integer", path="scale", found=path, expected="an integer"
                )
        parts["scale"] = {"specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas"}
        if _at(whole, ".status.selector") is not None:
            parts["scale"]["labelSelectorPath"] = ".status.selector"
    columns = [_column(title, path, whole) for title, path in kind.columns.items()]
    if columns and "Age" not in kind.columns:
        columns.append({"name": "Age", "type": "date", "jsonPath": _AGE})
    found = {
        "additionalPrinterColumns": columns,
        "selectableFields": [{"jsonPath": path} for path in kind.selectable],
        "subresources": parts,
    }
    return {name: value for name, value in found.items() if value}


def _column(title: str, path: str, whole: Schema) -> dict[str, Any]:
    if path.startswith(".metadata"):
        return {"name": title, "type": "date" if path == _AGE else "string", "jsonPath": path}
    node = _at(whole, path)
    if node is None:
        raise _no_field("columns", path, whole)
    kind = "date" if node.get("format") in ("date", "date-time") else node.get("type")
    known = ("string", "integer", "number", "boolean", "date")
    return {"name": title, "type": kind if kind in known else "string", "jsonPath": path}


def _at(whole: Schema, path: str) -> Schema | None:
    """Return the node at a path, elements and filters in brackets left out; None where there is none."""
    node: Any = whole
    for name in _FILTERS.sub("", path).strip(".").split("."):
        node = _element(node)
        fields = node.get("properties") or {}
        if name in fields:
            node = fields[name]
        elif isinstance(others := node.get("additionalProperties"), Mapping):
            node = others
        else:
            return {} if "x-kubernetes-preserve-unknown-fields" in node else None
    return dict(_element(node)) if "[" in path.rpartition(".")[2] else node


def _element(node: Any) -> Any:
    return node["items"] if node.get("type") == "array" else node


def _keyed(node: Schema, path: str, steps: list[str], keys: list[str]) -> Schema:
    """Return a schema in which a list is one of items with keys."""
    if steps:
        if node.get("type") == "array":
            return {**node, "items": _keyed(node["items"], path, steps, keys)}
        fields = node.get("properties") or {}
        if steps[0] not in fields:
            raise _no_field("list_keys", path, node, missing=steps[0])
        return {**node, "properties": {**fields, steps[0]: _keyed(fields[steps[0]], path, steps[1:], keys)}}
    fields = (node.get("items") or {}).get("properties") or {}
    sure = set(node.get("items", {}).get("required") or ()) | {name for name, one in fields.items() if "default" in one}
    if lacking := [key for key in keys if key not in sure]:
        raise InvalidConfigError(
            f"list_keys: {path}: items need not have {', '.join(lacking)}", path="list_keys", found=", ".join(lacking),
            expected="fields of its items that are required or have a default",
        )  # fmt: skip
    return {**node, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": keys}


def _no_field(parameter: str, path: str, node: Schema, *, missing: str = "") -> InvalidConfigError:
    fields = list(node.get("properties") or ())
    return InvalidConfigError(
        f"{parameter}: {path} names no field",
        path=parameter,
        found=path,
        suggestions=did_you_mean(missing or path, fields),
    )
