"""Documents: what is offered of them, under which names, and what is left out."""

import json
import re
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from outrider.core.errors import InvalidConfigError, LimitedError, OutriderError, UnsupportedError
from outrider.sidecar.tools.servers.openapi import reading, schemas
from outrider.sidecar.tools.servers.openapi.document import Document, read_document
from outrider.sidecar.tools.servers.openapi.names import Identity, argument_names, fit, tool_names
from outrider.sidecar.tools.servers.openapi.reading import read_operations
from outrider.sidecar.tools.servers.openapi.schemas import Schemas
from outrider.sidecar.tools.servers.openapi.yaml_reader import read_yaml
from tests.sidecar.tools.openapi.support import document, offer, operation


def named(*operations: tuple[str, str, str]) -> list[str]:
    return tool_names([Identity(*one) for one in operations])


def test_names_of_tools() -> None:
    assert named(("GET", "/a", "listA"), ("POST", "/a/{id}", ""), ("GET", "/", ""), ("GET", "/b", "b/list all")) == [
        "listA", "post_a_id", "get", "b_list_all",
    ]  # fmt: skip


def test_an_id_that_stands_twice_names_nothing() -> None:
    first, second = ("GET", "/a", "same"), ("DELETE", "/b", "same")
    assert named(first, second) == ["get_a", "delete_b"]
    assert named(second, first) == ["delete_b", "get_a"]


def test_names_that_become_one_are_told_apart_by_a_hash() -> None:
    operations = [("GET", "/a/{b}", ""), ("GET", "/a/b", ""), ("GET", "/x", "get_y"), ("GET", "/y", "")]
    made = named(*operations)
    assert len(set(made)) == 4
    assert made[2] == "get_y"
    assert all(name.startswith("get_a_b_") for name in made[:2])
    assert dict(zip(operations, made, strict=True)) == dict(
        zip(reversed(operations), named(*reversed(operations)), strict=True)
    )


@given(st.lists(st.tuples(st.sampled_from(["GET", "PUT"]), st.text(max_size=200), st.text(max_size=200)), unique=True))
def test_names_are_those_that_clients_take(operations: list[tuple[str, str, str]]) -> None:
    for name in named(*operations):
        assert 0 < len(name) <= 128
        assert fit(name, 128) == name


def test_names_of_arguments() -> None:
    parameters = [
        ("id", "path"),
        ("id", "query"),
        ("id", "header"),
        ("body", "query"),
        ("$filter", "query"),
        ("page[size]", "query"),
        ("€", "query"),
    ]
    assert argument_names(parameters, ["body"]) == [
        "id", "id_query", "id_header", "body_query", "filter", "page_size", "query",
    ]  # fmt: skip


@given(st.lists(st.tuples(st.text(min_size=1), st.sampled_from(["path", "query"]))))
def test_names_of_arguments_are_apart(parameters: list[tuple[str, str]]) -> None:
    names = argument_names(parameters, ["body"])
    assert len({*names, "body"}) == len(parameters) + 1
    assert all(0 < len(name) <= 64 for name in names)


def test_what_a_tool_says() -> None:
    found = operation(
        "/pets/{id}", "delete", summary="Removes a pet", description="For ever.", deprecated=True
    ).definition
    assert found == {
        "name": "op", "title": "Removes a pet", "description": "Deprecated. Removes a pet\n\nFor ever.",
        "inputSchema": {
            "$comment": "DELETE /pets/{id}", "type": "object", "properties": {"id": {"type": "string"}}, "required": ["id"],
            "additionalProperties": False,
        },
        "annotations": {"readOnlyHint": False, "destructiveHint": True, "idempotentHint": True},
    }  # fmt: skip
    assert operation("/a", "get").definition["description"] == "GET /a"
    assert len(operation("/a", description="x" * 10_000).definition["description"]) == 4000


@pytest.mark.parametrize(
    ("method", "hints"),
    [
        ("get", {"readOnlyHint": True}), ("head", {"readOnlyHint": True}), ("options", {"readOnlyHint": True}),
        ("post", {"readOnlyHint": False}), ("patch", {"readOnlyHint": False}), ("query", {"readOnlyHint": True}),
        ("put", {"readOnlyHint": False, "idempotentHint": True}),
    ],
)  # fmt: skip
def test_hints(method: str, hints: dict[str, bool]) -> None:
    assert operation("/a", method).definition["annotations"] == hints


def test_parameters_of_a_path_and_of_an_operation() -> None:
    components = {
        "parameters": {"P": {"name": "p", "in": "query", "schema": {"type": "integer"}, "description": "pages"}}
    }
    item = [{"$ref": "#/components/parameters/P"}, {"name": "q", "in": "query", "schema": {"type": "integer"}}]
    own = [{"name": "q", "in": "query", "required": True, "schema": {"type": "string"}}, {"name": "gone", "in": "path"}]
    found = offer({"/a": {"parameters": item, "get": {"operationId": "a", "parameters": own}}}, components=components)
    assert found.operations["a"].definition["inputSchema"]["properties"] == {
        "p": {"type": "integer", "description": "pages"}, "q": {"type": "string"},
    }  # fmt: skip
    assert found.operations["a"].definition["inputSchema"]["required"] == ["q"]


def test_what_says_who_calls_is_not_the_agents() -> None:
    schemes = {
        "a": {"type": "apiKey", "in": "header", "name": "X-Key"},
        "b": {"$ref": "#/components/securitySchemes/c"},
        "c": {"type": "apiKey", "in": "query", "name": "key"},
    }
    names = [
        ("Authorization", "header"),
        ("x-key", "header"),
        ("X-Team", "header"),
        ("Content-Type", "header"),
        ("key", "query"),
        ("Host", "header"),
        ("x", "header"),
    ]
    parameters = [{"name": name, "in": place, "required": True, "schema": {}} for name, place in names]
    found = offer(
        {"/a": {"get": {"operationId": "a", "parameters": parameters}}}, frozenset({"x-team"}), components={"securitySchemes": schemes}
    )  # fmt: skip
    assert list(found.operations["a"].definition["inputSchema"]["properties"]) == ["x"]
    assert found.operations["a"].definition["inputSchema"]["required"] == ["x"]
    assert "key" in found.operations["a"].unoffered


LEFT_OUT: list[tuple[str, Any, str]] = [
    ("a", {"get": {}}, "begin with /"), ("/a?b=1", {"get": {}}, "no path has"), ("/a/../b", {"get": {}}, "climbs"),
    ("/a/%2e%2E/b", {"get": {}}, "climbs"), ("/a/{b", {"get": {}}, "braces"), ("/{a/b}", {"get": {}}, "braces"), ("/a\n", {"get": {}}, "no path has"),
    ("/a", {"get": []}, "no mapping"), ("/a", 7, "no mapping"), ("/a", {"trace": {}}, "TRACE is not sent"),
    ("/a", {"additionalOperations": {"b\r\nc": {}}}, "is not sent"),
    ("/a", {"get": {"servers": [{"url": "https://b.internal"}]}}, "server of its own"),
    ("/a", {"servers": [{"url": "https://b.internal"}], "get": {}}, "server of its own"),
    ("/a", {"get": {"parameters": {}}}, "no list"), ("/a", {"get": {"parameters": [{"name": "a"}]}}, "no place"),
    ("/a", {"get": {"parameters": [{"name": "a", "in": "querystring"}]}}, "is in 'querystring'"),
    ("/a", {"get": {"parameters": [{"name": "a", "in": "query", "style": "matrix"}]}}, "none of a query"),
    ("/a", {"get": {"parameters": [{"name": "a\r\nb", "in": "header"}]}}, "name of a header"),
    ("/a", {"get": {"parameters": [{"name": "a=b", "in": "cookie", "style": "cookie"}]}}, "name of a cookie"),
    ("/a", {"get": {"parameters": [{"name": "a", "in": "query", "content": {"text/xml": {}}}]}}, "only JSON"),
    ("/a", {"get": {"parameters": [{"$ref": "#/components/parameters/loop"}]}}, "in a circle"),
    ("/a", {"$ref": "#/paths/~1a"}, "in a circle"),
    ("/a", {"post": {"requestBody": {"required": True, "content": {"application/pdf": {}}}}}, "not sent"),
    ("/a", {"post": {"requestBody": {}}}, "no content"),
    ("/a", {"post": {"requestBody": {"content": {"text/a\r\nX-A: b": {}}}}}, "cannot be sent"),
    ("/a", {"get": {"parameters": [{"name": str(n), "in": "query"} for n in range(201)]}}, "more than 200"),
]  # fmt: skip


@pytest.mark.parametrize(("path", "item", "why"), LEFT_OUT)
def test_an_operation_that_is_broken_is_left_out_and_the_rest_stays(path: str, item: Any, why: str) -> None:
    loop = {"loop": {"$ref": "#/components/parameters/loop"}}
    found = offer({path: item, "/good": {"get": {"operationId": "good"}}}, components={"parameters": loop})
    assert set(found.operations) == {"good"}
    (reason,) = found.left_out.values()
    assert why in reason


def test_a_server_that_is_the_documents_is_none_of_its_own() -> None:
    servers = [{"url": "https://a.internal"}]
    assert "a" in offer({"/a": {"get": {"operationId": "a", "servers": servers}}}, servers=servers).operations


def test_a_document_has_room_for_so_much(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "LONGEST_LIST", 400)
    found = offer({f"/{n}": {"get": {"operationId": f"o{n}"}} for n in range(9)})
    assert len(found.operations) < 9 == len(found.operations) + len(found.left_out)


def test_a_document_without_operations() -> None:
    with pytest.raises(InvalidConfigError, match="no operations"):
        offer({})


def test_keys_that_are_merged_are_counted() -> None:
    chain = "a0: &a0 {x: 1}\n" + "".join(f"a{n}: &a{n} {{<<: *a{n - 1}, x{n}: 1}}\n" for n in range(1, 3000))
    with pytest.raises(InvalidConfigError, match="<< brings more than"):
        read_yaml(chain)


def test_a_few_words_do_not_make_much_work(monkeypatch: pytest.MonkeyPatch) -> None:
    item = {"post": {"requestBody": {"$ref": "#/components/requestBodies/B"}}}
    big: dict[str, Any] = {
        "content": {"application/json": {"schema": {"properties": {f"p{n}": {} for n in range(20_000)}}}}
    }
    monkeypatch.setattr(schemas, "LONGEST_WORK", 200_000)
    found = offer({f"/{n}": item for n in range(50)}, components={"requestBodies": {"B": big}})
    assert found.operations == {}
    assert "too much work" in found.left_out["post_49"]
    with pytest.raises(LimitedError, match="more than 10000 operations"):
        offer(
            {f"/{n}": {"$ref": "#/components/pathItems/P"} for n in range(5001)},
            components={"pathItems": {"P": {"get": {}, "put": {}}}},
        )
    many: dict[str, Any] = {"content": {f"text/x{n}": {} for n in range(101)}}
    assert "more than 100 types" in offer({"/a": {"post": {"requestBody": many}}}).left_out["post_a"]
    parameters = [{"name": "a", "in": "query"}] * 401
    assert "more than 200" in offer({"/a": {"get": {"parameters": parameters}}}).left_out["get_a"]


def test_properties_that_are_not_asked_for_are_bounded() -> None:
    big = {"properties": {f"p{n}": {"readOnly": True} for n in range(5000)}}
    made = Schemas(Document({"s": big})).read_only({"allOf": [{"$ref": "#/s"}, {"$ref": "#/s"}]})
    assert len(made) == 1000


@pytest.mark.parametrize(
    ("text", "error", "said"),
    [
        (b"\xff\xfe", InvalidConfigError, "no UTF-8"), (b'{"openapi": "3.1.0"', InvalidConfigError, "JSON"),
        (b'{"openapi":"3.1.0","openapi":"3.0.0"}', InvalidConfigError, "twice"),
        (b"- a", InvalidConfigError, "no mapping"), (b"", InvalidConfigError, "no mapping"), (b"a: [", InvalidConfigError, "not YAML"),
        (b"swagger: '2.0'", UnsupportedError, "Swagger 2.0"), (b"openapi: 4.0.0", UnsupportedError, "'4.0.0', not 3.x"),
        (b"title: x", UnsupportedError, "no version"), (b"a: 1\na: 2", InvalidConfigError, "stands twice in line 2"),
        (b"a: !!python/object:os.system x", InvalidConfigError, "the tag"), (b"a: &a [*a]", InvalidConfigError, "stands for nothing"),
        (b"a: *b", InvalidConfigError, "stands for nothing"), (b"a: 1\n---\nb: 1", InvalidConfigError, "second document"),
        (b"? [a]\n: 1", InvalidConfigError, "a key is a list"), (b"[" * 100_000, InvalidConfigError, "nested deeper than 200"),
        (b"{" * 100_000, InvalidConfigError, "JSON"), (b"a: \x01", InvalidConfigError, "not YAML"), (b"<<: 1", InvalidConfigError, "takes mappings"),
    ],
)  # fmt: skip
def test_what_is_no_document(text: bytes, error: type[OutriderError], said: str) -> None:
    with pytest.raises(error) as caught:
        read_document(text)
    assert said in caught.value.message


def test_yaml_has_the_types_of_json() -> None:
    text = """
    text: [NO, on, 2020-01-01, 12:30, 010, 1_000, "1", '2', .inf, ~x, !!str 5]
    number: [1, -2, +3, 1.50, 1e3, .5, 0]
    other: [true, False, null, ~, ""]
    200: {default: &a {x: 1, y: 2}}
    merged: {<<: *a, y: 3}
    both: {<<: [*a, {z: 4, x: 9}]}
    """
    assert read_yaml(text) == {
        "text": ["NO", "on", "2020-01-01", "12:30", "010", "1_000", "1", "2", ".inf", "~x", "5"],
        "number": [1, -2, 3, 1.5, 1000.0, 0.5, 0], "other": [True, False, None, None, ""],
        "200": {"default": {"x": 1, "y": 2}}, "merged": {"x": 1, "y": 3}, "both": {"x": 1, "y": 2, "z": 4},
    }  # fmt: skip


# PyYAML writes YAML 1.1, in which `1e5` is a text.
TEXTS = st.text(st.characters(exclude_categories=["Cs"])).filter(
    lambda text: not re.fullmatch(r"[-+]?[0-9.]+[eE][-+]?[0-9]+", text)
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])).filter(lambda key: key != "<<"), inner),
)  # fmt: skip


@given(VALUES)
def test_yaml_and_json_of_others_are_read_as_they_were_written(value: Any) -> None:
    assert read_yaml(yaml.safe_dump(value)) == value
    text = json.dumps(value, ensure_ascii=False)
    if text.isascii() and text.isprintable():  # else JSON is no YAML
        assert read_yaml(text) == value


JSONISH = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2) | st.sampled_from(["a", "query", "path", "form", "#/paths", "#/components/x"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["get", "post", "parameters", "name", "in", "schema", "$ref", "requestBody", "content", "application/json", "servers", "url", "/a", "style", "operationId", "encoding"]),
        inner, max_size=5,
    ),
)  # fmt: skip


@given(JSONISH, JSONISH)
@settings(deadline=None)
def test_whatever_a_document_holds_it_is_read_or_told_of(paths: Any, components: Any) -> None:
    try:
        found = read_operations(Document(document(paths, components=components)), frozenset())
    except InvalidConfigError as error:
        assert "no operations" in error.message  # noqa: PT017 - either is right
        return
    assert all(one.definition["inputSchema"]["type"] == "object" for one in found.operations.values())
