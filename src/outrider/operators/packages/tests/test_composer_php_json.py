"""JSON as PHP writes it."""

import shutil
import subprocess
from collections import deque
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from outrider.operators.packages.composer.php_json import EMPTY, packed, sorted_texts, with_sorted_keys, written

WRITTEN = [
    ({}, "[]"),
    ([], "[]"),
    (EMPTY, "{}"),
    ({"0": "a", "1": {}}, '[\n    "a",\n    []\n]'),
    ({"1": "a"}, '{\n    "1": "a"\n}'),
    ("é/\u2028\x7f\x1f", '"é/\\u2028\x7f\\u001f"'),
    (
        [1.0, -0.0, 1e25, 1.5e-7, 0.0001, 1e15],
        "[\n    1,\n    -0,\n    1.0e+25,\n    1.5e-7,\n    0.0001,\n    1000000000000000\n]",
    ),
    (2**64, "1.8446744073709552e+19"),
    ([None, True, -3], "[\n    null,\n    true,\n    -3\n]"),
]


@pytest.mark.parametrize(("value", "text"), WRITTEN)
def test_values_as_they_are_written(value: Any, text: str) -> None:
    assert written(value) == text


def test_values_in_one_line() -> None:
    assert packed({"a/b": ["é😀\x7f", {}, {"0": 1.5}]}) == '{"a\\/b":["\\u00e9\\ud83d\\ude00\x7f",[],[1.5]]}'


def test_what_reads_as_a_number_is_sorted_as_one() -> None:
    assert sorted_texts(["10", "9", "psr-3", "2fa", "1.5"]) == ["1.5", "9", "10", "2fa", "psr-3"]
    assert list(with_sorted_keys({"b": 1, "10": 2, "9": 3, "a": 4})) == ["9", "10", "a", "b"]


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=6) | st.sampled_from(
    ["0", "1", "2", "01", "-1", "1e3", ""]
)
# PHP rounds the last digit of what has more than 15 digits before the point in its own way.
NUMBERS = st.floats(-1e14, 1e14) | st.floats(1e18, 1e300) | st.integers(-(2**63), 2**63 - 1)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)
_PROGRAM = """
foreach (json_decode(stream_get_contents(STDIN), true, 2048) as $value) {
    echo json_encode([json_encode($value, 448), json_encode($value)]), "\\n";
}
"""


@pytest.mark.real
@pytest.mark.skipif(shutil.which("php") is None, reason="php-cli is not installed")
def test_php_writes_the_same() -> None:
    values: deque[Any] = deque()

    @settings(max_examples=400, database=None, suppress_health_check=list(HealthCheck))
    @given(VALUES)
    def drawn(value: Any) -> None:
        values.append(value)

    drawn()
    ended = subprocess.run(
        ["php", "-r", _PROGRAM], input=msgspec.json.encode([*values]), capture_output=True, check=True, timeout=60
    )
    lines = ended.stdout.decode().splitlines()
    assert len(lines) == len(values) >= 400
    for line, value in zip(lines, values, strict=True):
        # What PHP reads has been through JSON.
        assert msgspec.json.decode(line) == [written(msgspec.json.decode(msgspec.json.encode(value))), packed(value)]
