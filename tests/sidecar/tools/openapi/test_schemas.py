"""Schemas of OpenAPI as JSON Schema 2020-12."""

from typing import Any

import jsonschema
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from outrider.core.errors import InvalidConfigError, LimitedError
from outrider.sidecar.tools.servers.openapi import checking, schemas
from outrider.sidecar.tools.servers.openapi.checking import check
from tests.sidecar.tools.openapi.support import offer, operation, schema

REF = "#/components/schemas/"


def body(value: Any, components: Any = None) -> Any:
    """Return what becomes of a schema in itself."""
    return schema(value, components)["properties"]["body"]


@pytest.mark.parametrize(
    ("said", "made"),
    [
        ({"type": "string", "nullable": True}, {"type": ["string", "null"]}),
        ({"type": ["string", "null"], "nullable": True}, {"type": ["string", "null"]}),
        ({"type": "string", "enum": ["a"], "nullable": True}, {"type": ["string", "null"], "enum": ["a", None]}),
        ({"nullable": True}, {}),
        ({"allOf": [{"type": "object"}], "nullable": True}, {"anyOf": [{"allOf": [{"type": "object"}]}, {"type": "null"}]}),
        ({"minimum": 1, "exclusiveMinimum": True}, {"exclusiveMinimum": 1}),
        ({"minimum": 1, "exclusiveMinimum": False, "maximum": 2, "exclusiveMaximum": True}, {"minimum": 1, "exclusiveMaximum": 2}),
        ({"exclusiveMinimum": 3}, {"exclusiveMinimum": 3}),
        ({"properties": {"$ref": {"type": "string"}}}, {"properties": {"$ref": {"type": "string"}}}),
        ({"additionalProperties": False, "not": True}, {"additionalProperties": False, "not": {}}),
        ({"prefixItems": [{"type": "null"}], "items": False}, {"prefixItems": [{"type": "null"}], "items": False}),
        # What is not as the specification has it, or says nothing of what may be sent.
        ({"type": "file", "required": True, "enum": "a", "minLength": -1, "items": [], "example": 1, "xml": {}, "x-a": 1}, {}),
        ({"type": ["string", "int"], "pattern": 5, "properties": [], "allOf": [], "maximum": True}, {"type": ["string"]}),
        ([], {}),
    ],
)  # fmt: skip
def test_what_is_written_differently_today(said: Any, made: Any) -> None:
    assert body(said) == made


def test_what_only_answers_have_is_not_asked_for() -> None:
    base = {"type": "object", "required": ["id", "name"], "properties": {"id": {"$ref": REF + "Id"}, "name": {}}}
    components = {
        "Id": {"type": "integer", "readOnly": True}, "Base": base,
        "Pet": {"allOf": [{"$ref": REF + "Base"}, {"type": "object", "required": ["id", "made", "tag"], "properties": {"tag": {}, "made": {"readOnly": True}}}]},
    }  # fmt: skip
    made = schema({"$ref": REF + "Pet"}, components)["$defs"]
    assert made["Base"] == {"type": "object", "required": ["name"], "properties": {"name": {}}}
    assert made["Pet"]["allOf"][1] == {"type": "object", "required": ["tag"], "properties": {"tag": {}}}
    assert "Id" not in made


def test_references_are_kept_also_those_that_go_in_a_circle() -> None:
    node = {"type": "object", "properties": {"next": {"$ref": REF + "Node"}, "value": {"type": "integer"}}}
    made = schema({"$ref": REF + "Node", "description": "where"}, {"Node": node})
    assert made["properties"]["body"] == {"$ref": "#/$defs/Node", "description": "where"}
    check(made, {"body": {"next": {"next": {"value": 1}}}})
    with pytest.raises(InvalidConfigError, match=r"body\.next\.next\.value") as caught:
        check(made, {"body": {"next": {"next": {"value": "x"}}}})
    assert caught.value.path == "body.next.next.value"


def test_names_in_defs_are_plain_and_apart() -> None:
    components = {"a b": {"type": "string"}, "a/b": {"type": "integer"}, "~": {"type": "null"}}
    made = schema(
        {"oneOf": [{"$ref": REF + one} for one in ("a%20b", "a~1b", "~0")]}, components
    )  # fmt: skip
    assert [made["$defs"][one["$ref"].removeprefix("#/$defs/")] for one in made["properties"]["body"]["oneOf"]] == [
        {"type": "string"}, {"type": "integer"}, {"type": "null"},
    ]  # fmt: skip


@pytest.mark.parametrize(
    "reference", ["other.yaml#/A", "https://a.internal/s.json", "#/components/schemas/None", "#anchor", "#/paths/0/x"]
)
def test_a_reference_that_is_not_followed_leaves_its_operation_out(reference: str) -> None:
    content = {"application/json": {"schema": {"items": {"$ref": reference}}}}
    found = offer(
        {"/a": {"post": {"operationId": "a", "requestBody": {"content": content}}, "get": {"operationId": "b"}}}
    )
    assert set(found.operations) == {"b"}
    assert found.left_out["a"].startswith(f"POST /a: $ref '{reference}' leads")


def test_what_is_too_long_is_shown_as_anything() -> None:
    components = {
        f"S{n}": {"description": "x" * 1900, "properties": {"next": {"$ref": f"{REF}S{n + 1}"}, "same": {"$ref": f"{REF}S{n}"}}}
        for n in range(200)
    } | {"S200": {}}  # fmt: skip
    made = schema({"$ref": REF + "S0"}, components)
    assert len(made["$defs"]) < 50
    assert list(made["$defs"].values())[-1] == {}
    jsonschema.Draft202012Validator.check_schema(made)
    check(made, {"body": {"next": {"next": 1}}})


def test_huge_enumerations_are_not_shown() -> None:
    assert body({"type": "string", "enum": [str(n) for n in range(100_000)]}) == {"type": "string"}


def test_one_schema_that_is_too_long_leaves_its_operation_out() -> None:
    value: Any = {"properties": {f"property{n}": {"type": "string"} for n in range(10_000)}}
    found = offer(
        {"/a": {"post": {"operationId": "a", "requestBody": {"content": {"application/json": {"schema": value}}}}}}
    )
    assert "longer than" in found.left_out["a"]
    # As a component it is one that allows anything.
    assert schema({"$ref": REF + "Big"}, {"Big": value})["$defs"] == {"Big": {}}


@pytest.mark.parametrize("inner", ["properties", "default"])
def test_deep_nesting_leaves_its_operation_out(inner: str) -> None:
    value: Any = {}
    for _ in range(150):
        value = {inner: {"a": value}}
    found = offer(
        {
            "/a": {
                "post": {
                    "operationId": "a",
                    "requestBody": {"content": {"application/json": {"schema": {"x": 1, **value}}}},
                }
            }
        }
    )
    assert "nested deeper" in found.left_out["a"]


def test_what_stands_for_much_is_counted() -> None:
    value: Any = "lol"
    for _ in range(50):
        value = [value] * 10  # as aliases of YAML can say it
    for said in ({"default": value}, {"const": value}):
        content = {"application/json": {"schema": said}}
        assert (
            "longer" in offer({"/a": {"post": {"operationId": "a", "requestBody": {"content": content}}}}).left_out["a"]
        )
    wide: Any = {}
    for _ in range(50):
        wide = {"allOf": [wide] * 10}
    content = {"application/json": {"schema": wide}}
    assert "longer" in offer({"/a": {"post": {"operationId": "a", "requestBody": {"content": content}}}}).left_out["a"]


KEYWORDS = st.sampled_from([
    "type", "enum", "const", "properties", "required", "items", "allOf", "anyOf", "oneOf", "not", "nullable", "minimum",
    "exclusiveMinimum", "maxLength", "pattern", "$ref", "additionalProperties", "readOnly", "uniqueItems", "multipleOf",
    "patternProperties", "dependentRequired", "dependentSchemas", "if", "then", "prefixItems", "contains", "minContains",
])  # fmt: skip
PLAIN = (
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.sampled_from(["string", "object", "a", "b", REF + "A", REF + "B", "("])
)
ANY = st.recursive(
    PLAIN,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYWORDS | st.sampled_from("ab"), inner, max_size=4),
)
SCHEMA = st.dictionaries(KEYWORDS, ANY, max_size=5)


@given(SCHEMA, SCHEMA, SCHEMA, ANY)
@example({"type": None, "additionalProperties": {"pattern": "("}}, {}, {}, None)
@settings(deadline=None)
def test_whatever_stands_there_a_schema_comes_out(said: Any, a: Any, b: Any, value: Any) -> None:
    content = {"application/json": {"schema": said}}
    paths = {"/a": {"post": {"operationId": "op", "requestBody": {"content": content}}}}
    found = offer(paths, components={"schemas": {"A": a, "B": b}})
    if found.left_out:
        assert "$ref" in found.left_out["op"]
        return
    made = found.operations["op"].definition["inputSchema"]
    # A pattern is shown as it stands: it is one of ECMA-262, and the validator would read it as one of Python.
    jsonschema.Draft202012Validator.check_schema(made, format_checker=jsonschema.FormatChecker(formats=()))
    try:
        check(made, {"body": value})
    except InvalidConfigError as error:
        assert "argument" in error.message  # noqa: PT017 - either is right


def checked(properties: Any, **arguments: Any) -> None:
    check({"type": "object", "properties": properties, "additionalProperties": False, "required": ["a"]}, arguments)


@pytest.mark.parametrize(
    ("arguments", "path", "said"),
    [
        ({}, "a", "the arguments lack 'a'"),
        ({"a": "x"}, "a", "argument 'a' does not fit: 'x' is not of type 'integer'"),
        ({"a": 1, "bb": 2}, "bb", "the arguments: there is no 'bb'"),
        ({"a": 1, "b": [{"c": "x"}]}, "b[0].c", "argument 'b[0].c' does not fit"),
        ({"a": 1, "b": [{}]}, "b[0].c", "argument 'b[0]' lacks 'c'"),
    ],
)  # fmt: skip
def test_errors_name_the_argument(arguments: Any, path: str, said: str) -> None:
    properties = {
        "a": {"type": "integer"},
        "b": {"items": {"required": ["c"], "properties": {"c": {"type": "integer"}}}},
    }
    with pytest.raises(InvalidConfigError) as caught:
        checked(properties, **arguments)
    assert caught.value.message.startswith(said)
    assert caught.value.path == path


def test_arguments_that_are_no_object() -> None:
    with pytest.raises(InvalidConfigError, match="the arguments do not fit"):
        check({"type": "object"}, [1])


def test_patterns_are_left_to_the_service() -> None:
    slow = {"pattern": "^(a+)+$", "patternProperties": {"^(a+)+$": False}, "additionalProperties": False}
    checked({"a": slow}, a="a" * 60 + "!")
    checked({"a": slow}, a={"a" * 60 + "!": 1})


def test_members_are_compared_in_one_pass() -> None:
    unique = {"a": {"uniqueItems": True}}
    checked(unique, a=[{"n": n} for n in range(100_000)])
    checked(unique, a=[1, True, "1"])
    with pytest.raises(InvalidConfigError, match="a member twice"):
        checked(unique, a=[{"n": 1, "m": 2}, {"m": 2, "n": 1}])


def test_a_check_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checking, "CHECK_SECONDS", 0.2)
    twice = {"anyOf": [{"properties": {"n": {"$ref": "#/$defs/T"}}, "required": ["x"]}] * 2}
    value: Any = {}
    for _ in range(60):
        value = {"n": value}
    with pytest.raises(LimitedError, match="cannot be checked"):
        check({"$defs": {"T": twice}, "properties": {"a": {"$ref": "#/$defs/T"}}}, {"a": value})


def test_schemas_that_are_their_own_part() -> None:
    made = schema({"$ref": REF + "A"}, {"A": {"allOf": [{"$ref": REF + "A"}]}})
    with pytest.raises(InvalidConfigError, match="goes in a circle"):
        check(made, {"body": 1})


def test_the_length_of_a_definition_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schemas, "LONGEST_SHARED", 10)
    made = operation(
        "/{a}",
        parameters=[{"name": "b", "in": "query", "schema": {"$ref": REF + "B"}}],
        components={"schemas": {"B": {"type": "string", "title": "long"}}},
    )
    assert made.definition["inputSchema"]["$defs"] == {"B": {}}
