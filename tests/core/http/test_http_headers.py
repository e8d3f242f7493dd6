import pytest
from hypothesis import given
from hypothesis import strategies as st

from outrider.core.errors import InvalidConfigError
from outrider.core.http.headers import Headers


def test_names_are_compared_without_case() -> None:
    headers = Headers({"Content-Type": "text/plain"})
    assert headers.get("content-TYPE") == "text/plain"
    assert "CONTENT-type" in headers
    assert headers.get("accept") is None
    assert headers.get("accept", "none") == "none"


def test_several_values_keep_their_order() -> None:
    headers = Headers([("a", "1"), ("b", "2"), ("A", "3")])
    assert headers.get("a") == "1"
    assert headers.get_all("a") == ["1", "3"]
    assert list(headers) == [("a", "1"), ("b", "2"), ("a", "3")]
    assert len(headers) == 3


def test_tokens_span_lines_and_lose_white_space() -> None:
    headers = Headers([("Connection", "Keep-Alive , close"), ("connection", "x")])
    assert headers.tokens("connection") == ["keep-alive", "close", "x"]


def test_replaced_leaves_the_original_alone() -> None:
    headers = Headers([("a", "1"), ("b", "2")])
    assert list(headers.replaced("A", "8", "9")) == [("b", "2"), ("a", "8"), ("a", "9")]
    assert list(headers.replaced("a")) == [("b", "2")]
    assert headers.get("a") == "1"


def test_wire_form_has_one_line_per_field() -> None:
    assert Headers([("A", " 1\t"), ("b", "é")]).wire() == b"a: 1\r\nb: \xe9\r\n"


def test_headers_can_be_made_of_headers() -> None:
    headers = Headers({"a": "1"})
    assert Headers(headers) == headers
    assert hash(Headers(headers)) == hash(headers)
    assert headers != Headers()


def test_representation_shows_no_value() -> None:
    assert repr(Headers({"authorization": "Bearer secret"})) == "Headers(authorization)"


@pytest.mark.parametrize("name", ["", " a", "a ", "a:b", "a\r\nb", "ä", "a\0", "a b", "(a)"])
def test_bad_name_is_refused(name: str) -> None:
    with pytest.raises(InvalidConfigError) as caught:
        Headers({name: "x"})
    assert caught.value.suggestions


@pytest.mark.parametrize("value", ["a\r\nb: c", "a\nb", "a\rb", "a\0b", "€", "\x7f"])
def test_bad_value_is_refused_and_not_shown(value: str) -> None:
    with pytest.raises(InvalidConfigError) as caught:
        Headers({"x-a": value})
    assert caught.value.path == "headers[x-a]"
    assert value not in str(caught.value)


@given(st.text(max_size=20), st.text(max_size=20))
def test_no_field_can_add_a_line(name: str, value: str) -> None:
    try:
        wire = Headers({name: value}).wire()
    except InvalidConfigError:
        return
    assert wire.count(b"\n") == wire.count(b"\r") == 1
    assert wire.endswith(b"\r\n")
