"""What of a call may differ from one that gets the same answer: the text of the user's last message."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outrider.sidecar.llm.cache import _APART, key_of
from outrider.sidecar.llm.similar.asked import LONGEST_TEXT, asked_last
from outrider.sidecar.proxy.messages import Request

texts = st.text(max_size=8)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.floats(0, 1) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
# Each endpoint's messages, and how its text stands in one.
FORMS: dict[str, tuple[str, str, str]] = {
    "chat": ("messages", "content", "text"),
    "messages": ("messages", "content", "text"),
    "responses": ("input", "content", "input_text"),
    "generate_content": ("contents", "parts", ""),
}


more_of_part = st.dictionaries(st.sampled_from(["cache_control", "x"]), values, max_size=1)
more_of_message = st.dictionaries(st.sampled_from(["name", "id"]), values, max_size=1)
more_of_call = st.dictionaries(
    st.sampled_from(["model", "temperature", "stream", "tools", "system"]), values, max_size=2
)
before = {
    content: st.lists(st.fixed_dictionaries({"role": texts, content: values}), max_size=2)
    for content in ("content", "parts")
}


@st.composite
def calls(draw: st.DrawFn, endpoint: str) -> dict[str, Any]:
    """Return a call that ends with a text of the user."""
    messages, content, kind = FORMS[endpoint]
    text = draw(texts.filter(str.strip))
    part: dict[str, Any] = {"text": text, **({"type": kind} if kind else {})}
    part |= draw(more_of_part)
    last = {"role": "user", content: draw(st.sampled_from([text, [part]]))}
    asked = text if endpoint == "responses" and draw(st.booleans()) else [*draw(before[content]), last]
    return {messages: asked, **draw(more_of_call)}


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the places of all that is in a value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, one in inner:
        yield (*path, step)
        yield from places(one, (*path, step))


@st.composite
def changed(draw: st.DrawFn, call: dict[str, Any]) -> dict[str, Any]:
    """Return a copy of a call in which something is another value, is not there, or has come."""
    copy: dict[str, Any] = json.loads(json.dumps(call))
    *way, last = draw(st.sampled_from(list(places(copy))))
    place: Any = copy
    for step in way:
        place = place[step]
    if isinstance(place, dict) and draw(st.booleans()):
        del place[last]
        last = draw(st.sampled_from(["more", "role", "name"]))
    place[last] = draw(values)
    return copy


def key(endpoint: str, call: dict[str, Any]) -> bytes | None:
    asked = asked_last(endpoint, json.dumps(call).encode())
    return None if asked is None else key_of(Request(), b"/path", asked.members)


def without_text(endpoint: str, call: dict[str, Any]) -> str:
    """Return a call without the text of its last message, and without what says nothing of the answer."""
    messages, content, _ = FORMS[endpoint]
    copy = json.loads(json.dumps({name: value for name, value in call.items() if name not in _APART}))
    if isinstance(copy[messages], str):
        copy[messages] = 0
    elif isinstance(copy[messages][-1][content], str):
        copy[messages][-1][content] = 0
    else:
        copy[messages][-1][content][0]["text"] = 0
    return json.dumps(copy, sort_keys=True)


@pytest.mark.parametrize("endpoint", FORMS)
@settings(max_examples=300)
@given(data=st.data())
def test_calls_that_get_one_answer_differ_in_that_text_only(endpoint: str, data: st.DataObject) -> None:
    one = data.draw(calls(endpoint))
    other = data.draw(changed(one))
    if key(endpoint, one) == key(endpoint, other):
        assert without_text(endpoint, one) == without_text(endpoint, other)


@pytest.mark.parametrize("endpoint", FORMS)
@given(data=st.data(), text=texts.filter(str.strip))
def test_another_text_alone_makes_no_other_call(endpoint: str, data: st.DataObject, text: str) -> None:
    messages, content, _ = FORMS[endpoint]
    one = data.draw(calls(endpoint))
    assert key(endpoint, one) is not None
    other = json.loads(json.dumps(one))
    if isinstance(other[messages], str):
        other[messages] = text
    elif isinstance(other[messages][-1][content], str):
        other[messages][-1][content] = text
    else:
        other[messages][-1][content][0]["text"] = text
    assert key(endpoint, one) == key(endpoint, other)
    asked = asked_last(endpoint, json.dumps(other).encode())
    assert asked is not None
    assert asked.text == text


@given(body=st.dictionaries(st.sampled_from(["messages", "input", "contents", "model"]), values))
def test_no_body_is_too_odd(body: dict[str, Any]) -> None:
    for endpoint in (*FORMS, "embeddings", "completions", "images"):
        asked_last(endpoint, json.dumps(body).encode())


@pytest.mark.parametrize(
    ("endpoint", "body"),
    [
        ("chat", b'{"messages":[{"role":"user","content":"a","content":"b"}]}'),
        ("chat", b'{"messages":[{"role":"user","content":[{"type":"text","text":"a","text":"b"}]}]}'),
        ("chat", b'{"messages":[{"role":"user","content":"\\ud800"}]}'),
        ("chat", b'{"messages":[{"role":"user","content":"a","x":%s1%s}]}' % (b"[" * 5000, b"]" * 5000)),
        ("chat", b'{"messages":[]}'),
        ("chat", b'{"messages":[{"content":"a"}]}'),
        ("chat", b'{"messages":[{"role":"user","content":[{"type":"input_text","text":"a"}]}]}'),
        ("chat", b'{"messages":[{"role":"user","content":null}]}'),
        ("chat", b'{"messages":[{"role":"user","content":"%s"}]}' % (b"a" * (LONGEST_TEXT + 1))),
        ("responses", b'{"input":"a","conversation":"c"}'),
        ("responses", b'{"input":"a","background":true}'),
        ("responses", b'{"previous_response_id":"r"}'),
        ("responses", b'{"input":[{"type":"function_call_output","call_id":"c","output":"a"}]}'),
        ("messages", b'{"messages":[{"role":"user","content":[{"type":"tool_result","tool_use_id":"t","content":"a"}]}]}'),
        ("generate_content", b'{"contents":[{"role":"model","parts":[{"text":"a"}]}]}'),
        ("generate_content", b'{"contents":[{"parts":[{"functionResponse":{"name":"f","response":{}}}]}]}'),
        ("embeddings", b'{"input":"a"}'),
        ("completions", b'{"prompt":"a"}'),
    ],
)  # fmt: skip
def test_calls_that_ask_something_else(endpoint: str, body: bytes) -> None:
    assert asked_last(endpoint, body) is None


def test_numbers_and_order_are_those_of_the_call() -> None:
    def of(more: bytes) -> bytes:
        asked = asked_last("chat", b'{"messages":[{"role":"user","content":"a"}],"seed":%s}' % more)
        assert asked is not None
        return key_of(Request(), b"/path", asked.members)

    assert len({of(one) for one in (b"1", b"1.0", b"1e0", b"12345678901234567890123", b"12345678901234567890124")}) == 5
