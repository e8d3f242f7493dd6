import json
from types import ModuleType
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.plugins.harness import guest_module

SETTINGS = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)  # fmt: skip


@pytest.fixture
def http(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    return guest_module("outrider_json", monkeypatch)


@SETTINGS
@given(value=JSON)
def test_json_is_read_as_it_was_written(http: ModuleType, value: Any) -> None:
    for ascii_only in (True, False):
        text = json.dumps(value, ensure_ascii=ascii_only)
        assert repr(http.read_json(text.encode())) == repr(value)


@SETTINGS
@given(
    data=st.binary(max_size=60) | st.text(alphabet='{}[]",:0123456789.eE+-truefalsn\\u', max_size=60).map(str.encode)
)
def test_any_bytes_are_json_or_a_value_error(http: ModuleType, data: bytes) -> None:
    try:
        value = http.read_json(data)
    except ValueError:
        return
    json.dumps(value, allow_nan=False)


@pytest.mark.parametrize(
    ("body", "words"),
    [(b"", "no JSON"), (b"\xff", "no JSON"), (b"{", "no JSON"), (b"NaN", "NaN"), (b"-Infinity", "Infinity"),
     (b"1e999", "out of range"), (b"9" * 400, "out of range"), (b"[" * 100_000, "nested too deep")],
)  # fmt: skip
def test_what_is_no_json_says_so(http: ModuleType, body: bytes, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        http.read_json(body)


def test_longer_integers_become_the_next_number(http: ModuleType) -> None:
    assert http.read_json(b"[18446744073709551615, 18446744073709551616, -9223372036854775809]") == [
        2**64 - 1, 1.8446744073709552e19, -9.223372036854775808e18,
    ]  # fmt: skip
    assert isinstance(http.read_json(b"18446744073709551616"), float)


@pytest.mark.parametrize(("url", "headers"), [("http://a:99999/", {}), ("http://a/", {"X-Name": "b\u00fc"})])
def test_what_cannot_be_sent_is_a_value_error(http: ModuleType, url: str, headers: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"ASCII|ort"):
        http.Client(url, headers, None)
