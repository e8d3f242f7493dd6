import subprocess
import sys
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from outrider.core.codec import canonical, decode, digest, encode, to_builtins
from outrider.core.errors import InvalidConfigError, NotFoundError
from outrider.core.quantities import Duration, Size
from tests.core.profiles import quick
from tests.core.values import json_values, outcome, shuffled


class Model(msgspec.Struct):
    name: str
    every: Duration = msgspec.field(default_factory=lambda: Duration(90))
    limit: Size = msgspec.field(default_factory=lambda: Size(5))
    data: dict[str, Any] = {}


@given(json_values, st.randoms(use_true_random=False))
@quick
def test_digest_does_not_depend_on_the_order_of_keys(value: Any, random: Any) -> None:
    assert digest(shuffled(value, random)) == digest(value)


@given(json_values, json_values)
@quick
def test_digest_tells_values_apart(one: Any, two: Any) -> None:
    assert (digest(one) == digest(two)) == (canonical(one) == canonical(two))


@given(json_values)
@quick
def test_canonical_form_survives_the_wire(value: Any) -> None:
    assert canonical(decode(encode(value), dict[str, Any] | Any)) == canonical(value)  # type: ignore[arg-type]  # a union is a type form


def test_canonical_form_has_sorted_keys_and_no_white_space() -> None:
    assert canonical({"b": [1, 2.5], "a": {"d": None, "c": "é"}}) == '{"a":{"c":"é","d":null},"b":[1,2.5]}'.encode()
    assert canonical(Model("x")) == b'{"data":{},"every":"1m30s","limit":"5B","name":"x"}'


def test_digest_is_sha_256_of_the_canonical_form() -> None:
    assert digest({}) == "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"


def test_digest_is_the_same_in_another_process() -> None:
    code = "from outrider.core.codec import digest; print(digest({'b': 1, 'a': [{'d': 2, 'c': 3}]}))"
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert other.stdout.strip() == digest({"a": [{"c": 3, "d": 2}], "b": 1})


def test_plain_data_holds_quantities_as_text() -> None:
    assert to_builtins({1: Model("x")}) == {"1": {"name": "x", "every": "1m30s", "limit": "5B", "data": {}}}


def test_errors_become_their_body() -> None:
    assert encode(NotFoundError("gone")) == b'{"code":"NOT_FOUND","message":"gone"}'


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b'{"name":"x"} x',
        b'"\xff"',
        b'{"name":"x","data":{"a":' + b"[" * 5000,
        '"\ud800"',
        b"NaN",
        b'{"name":1}',
        b"{}",
        b"1" * 5000,
    ],
)
def test_what_does_not_fit_is_refused(data: bytes | str) -> None:
    with pytest.raises(InvalidConfigError):
        decode(data, Model)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b'{"name":"x","every":"soon"}', "'soon' is not a duration - at `$.every`"),
        (b'{"name":"x","every":5}', "such as 500ms, got `int` - at `$.every`"),
        (b'{"name":"x","every":null}', "such as 500ms, got `null` - at `$.every`"),
        (b'{"name":"x","limit":"' + b"9" * 400 + b'"}', "is not a size - at `$.limit`"),
    ],
)
def test_quantities_are_refused_with_their_path(data: bytes, words: str) -> None:
    with pytest.raises(InvalidConfigError) as caught:
        decode(data, Model)
    assert words in caught.value.message


@given(st.binary(max_size=60) | st.text(max_size=60))
@quick
def test_random_data_is_read_or_refused(data: bytes | str) -> None:
    assert isinstance(outcome(lambda: decode(data, Model)), Model | InvalidConfigError)


class Alien:
    """Something that has no JSON form."""


def test_what_has_no_json_form_is_a_fault_of_the_program() -> None:
    with pytest.raises(NotImplementedError, match="Alien has no JSON form"):
        encode(Alien())
    with pytest.raises(NotImplementedError, match="Alien has no JSON form"):
        decode(b"{}", Alien)
