"""Values of parameters: the table of the specification, the standard library, and values that want to be more than a value."""

import json
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outrider.core.errors import InvalidConfigError
from outrider.sidecar.tools.servers.openapi.requests import build
from outrider.sidecar.tools.servers.openapi.styles import escaped, text_of
from tests.sidecar.tools.openapi.support import operation, sent

EMPTY, TEXT, LIST, OBJECT = "", "blue", ["blue", "black", "brown"], {"R": 100, "G": 200, "B": 150}
# OpenAPI 3.1.1, "Style Examples"; what is not applicable there is not here. The name is `color`.
TABLE = [
    ("path", "matrix", False, (";color", ";color=blue", ";color=blue,black,brown", ";color=R,100,G,200,B,150")),
    ("path", "matrix", True, (";color", ";color=blue", ";color=blue;color=black;color=brown", ";R=100;G=200;B=150")),
    ("path", "label", False, (None, ".blue", ".blue,black,brown", ".R,100,G,200,B,150")),
    ("path", "label", True, (None, ".blue", ".blue.black.brown", ".R=100.G=200.B=150")),
    ("path", "simple", False, (None, "blue", "blue,black,brown", "R,100,G,200,B,150")),
    ("path", "simple", True, (None, "blue", "blue,black,brown", "R=100,G=200,B=150")),
    ("query", "form", False, ("color=", "color=blue", "color=blue,black,brown", "color=R,100,G,200,B,150")),
    ("query", "form", True, ("color=", "color=blue", "color=blue&color=black&color=brown", "R=100&G=200&B=150")),
    ("query", "spaceDelimited", False, (None, None, "color=blue%20black%20brown", "color=R%20100%20G%20200%20B%20150")),
    ("query", "pipeDelimited", False, (None, None, "color=blue%7Cblack%7Cbrown", "color=R%7C100%7CG%7C200%7CB%7C150")),
    ("query", "deepObject", True, (None, None, None, "color%5BR%5D=100&color%5BG%5D=200&color%5BB%5D=150")),
    ("header", "simple", False, (EMPTY, "blue", "blue,black,brown", "R,100,G,200,B,150")),
    ("header", "simple", True, (EMPTY, "blue", "blue,black,brown", "R=100,G=200,B=150")),
    ("cookie", "form", False, ("color=", "color=blue", "color=blue,black,brown", "color=R,100,G,200,B,150")),
    ("cookie", "form", True, ("color=", "color=blue", "color=blue; color=black; color=brown", "R=100; G=200; B=150")),
    ("cookie", "cookie", True, ("color=", "color=blue", "color=blue; color=black; color=brown", "R=100; G=200; B=150")),
    ("cookie", "cookie", False, ("color=", "color=blue", "color=blue,black,brown", "color=R,100,G,200,B,150")),
]  # fmt: skip
CASES = [
    (place, style, explode, value, expected)
    for place, style, explode, row in TABLE
    for value, expected in zip((EMPTY, TEXT, LIST, OBJECT), row, strict=True)
    if expected is not None
]


def parameter(place: str, **more: Any) -> list[dict[str, Any]]:
    return [{"name": "color", "in": place, "schema": {}, **more}]


@pytest.mark.parametrize(("place", "style", "explode", "value", "expected"), CASES)
def test_the_table_of_the_specification(place: str, style: str, explode: bool, value: Any, expected: str) -> None:
    path = "/c/{color}" if place == "path" else "/c"
    asked = sent(path, parameter(place, style=style, explode=explode), color=value)
    found = {
        "path": asked.target.removeprefix("/c/"), "query": urlsplit(asked.target).query,
        "header": asked.headers.get("color"), "cookie": asked.headers.get("cookie"),
    }  # fmt: skip
    assert found[place] == expected


@pytest.mark.parametrize(
    ("place", "style", "explode"), [("path", "simple", False), ("query", "form", True), ("header", "simple", False), ("cookie", "form", True)]
)  # fmt: skip
def test_the_usual_styles(place: str, style: str, explode: bool) -> None:
    (found,) = operation("/c/{color}" if place == "path" else "/c", parameters=parameter(place)).parameters
    assert (found.style, found.explode) == (style, explode)


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_texts_are_encoded_as_the_standard_library_does(text: str) -> None:
    assert escaped(text) == quote(text, safe="")


@given(
    st.dictionaries(
        st.text(st.characters(exclude_categories=["Cs"])), st.text(st.characters(exclude_categories=["Cs"])), min_size=1
    )
)
def test_a_query_reads_as_it_was_written(values: dict[str, str]) -> None:
    target = sent("/c", parameter("query"), color=values).target
    assert dict(parse_qsl(urlsplit(target).query, keep_blank_values=True, strict_parsing=True)) == values


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1), st.booleans())
def test_lists_in_a_query_read_as_they_were_written(values: list[str], explode: bool) -> None:
    query = urlsplit(sent("/c", parameter("query", explode=explode), color=values).target).query
    if explode:
        assert parse_qsl(query, keep_blank_values=True, strict_parsing=True) == [("color", one) for one in values]
    else:
        assert [unquote(one) for one in query.removeprefix("color=").split(",")] == values


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_reserved_characters_end_no_value(text: str) -> None:
    query = sent("/c", parameter("query", allowReserved=True), color=text).target.partition("?")[2]
    assert parse_qsl(query, keep_blank_values=True, strict_parsing=True) == [("color", unquote(text))]


def test_what_is_encoded_already_stays_where_reserved_is_allowed() -> None:
    assert escaped("a/b?c=%20%zz%&#+[", reserved=True) == "a/b?c=%20%25zz%25%26%23%2B%5B"


VALUES = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from("./\\%2eEfF;,=&?#\r\n\0"), max_size=12)


@given(VALUES | st.lists(VALUES, max_size=3), st.sampled_from(["simple", "label", "matrix"]), st.booleans())
def test_no_value_changes_the_path(value: Any, style: str, explode: bool) -> None:
    try:
        target = sent("/a/{color}/b", parameter("path", style=style, explode=explode), color=value).target
    except InvalidConfigError as error:
        assert error.path == "color"  # noqa: PT017 - either is right
        return
    assert target.isascii()
    assert target.isprintable()
    parts = urlsplit(f"http://h{target}")
    assert parts.path == target
    first, second, third = target[1:].split("/")
    assert (first, third) == ("a", "b")
    for _ in range(4):
        assert not {".", ".."} & set(second.replace("\\", "/").split("/"))
        second = unquote(second)


@pytest.mark.parametrize("value", ["", "..", ".", "a/../b", "a\\..\\b", "%2e%2e", "%252e.", "..%2fadmin", [], {}])
def test_a_path_is_not_left(value: Any) -> None:
    with pytest.raises(InvalidConfigError, match="'color'"):
        sent("/a/{color}", parameter("path"), color=value)


@pytest.mark.parametrize(
    ("value", "encoded"),
    [("a/b", "a%2Fb"), ("a?b#c", "a%3Fb%23c"), ("a\r\nb", "a%0D%0Ab"), ("..a", "..a"), ("ü", "%C3%BC")],
)
def test_what_a_path_takes(value: str, encoded: str) -> None:
    assert sent("/a/{color}", parameter("path"), color=value).target == f"/a/{encoded}"


def test_two_values_do_not_make_a_climb_together() -> None:
    parameters = [{"name": one, "in": "path", "schema": {}} for one in "ab"]
    with pytest.raises(InvalidConfigError, match="another path"):
        sent("/x/{a}{b}", parameters, a=".", b=".")
    assert sent("/x/{a}.{b}", parameters, a="v1", b="json").target == "/x/v1.json"


@given(st.text())
def test_no_value_makes_a_header(value: str) -> None:
    try:
        asked = sent("/c", parameter("header"), color=value)
    except InvalidConfigError as error:
        assert error.path == "color"  # noqa: PT017 - either is right
        return
    wire = asked.headers.wire()
    assert wire.count(b"\r\n") == 3
    assert wire.count(b"\r") == wire.count(b"\n") == 3


@pytest.mark.parametrize("style", ["form", "cookie"])
@given(value=st.text())
def test_no_value_makes_a_cookie(style: str, value: str) -> None:
    try:
        asked = sent("/c", parameter("cookie", style=style), color=value)
    except InvalidConfigError:
        return
    cookie = asked.headers.get("cookie") or ""
    assert ";" not in cookie
    assert (unquote(cookie) if style == "form" else cookie) == f"color={value}"


@pytest.mark.parametrize(
    ("value", "text"),
    [(True, "true"), (1, "1"), (1.0, "1"), (1.5, "1.5"), (-0.5, "-0.5"), (10**30, str(10**30)), (1e300, "1e300"), (["a"], '["a"]')],
)  # fmt: skip
def test_values_as_text(value: Any, text: str) -> None:
    assert text_of(value) == text


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_stay_what_they_are(value: float) -> None:
    assert json.loads(text_of(value)) == value


def test_null_and_empty_lists_are_absent() -> None:
    for value in (None, [], {}, [None], {"a": None}):
        assert sent("/c", parameter("query"), color=value).target == "/c"
    assert sent("/c", parameter("query"), color=["a", None, "b"]).target == "/c?color=a&color=b"


def test_nested_values() -> None:
    value = {"a": {"b": 1, "c": [1, 2]}, "d": [{"e": 3}]}
    deep = sent("/c", parameter("query", style="deepObject"), color=value).target
    assert unquote(deep) == "/c?color[a][b]=1&color[a][c]=1&color[a][c]=2&color[d][][e]=3"
    assert unquote(sent("/c", parameter("query"), color=[{"a": 1}]).target) == '/c?color={"a":1}'


def test_a_parameter_that_is_json() -> None:
    as_json = [{"name": "color", "in": "query", "content": {"application/json": {"schema": {"type": "object"}}}}]
    assert unquote(sent("/c", as_json, color={"a": [1, None]}).target) == '/c?color={"a":[1,null]}'


def test_an_object_sets_no_other_parameter() -> None:
    parameters = [
        {"name": "color", "in": "query", "schema": {"type": "object"}},
        {"name": "Repo", "in": "query", "schema": {}},
        {"name": "filter", "in": "query", "style": "deepObject", "schema": {"type": "object"}},
        {"name": "filter[a]", "in": "query", "schema": {}},
    ]
    for arguments in ({"color": {"repo": "x"}}, {"filter": {"a": 1}}, {"color": {"filter": 1}}):
        with pytest.raises(InvalidConfigError, match="parameter of its own"):
            sent("/c", parameters, **arguments)
    assert sent("/c", parameters, color={"a": 1}, filter={"b": 2}).target == "/c?a=1&filter%5Bb%5D=2"


def test_an_object_in_a_path_sets_no_other_parameter() -> None:
    parameters: list[dict[str, Any]] = [
        {"name": "color", "in": "path", "style": "matrix", "explode": True, "schema": {}},
        {"name": "repo", "in": "path", "style": "matrix", "schema": {}},
    ]
    assert sent("/x/{color}{repo}", parameters, color={"a": 1}, repo="r").target == "/x/;a=1;repo=r"
    with pytest.raises(InvalidConfigError, match="parameter of its own"):
        sent("/x/{color}{repo}", parameters, color={"REPO": 1}, repo="r")


def test_half_a_character_is_refused() -> None:
    with pytest.raises(InvalidConfigError, match="no Unicode"):
        sent("/c", parameter("query"), color="\ud800")


def test_headers_of_the_settings_count() -> None:
    made = operation("/c", parameters=parameter("header"))
    assert build(made, {"color": "agent"}, {"Color": "settings"}).headers.get_all("color") == ["settings"]
