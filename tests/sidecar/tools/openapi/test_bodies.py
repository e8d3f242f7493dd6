"""Bodies of requests, read by what we did not write."""

import json
from typing import Any
from urllib.parse import parse_qsl, unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multipart import MultipartParser, parse_options_header

from outrider.core.errors import InvalidConfigError
from outrider.sidecar.tools.servers.openapi.requests import Asked, build
from tests.sidecar.tools.openapi.support import operation

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
FORM, MULTIPART = "application/x-www-form-urlencoded", "multipart/form-data"


def posted(media: str, body: Any, schema: Any = None, **more: Any) -> Asked:
    content = {media: {"schema": schema if schema is not None else {"type": "object"}, **more}}
    return build(operation("/x", "post", requestBody={"content": content}), {"body": body}, {})


def parts(asked: Asked) -> list[Any]:
    from io import BytesIO

    _, options = parse_options_header(asked.headers.get("content-type"))
    return list(MultipartParser(BytesIO(asked.body), options["boundary"], charset="utf-8", strict=True))


@pytest.mark.parametrize(
    "media", ["application/json", "application/merge-patch+json", "application/json; charset=utf-8", "Application/JSON"]
)
@pytest.mark.parametrize("body", [{"a": [1, None, "ü"]}, [], "x", None, 0, False])
def test_json(media: str, body: Any) -> None:
    asked = posted(media, body, {})
    assert asked.headers.get("content-type") == media
    assert json.loads(asked.body) == body


@pytest.mark.parametrize("media", ["*/*", "application/*"])
def test_a_range_that_json_is_in(media: str) -> None:
    assert posted(media, {}).headers.get("content-type") == "application/json"


def test_json_comes_before_what_else_is_taken() -> None:
    content: dict[str, Any] = {"text/plain": {}, MULTIPART: {}, FORM: {}, "application/json": {}}
    found = operation("/x", "post", requestBody={"content": content}).body
    assert found is not None
    assert found.kind == "json"


def test_text() -> None:
    asked = posted("text/csv", "a;ü\r\n", {"type": "string"})
    assert (asked.headers.get("content-type"), asked.body) == ("text/csv; charset=utf-8", "a;ü\r\n".encode())


@given(st.dictionaries(TEXT, TEXT))
def test_a_form_reads_as_it_was_written(values: dict[str, str]) -> None:
    asked = posted(FORM, values)
    assert dict(parse_qsl(asked.body.decode("ascii"), keep_blank_values=True, strict_parsing=bool(values))) == values


def test_a_form_of_more_than_texts() -> None:
    value = {"list": ["a", 1, True], "object": {"a": [1]}, "nested": [{"b": 2}], "none": None}
    assert parse_qsl(posted(FORM, value).body.decode()) == [
        ("list", "a"), ("list", "1"), ("list", "true"), ("object", '{"a":[1]}'), ("nested", '{"b":2}'),
    ]  # fmt: skip


def test_a_form_with_encodings() -> None:
    encoding = {
        "deep": {"style": "deepObject", "explode": True}, "joined": {"explode": False}, "spaced": {"style": "spaceDelimited"},
        "raw": {"allowReserved": True}, "json": {"contentType": "application/json"}, "flat": {"style": "form"},
    }  # fmt: skip
    value = {
        "deep": {"a": {"b": 1}},
        "joined": [1, 2],
        "spaced": ["x", "y"],
        "raw": "a/b&c",
        "json": [1],
        "flat": {"k": "v"},
    }
    body = posted(FORM, value, encoding=encoding).body.decode()
    assert body == "deep%5Ba%5D%5Bb%5D=1&joined=1,2&spaced=x%20y&raw=a/b%26c&json=%5B1%5D&k=v"
    assert ("deep[a][b]", "1") in parse_qsl(unquote(body))


def test_a_form_is_an_object() -> None:
    with pytest.raises(InvalidConfigError, match="is a form"):
        posted(FORM, ["a"], {"type": "array"})


@given(st.dictionaries(TEXT.filter(lambda name: not set(name) & set('"\r\n%') and name != ""), TEXT, max_size=5))
def test_parts_read_as_they_were_written(values: dict[str, str]) -> None:
    asked = posted(MULTIPART, values or {"a": ""})
    found = {part.name: part.value for part in parts(asked)}
    assert found == (values or {"a": ""})


def test_files_and_objects_in_parts() -> None:
    properties = {
        "file": {"type": "string", "format": "binary"},
        "files": {"type": "array", "items": {"type": "string", "contentMediaType": "text/csv"}},
    }
    encoding = {"file": {"contentType": "text/csv, text/plain"}}
    value = {"file": "a,b\n", "files": ["1", "2"], "about": {"a": 1}, "n": 5}
    found = parts(posted(MULTIPART, value, {"type": "object", "properties": properties}, encoding=encoding))
    assert [(one.name, one.filename, one.content_type, one.value) for one in found] == [
        ("file", "file", "text/csv", "a,b\n"), ("files", "files", "application/octet-stream", "1"),
        ("files", "files", "application/octet-stream", "2"), ("about", None, "application/json", '{"a":1}'),
        ("n", None, found[4].content_type, "5"),
    ]  # fmt: skip


def test_no_name_makes_a_part() -> None:
    asked = posted(MULTIPART, {'a"\r\n\r\nb\r\n--x': "1"})
    (part,) = parts(asked)
    assert part.value == "1"


def test_a_body_that_may_be_left_away() -> None:
    made = operation("/x", "post", requestBody={"content": {"application/json": {}}, "description": "what"})
    assert made.definition["inputSchema"]["properties"] == {"body": {"description": "what"}}
    assert "required" not in made.definition["inputSchema"]
    asked = build(made, {}, {})
    assert (asked.body, asked.headers.get("content-type")) == (b"", None)
    pdf = operation("/x", "post", requestBody={"content": {"application/pdf": {}}})
    assert pdf.definition["inputSchema"]["properties"] == {}
