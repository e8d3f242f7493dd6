import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outrider.core.mcp.messages import (
    Notification,
    ProtocolError,
    Reply,
    Request,
    read_message,
    result_body,
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def read(value: Any) -> Any:
    return read_message(json.dumps(value).encode())


@pytest.mark.parametrize("request_id", ["a", "", 0, -1])
def test_what_has_an_id_is_a_request(request_id: str | int) -> None:
    found = read({"jsonrpc": "2.0", "id": request_id, "method": "tools/list", "params": {"a": 1}})
    assert found == Request(request_id, "tools/list", {"a": 1})


def test_what_has_none_is_a_notification() -> None:
    assert read({"jsonrpc": "2.0", "method": "notifications/initialized"}) == Notification(
        "notifications/initialized", {}
    )


@pytest.mark.parametrize("field", ["result", "error"])
def test_an_answer_is_recognised(field: str) -> None:
    assert read({"jsonrpc": "2.0", "id": 1, field: {}}) == Reply()


@pytest.mark.parametrize(
    ("value", "code", "message"),
    [
        ([], -32600, "batch"),
        ([{"jsonrpc": "2.0", "id": 1, "method": "ping"}], -32600, "batch"),
        ("text", -32600, "object"),
        ({"jsonrpc": "1.0", "id": 1, "method": "ping"}, -32600, "jsonrpc"),
        ({"id": 1, "method": "ping"}, -32600, "jsonrpc"),
        ({"jsonrpc": "2.0", "id": True, "method": "ping"}, -32600, "id"),
        ({"jsonrpc": "2.0", "id": 1.5, "method": "ping"}, -32600, "id"),
        ({"jsonrpc": "2.0", "id": None, "method": "ping"}, -32600, "id"),
        ({"jsonrpc": "2.0", "id": 1}, -32600, "method"),
        ({"jsonrpc": "2.0", "id": 1, "method": 5}, -32600, "method"),
        ({"jsonrpc": "2.0", "id": 1, "method": "ping", "params": [1]}, -32600, "params"),
    ],
)
def test_what_is_no_message_is_refused(value: Any, code: int, message: str) -> None:
    with pytest.raises(ProtocolError, match=message) as caught:
        read(value)
    assert caught.value.code == code


def test_what_is_no_json_is_a_parse_error() -> None:
    with pytest.raises(ProtocolError) as caught:
        read_message(b"{not json")
    assert json.loads(caught.value.body())["error"]["code"] == -32700


def test_an_error_carries_the_id_of_its_request() -> None:
    with pytest.raises(ProtocolError) as caught:
        read({"jsonrpc": "2.0", "id": "x", "method": 5})
    assert json.loads(caught.value.body())["id"] == "x"


def outcome(data: bytes) -> Any:
    """Return the message, or the error response in place of it."""
    try:
        return read_message(data)
    except ProtocolError as error:
        return json.loads(error.body())["error"]["message"]


@given(st.binary(max_size=200))
def test_no_bytes_break_the_reader(data: bytes) -> None:
    assert outcome(data)


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(("jsonrpc", "id", "method", "params", "result"), JSON)))
def test_no_json_breaks_the_reader(value: dict[str, Any]) -> None:
    assert isinstance(outcome(json.dumps(value).encode()), Request | Notification | Reply | str)


def test_a_response_names_its_request() -> None:
    assert json.loads(result_body(Request(7, "ping", {}), {"a": 1})) == {"jsonrpc": "2.0", "id": 7, "result": {"a": 1}}
