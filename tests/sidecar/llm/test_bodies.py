"""What is read of a body, and that nothing else of it changes (traps T14 to T16)."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from outrider.core.errors import InvalidConfigError
from outrider.sidecar.llm.bodies import Call

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text() | st.sampled_from(["model", "stream"]), inner, max_size=4)
    ),
    max_leaves=12,
)
others = st.dictionaries(
    st.text().filter(
        lambda key: (
            key.casefold() not in ("model", "stream", "stream_options", "n") and not key.casefold().startswith("max_")
        )
    ),
    values,
    max_size=5,
)


@st.composite
def bodies(draw: st.DrawFn) -> tuple[dict[str, Any], bytes]:
    members = [*draw(others).items(), ("model", draw(st.text()))]
    document = dict(draw(st.permutations(members)))
    text = json.dumps(document, ensure_ascii=draw(st.booleans()), indent=draw(st.sampled_from([None, 2, "\t"])))
    try:
        return document, text.encode()
    except UnicodeEncodeError:  # a lone surrogate has no bytes of its own
        return document, json.dumps(document).encode()


def raw(body: bytes) -> dict[str, bytes]:
    return {key: bytes(value) for key, value in msgspec.json.decode(body, type=dict[str, msgspec.Raw]).items()}


@given(bodies(), st.text(st.characters(exclude_categories=["Cs"])), st.booleans())
def test_only_the_model_is_another(given_body: tuple[dict[str, Any], bytes], model: str, usage: bool) -> None:
    document, body = given_body
    try:
        call = Call(body)
    except InvalidConfigError:
        assert "\\ud" in body.decode().lower(), "half a character is no text"
        return
    assert call.model == document["model"]
    assert (call.stream, call.most_tokens, call.wants_usage) == (False, None, False)
    changed = raw(call.body(model, usage=usage))
    options = {"stream_options": b'{"include_usage":true}'} if usage else {}
    assert changed == {**raw(body), "model": msgspec.json.encode(model), **options}
    assert list(changed)[: len(document)] == list(document), "in the order in which they came"


@pytest.mark.parametrize(
    "body",
    [
        b'{"model":"a","seed":123456789012345678901234567890,"t":1e2,"x":{"model":"b"},"n":1}',
        b'{"messages":[{"role":"user","content":"say \\"model\\": \\"x\\" and \\u00e9"}],"model":"a"}',
        b'{"x":["model", {"stream": 1}],"model":"a","y":"}{][,:\\\\"}',
        b'{"model":"a","name":"model","d":"\\ud83d\\ude00"}',
    ],
)
def test_values_stay_byte_for_byte(body: bytes) -> None:
    call = Call(body)
    assert call.model == "a"
    assert call.body("zz", usage=False) == body.replace(b'"a"', b'"zz"')


@pytest.mark.parametrize(
    ("body", "model", "stream"),
    [(b'{"model": "a", "model": "b"}', "b", False), (b'{"mod\\u0065l": "b", "model": "a"}', "a", False),
     (b'{"model": "a", "\\u006dodel": "b"}', "b", False), (b'{"stream": true, "model": "a", "stream": false}', "a", False),
     (b'{"mod\\u0065l": "a", "str\\u0065am": true}', "a", True)],
)  # fmt: skip
def test_the_provider_reads_what_was_judged(body: bytes, model: str, stream: bool) -> None:
    call = Call(body)
    assert (call.model, call.stream) == (model, stream)
    seen = json.loads(call.body("theirs", usage=False), object_pairs_hook=list)
    keys = [key for key, _ in seen]
    assert len(keys) == len(set(keys)), "each key once, so that every parser reads the same"
    assert dict(seen).get("stream", False) == stream


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"1", b'"x"', b"{", b'{"model": 1}', b'{"stream": "yes"}', b"\xff", b"[" * 5000, b'{"n": 1.5}', b'{"a": 1} x',
     b'{"model": "a", "x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", b'{"stream_options": 1}', b'{"max_tokens": 1e999}'],
)  # fmt: skip
def test_what_is_no_call(body: bytes) -> None:
    with pytest.raises(InvalidConfigError):
        Call(body)


@pytest.mark.parametrize(
    ("key", "read"),
    [("Model", "model"), ("MODEL", "model"), ("STREAM", "stream"), ("\u017ftream", "stream"), ("N", "n"), ("Max_Tokens", "max_tokens"),
     ("generationconfig", "generationConfig"), ("Best_Of", "best_of"), ("max_to\u212aens", "max_tokens")],
)  # fmt: skip
def test_no_provider_reads_another_key_than_was_judged(key: str, read: str) -> None:
    for members in ({"model": "a", key: 1}, {key: 1, "model": "a"}):
        with pytest.raises(InvalidConfigError, match=f"would read as '{read}'"):
            Call(json.dumps(members).encode())
    assert Call(json.dumps({"model": "a", "x": {key: 1}, f"{key}s": 1}).encode()).model == "a"


@pytest.mark.parametrize(
    ("body", "options"),
    [
        (b"{}", b'{"include_usage":true}'),
        (b'{"stream_options": null}', b'{"include_usage":true}'),
        (b'{"stream_options": {"include_usage": true}}', b'{"include_usage": true}'),
        (b'{"stream_options":{"x": 1e2, "include_usage":false}}', b'{"x":1e2,"include_usage":true}'),
    ],
)
def test_usage_is_asked_for_beside_what_the_client_asks_for(body: bytes, options: bytes) -> None:
    assert raw(Call(body).body("m", usage=True))["stream_options"] == options


def test_the_most_tokens() -> None:
    assert Call(b'{"model": "a"}').most_tokens is None
    assert Call(b'{"max_tokens": 9, "max_completion_tokens": 5, "n": 3}').most_tokens == 9
    assert Call(b'{"max_tokens": -1, "n": null}').most_tokens is None
