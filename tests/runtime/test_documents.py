import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from outrider.core.errors import InvalidConfigError, NotFoundError, OutriderError
from outrider.runtime.documents import MAX_ALIASES, MAX_BYTES, MAX_DEPTH, read_file, read_text


def value(text: str) -> Any:
    (document,) = read_text(f"x: {text}\n", "f.yaml")
    return document.data["x"]


def fault(text: bytes | str) -> InvalidConfigError:
    with pytest.raises(InvalidConfigError) as caught:
        read_text(text, "f.yaml")
    return caught.value


@pytest.mark.parametrize(
    "text",
    ["NO", "no", "yes", "Yes", "on", "off", "y", "n", "True", "FALSE", "Null", "NULL", "010", "0o10", "0x1F", "0b1",
     "1_000", "12:30", "12:30:45", "1.20", "1.0.3", "2026-01-02", "2026-01-02T10:00:00Z", ".5", "5.", "+1", "1e3",
     ".inf", ".nan", "-.inf", "NaN", "00", "-01", "1e400", "<<", "="],
)  # fmt: skip
def test_what_yaml_guesses_stays_text(text: str) -> None:
    assert value(text) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [("true", True), ("false", False), ("null", None), ("~", None), ("", None), ("0", 0), ("-7", -7), ("1.5", 1.5),
     ("0.25", 0.25), ("1000", 1000), ('"1"', "1"), ("'true'", "true"), ('"null"', "null"), ("[1, a]", [1, "a"]),
     ("{a: 1}", {"a": 1}), ("{}", {}), ("[]", [])],
)  # fmt: skip
def test_plain_values(text: str, expected: Any) -> None:
    found = value(text)
    assert (found, type(found)) == (expected, type(expected))


def test_keys_are_text() -> None:
    (document,) = read_text("1: a\ntrue: b\nNO: c\n", "f.yaml")
    assert document.data == {"1": "a", "true": "b", "NO": "c"}


def test_block_texts_are_text() -> None:
    (document,) = read_text("a: |\n  1\nb: >\n  true\n", "f.yaml")
    assert document.data == {"a": "1\n", "b": "true\n"}


def test_duplicate_key_is_named_with_both_places() -> None:
    error = fault("a: 1\nb:\n  c: 1\n  c: 2\n")
    assert (error.source, error.found) == ("f.yaml:4:3", "first at f.yaml:3:3")
    assert error.suggestions


@pytest.mark.parametrize(
    "text",
    ["!!python/object:os.system x", "!!int 1", "!!binary aGk=", "!secret x", "!!set {a}", "!!timestamp 2026-01-02"],
)
def test_tags_are_refused(text: str) -> None:
    error = fault(f"x: {text}\n")
    assert "tag" in error.message
    assert error.source == "f.yaml:1:4"


def test_anchors_work_within_their_budget() -> None:
    text = "a: &a {b: 1}\nc: [" + ", ".join(["*a"] * MAX_ALIASES) + "]\n"
    (document,) = read_text(text, "f.yaml")
    assert document.data["c"] == [{"b": 1}] * MAX_ALIASES


def test_anchors_beyond_their_budget_are_refused() -> None:
    bomb = "a0: &a0 [x, x]\n" + "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 10))
    assert "anchors" in fault(bomb).message


def test_anchor_within_itself_is_refused() -> None:
    assert fault("a: &a [*a]\n").code == "INVALID_CONFIG"


def test_unknown_anchor_is_refused() -> None:
    assert fault("a: *b\n").source == "f.yaml:1:4"


@pytest.mark.parametrize("text", ["[" * (MAX_DEPTH + 2) + "]" * (MAX_DEPTH + 2), "{a: " * 100 + "1" + "}" * 100])
def test_deep_nesting_is_refused(text: str) -> None:
    assert "nested" in fault(text).message


def test_very_deep_nesting_is_refused() -> None:
    assert fault("[" * 400_000).code == "INVALID_CONFIG"


def test_large_document_is_refused_at_once() -> None:
    error = fault(b"x" * (10 * 1024 * 1024))
    assert error.expected == f"at most {MAX_BYTES} bytes"
    assert error.suggestions


def test_a_file_that_never_ends_is_refused() -> None:
    with pytest.raises(InvalidConfigError, match="too large"):
        read_file(Path("/dev/zero"))


@pytest.mark.parametrize("text", [b"a: \xff\n", b"\xff\xfea\0", b"a: \xc3"])
def test_other_encodings_are_refused(text: bytes) -> None:
    assert "UTF-8" in fault(text).message


def test_byte_order_mark_is_left_out() -> None:
    assert read_text(b"\xef\xbb\xbfa: 1\n", "f.yaml")[0].data == {"a": 1}


def test_tab_and_at_sign_are_explained() -> None:
    assert "quotes" in fault("on: @host\n").hint
    assert fault("a:\n\tb: 1\n").suggestions


@pytest.mark.parametrize("text", ["? [a]\n: b\n", "{[a]: b}", "? {a: 1}\n: 2\n"])
def test_key_that_is_no_text_is_refused(text: str) -> None:
    assert "key" in fault(text).message


def test_merge_keys_are_plain_keys() -> None:
    assert read_text("a: &a {b: 1}\nc:\n  <<: *a\n", "f.yaml")[0].data["c"] == {"<<": {"b": 1}}


def test_documents_are_split_and_empty_ones_left_out() -> None:
    documents = read_text("---\na: 1\n---\n---\n# nothing\n---\nb: 2\n...\n", "f.yaml")
    assert [(document.data, str(document.position)) for document in documents] == [
        ({"a": 1}, "f.yaml:2:1"),
        ({"b": 2}, "f.yaml:7:1"),
    ]


def test_values_know_their_place() -> None:
    (document,) = read_text("a:\n  - b: 1\n    c: 2\n", "f.yaml")
    assert document.source.value(("a", 0, "c")) == "f.yaml:3:8"
    assert document.source.key(("a", 0, "c")) == "f.yaml:3:5"


def test_json_is_yaml() -> None:
    assert read_text('{"a": [1, 2.5, "x", null, true]}', "f.json")[0].data == {"a": [1, 2.5, "x", None, True]}


def test_missing_file_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        read_file(tmp_path / "missing.yaml")


def test_folder_in_place_of_a_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidConfigError):
        read_file(tmp_path)


def only_our_errors(text: bytes | str) -> None:
    try:
        documents = read_text(text, "f.yaml")
    except OutriderError:
        return
    for document in documents:
        assert_plain(document.data)


def assert_plain(data: Any) -> None:
    if isinstance(data, dict):
        assert all(type(key) is str for key in data)
        data = list(data.values())
    if isinstance(data, list):
        for item in data:
            assert_plain(item)
        return
    assert type(data) in (str, int, float, bool, type(None))
    assert not isinstance(data, float) or math.isfinite(data)


@given(st.binary(max_size=300))
@example(b"\x00")
@example(b"a: " + b"9" * 5000)
@example(b"%YAML 9.9\n---\na")
@example(b"&a")
def test_any_bytes_give_plain_data_or_our_error(data: bytes) -> None:
    only_our_errors(data)


@given(st.text(alphabet="ab01.:-[]{}&*!|>'\"%@`#,?\n\t \\\ud800\x85\u2028", max_size=60))
def test_any_text_gives_plain_data_or_our_error(text: str) -> None:
    only_our_errors(text)
