"""Structural schemas and definitions from JSON Schemas."""

import random
from collections.abc import Iterator
from contextlib import suppress
from typing import Annotated, Any, Literal

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outrider.core.errors import InvalidConfigError
from outrider.ports.kube.definitions import CustomKind, definition, plural_of
from outrider.ports.kube.rule_bounds import bounded
from outrider.ports.kube.structural import ANYTHING, document_of, structural
from tests.ports.kube.random_types import random_struct

KIND = CustomKind(group="example.org", kind="Widget")
# Kubernetes, "Specifying a structural schema": what a node may not have.
FORBIDDEN = {"$ref", "$defs", "const", "allOf", "prefixItems", "propertyNames", "uniqueItems", "title", "examples"}


def nodes(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    yield path, schema
    for name, one in schema.get("properties", {}).items():
        yield from nodes(one, f"{path}.{name}")
    for name in ("items", "additionalProperties"):
        if name in schema:
            yield from nodes(schema[name], f"{path}.{name}")


def check_structural(schema: dict[str, Any]) -> None:
    for path, node in nodes(schema):
        marks = {"x-kubernetes-preserve-unknown-fields", "x-kubernetes-int-or-string"}
        assert isinstance(node.get("type"), str) or marks & node.keys(), path
        assert not FORBIDDEN & node.keys(), path
        assert not {"properties", "additionalProperties"} <= node.keys(), path
        assert ("items" in node) == (node.get("type") == "array"), path
        for branch in node.get("anyOf", ()):
            assert not {"type", "description", "default", "nullable"} & branch.keys(), path
            assert branch.get("properties", {}).keys() <= node.get("properties", {}).keys(), path


def of(schema: dict[str, Any]) -> dict[str, Any]:
    return structural(schema)[0]


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 10**6))
def test_schemas_of_types_become_structural(seed: int) -> None:
    schema = document_of(random_struct(random.Random(seed)))
    made, _ = structural(schema)
    check_structural(made)
    check_structural(bounded(made, "spec")[0])


KEYWORDS = [
    "type", "properties", "items", "anyOf", "allOf", "oneOf", "$ref", "$defs", "enum", "const", "additionalProperties", "required", "default",
    "nullable", "uniqueItems", "prefixItems", "pattern", "format", "multipleOf", "exclusiveMinimum", "description", "x-kubernetes-validations",
    "rule", "a", "b",
]  # fmt: skip
JSON = st.recursive(
    st.sampled_from([None, True, False, 1, 0.5, "string", "object", "array", "null", "#/$defs/a", "self == oldSelf"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(KEYWORDS), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.sampled_from(KEYWORDS), JSON, max_size=4))
def test_what_is_no_schema_is_refused_and_no_more(schema: dict[str, Any]) -> None:
    with suppress(InvalidConfigError):
        made, _ = structural(schema)
        check_structural(made)
        definition(KIND, made)


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, {"type": "integer", "nullable": True}),
        ({"type": ["string", "null"]}, {"type": "string", "nullable": True}),
        ({"type": ["integer", "string"]}, {"x-kubernetes-int-or-string": True}),
        ({"type": ["integer", "number"]}, {"type": "number"}),
        ({"enum": ["a", "b.c", None]}, {"type": "string", "pattern": r"^(?:a|b\.c)$", "nullable": True}),
        ({"enum": [1, 2]}, {"type": "integer", "enum": [1, 2]}),
        ({"const": "a"}, {"type": "string", "enum": ["a"]}),
        ({"type": "number", "exclusiveMinimum": 0}, {"type": "number", "minimum": 0, "exclusiveMinimum": True}),
        (
            {"type": "number", "minimum": 0, "exclusiveMinimum": True},
            {"type": "number", "minimum": 0, "exclusiveMinimum": True},
        ),
        ({"type": "string", "format": "decimal"}, {"type": "string"}),
        ({"type": "string", "format": "byte"}, {"type": "string", "format": "byte"}),
        ({"type": "number", "multipleOf": 0.5}, {"type": "number"}),
        ({"type": "number", "multipleOf": 2}, {"type": "number", "multipleOf": 2}),
        ({"type": "string", "pattern": "a(?!b)"}, {"type": "string"}),
        ({"type": "string", "default": None}, {"type": "string"}),
        ({"type": "string", "nullable": True, "example": "x"}, {"type": "string", "nullable": True}),
        ({"type": "array"}, {"type": "array", "items": ANYTHING}),
        (
            {"type": "array", "items": {"type": "string"}, "uniqueItems": True},
            {"type": "array", "items": {"type": "string"}, "x-kubernetes-list-type": "set"},
        ),
        ({"type": "object", "additionalProperties": False}, {"type": "object"}),
        ({"type": "object", "required": ["a"], "anyOf": [{"required": ["b"]}, {"required": ["c"]}]},
         {"type": "object", "required": ["a"], "anyOf": [{"required": ["b"]}, {"required": ["c"]}], **ANYTHING}),
        ({"allOf": [{"$ref": "#/$defs/A"}, {"$ref": "#/$defs/B"}],
          "$defs": {"A": {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]},
                    "B": {"properties": {"b": {"type": "string"}}, "required": ["b"]}}},
         {"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "string"}}, "required": ["a", "b"]}),
    ],
)  # fmt: skip
def test_what_both_can_say_is_said(schema: dict[str, Any], expected: dict[str, Any]) -> None:
    assert of(schema) == expected


class Circle(msgspec.Struct, tag="circle"):
    radius: int
    label: str = "c"


class Square(msgspec.Struct, tag="square"):
    side: int
    label: int = 1


class Tree(msgspec.Struct):
    shape: Circle | Square
    children: list["Tree"] = []
    pair: tuple[int, str] = (1, "a")
    odd: bool | str = True


def test_kinds_of_objects_are_told_apart_by_their_tag_and_what_they_must_have() -> None:
    made, notes = structural(document_of(Tree))
    shape = made["properties"]["shape"]
    assert shape["properties"]["type"] == {"type": "string", "enum": ["circle", "square"]}
    assert shape["required"] == ["type"]
    assert shape["anyOf"] == [
        {"properties": {"type": {"enum": ["circle"]}}, "required": ["type", "radius"]},
        {"properties": {"type": {"enum": ["square"]}}, "required": ["type", "side"]},
    ]
    assert notes == [
        "spec.shape: label differ between its kinds: anything is taken for them",
        "spec.children[]: it contains itself: anything is taken from there on",
        "spec.pair: its elements are of types of their own: anything is taken for each",
        "spec.odd: it may be boolean or string: anything is taken",
    ]


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ({"$ref": "#/$defs/A"}, "refers to what is not there"),
        ({"$ref": "other.json"}, "refers to another document"),
        ({"$ref": "#/$defs/A", "$defs": {"A": {"$ref": "#/$defs/A"}}}, "refers to itself alone"),
        ({"properties": {"a": 3}}, "spec.a: no JSON Schema"),
        ({"$ref": "#/$defs/0", "$defs": {
            str(one): {"properties": {key: {"$ref": f"#/$defs/{one + 1}"} for key in "abcd"}} for one in range(9)
        } | {"9": {}}}, "too large"),
        ({"$ref": "#/$defs/0", "$defs": {
            str(one): {"allOf": [{"$ref": f"#/$defs/{one + 1}"}] * 2} for one in range(40)
        } | {"40": {}}}, "too large"),
    ],
)  # fmt: skip
def test_what_is_no_schema_is_an_error_that_names_the_field(schema: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidConfigError, match=message):
        structural(schema)


def ruled(rule: str) -> Any:
    return msgspec.Meta(extra_json_schema={"x-kubernetes-validations": [{"rule": rule}]})


class Port(msgspec.Struct):
    name: str
    note: str = ""


class Ruled(msgspec.Struct):
    low: int
    high: int
    name: str
    text: str
    mode: Literal["a", "b"]
    ports: list[Annotated[Port, ruled("self.name != ''")]]
    free: list[str]
    whole: Annotated[dict[str, str], ruled("self == oldSelf")]


def test_only_what_rules_look_at_gets_bounds() -> None:
    made = of(document_of(Annotated[Ruled, ruled("self.low < self.high && self.name != self.mode")]))
    found, notes = bounded(made, "spec")
    limits = {
        path: node[bound] for path, node in nodes(found) for bound in ("maxItems", "maxLength", "maxProperties") if bound in node
    }  # fmt: skip
    assert limits == {
        ".name": 1000, ".ports": 100, ".ports.items.name": 1000, ".whole": 100, ".whole.additionalProperties": 1000,
    }  # fmt: skip
    assert len(notes) == len(limits)
    assert notes[0].startswith("spec.name: maxLength is 1000")
    assert bounded(of(document_of(Port)), "spec") == (of(document_of(Port)), [])


def test_a_definition_has_columns_keys_and_subresources() -> None:
    spec = of(document_of(Annotated[Ruled, msgspec.Meta(description="x")]))
    condition = {
        "type": "object",
        "properties": {"type": {"type": "string"}, "status": {"type": "string"}},
        "required": ["type"],
    }
    status = of({"type": "object", "properties": {
        "replicas": {"type": "integer"}, "conditions": {"type": "array", "items": condition}, "seen": {"type": "string", "format": "date-time"},
    }})  # fmt: skip
    spec["properties"]["replicas"] = {"type": "integer"}
    kind = msgspec.structs.replace(
        KIND, scale=True, selectable=[".spec.mode"], list_keys={"status.conditions": ["type"], "spec.ports": ["name"]},
        columns={"Low": ".spec.low", "Ready": '.status.conditions[?(@.type=="Ready")].status', "Seen": ".status.seen", "Port": ".spec.ports[0]"},
    )  # fmt: skip
    made, _ = definition(kind, spec, status)
    [version] = made["spec"]["versions"]
    assert made["metadata"]["name"] == "widgets.example.org"
    assert [(one["name"], one["type"]) for one in version["additionalPrinterColumns"]] == [
        ("Low", "integer"), ("Ready", "string"), ("Seen", "date"), ("Port", "string"), ("Age", "date"),
    ]  # fmt: skip
    assert version["subresources"] == {
        "status": {}, "scale": {"specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas"}
    }  # fmt: skip
    whole = version["schema"]["openAPIV3Schema"]["properties"]
    assert whole["status"]["properties"]["conditions"]["x-kubernetes-list-map-keys"] == ["type"]
    assert whole["spec"]["properties"]["ports"]["x-kubernetes-list-type"] == "map"


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"columns": {"Size": ".spec.sice"}}, "columns"),
        ({"list_keys": {"spec.sice": ["name"]}}, "list_keys"),
        ({"list_keys": {"spec.ports": ["note"]}}, ""),
        ({"list_keys": {"spec.ports": ["nome"]}}, "list_keys"),
        ({"list_keys": {"spec.free": ["name"]}}, "list_keys"),
        ({"scale": True}, "scale"),
    ],
)
def test_paths_that_name_no_field_are_refused(changes: dict[str, Any], path: str) -> None:
    kind = msgspec.structs.replace(KIND, **changes)
    if not path:
        definition(kind, of(document_of(Ruled)))
        return
    with pytest.raises(InvalidConfigError) as caught:
        definition(kind, of(document_of(Ruled)))
    assert caught.value.path == path


def test_plurals_are_those_of_english() -> None:
    words = ("widget", "policy", "gateway", "box", "mesh", "class")
    assert [plural_of(word) for word in words] == ["widgets", "policies", "gateways", "boxes", "meshes", "classes"]
