import base64
import json
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outrider.core.codec import decode, encode
from outrider.core.events import MAX_EVENT_BYTES, Event
from tests.plugins.harness import guest_module


@pytest.fixture(scope="module")
def payloads() -> ModuleType:
    with pytest.MonkeyPatch.context() as patch:
        return guest_module("outrider_payload", patch)


BYTES = st.binary(max_size=60) | st.text(max_size=60).map(str.encode)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
)


def carried(payload: Any) -> Any:
    """Return a payload after its way through an event."""
    event = Event(id="1", source="a/b", type="sent", time="2026-07-01T10:00:00Z", data={"payload": payload})
    document = encode(event)
    assert len(document) < MAX_EVENT_BYTES
    return decode(document, Event).data["payload"]


@settings(max_examples=300, deadline=None)
@given(data=BYTES)
def test_any_bytes_are_told(payloads: ModuleType, data: bytes) -> None:
    found, encoding = payloads.payload(data)
    assert carried(found) == found
    back: dict[str, Callable[[], bytes | Any]] = {
        "base64": lambda: base64.b64decode(found),
        "text": lambda: str(found).encode(),
        "json": lambda: data,
    }
    assert back[encoding]() == data
    if encoding == "json":
        assert json.loads(data) == found


@settings(max_examples=300, deadline=None)
@given(document=JSON)
def test_any_json_is_json_or_text(payloads: ModuleType, document: Any) -> None:
    found, encoding = payloads.payload(json.dumps(document).encode())
    assert encoding in {"json", "text"}
    assert carried(found) == found
    assert encoding == "text" or found == document


@pytest.mark.parametrize(
    "text",
    [
        "NaN", "[Infinity]", "1e400", str(2**64), str(-(2**63) - 1), "[" * 65 + "]" * 65, "[" * 20_000, '"\\ud800"',
        '{"a": "\\udc00"}', "9" * 5000, "[" + ",".join(["1e15"] * 19_000) + "]", "nul", "{'a': 1}",
    ],
)  # fmt: skip
def test_what_is_no_json_that_all_can_hold_is_text(payloads: ModuleType, text: str) -> None:
    assert payloads.payload(text.encode()) == (text, "text")
    carried(text)


@pytest.mark.parametrize("text", [str(2**64 - 1), str(-(2**63)), "[" * 64 + "]" * 64, '"\\ud83d\\ude00"'])
def test_what_is_just_json(payloads: ModuleType, text: str) -> None:
    found, encoding = payloads.payload(text.encode())
    assert encoding == "json"
    carried(found)


def test_the_largest_payloads_fit_into_an_event(payloads: ModuleType) -> None:
    for piece in (b"\x01", b'"', b"\n", b"\xff", "\u0080".encode(), b"\x7f"):
        kept = 96 * 1024 // len(piece)
        carried(payloads.payload(piece * kept)[0])
