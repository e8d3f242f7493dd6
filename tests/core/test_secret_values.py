import copy
import json
import pickle

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from outrider.core.codec import decode, encode
from outrider.core.errors import InvalidConfigError
from outrider.core.secrets import SecretRef, SecretValue, mask

SECRET = SecretValue("s3cr3t")


def test_only_reveal_tells() -> None:
    assert SECRET.reveal() == "s3cr3t"


@pytest.mark.parametrize("text", [str(SECRET), repr(SECRET), f"{SECRET}", f"{SECRET:>10}", str([SECRET])])
def test_text_shows_stars(text: str) -> None:
    assert "***" in text
    assert "s3cr3t" not in text


@pytest.mark.parametrize("leak", [json.dumps, pickle.dumps, copy.copy, copy.deepcopy, msgspec.json.encode, vars])
def test_other_ways_out_are_closed(leak: object) -> None:
    with pytest.raises((TypeError, NotImplementedError)) as caught:
        leak(SECRET)  # type: ignore[operator]  # any function
    assert "s3cr3t" not in str(caught.value)


def test_our_json_refuses_it() -> None:
    with pytest.raises(NotImplementedError, match="SecretValue has no JSON form"):
        encode({"token": SECRET})


def test_equality_is_by_value_and_between_secrets_only() -> None:
    assert SecretValue("s3cr3t") == SECRET
    assert SecretValue("other") != SECRET
    assert SECRET != "s3cr3t"


def test_hash_would_tell_values_apart() -> None:
    with pytest.raises(TypeError, match="unhashable"):
        hash(SECRET)


def test_reference_in_an_object() -> None:
    assert decode('{"secret": "database-url"}', SecretRef) == SecretRef("database-url")
    assert decode('{"secret": "a", "key": "K"}', SecretRef) == SecretRef("a", "K")
    assert encode(SecretRef("a")) == b'{"secret":"a"}'


@pytest.mark.parametrize("text", ['{"secret": "No Name"}', '{"secret": "a", "value": "x"}', '{"key": "K"}'])
def test_other_references_are_refused(text: str) -> None:
    with pytest.raises(InvalidConfigError):
        decode(text, SecretRef)


def test_longer_values_are_masked_first() -> None:
    assert mask("pass password", [SecretValue("pass"), SecretValue("password")]) == "*** ***"


def test_empty_value_masks_nothing() -> None:
    assert mask("text", [SecretValue("")]) == "text"


def test_escaped_forms_are_masked() -> None:
    value = 'line "1"\nlíne 2'
    shown = [value, repr(value), json.dumps(value), json.dumps(value, ensure_ascii=False)]
    assert [mask(text, [SecretValue(value)]) for text in shown] == ["***", "'***'", '"***"', '"***"']


@given(st.text(), st.text(min_size=1).filter(lambda value: "*" not in value), st.text())
def test_no_value_survives_masking(before: str, value: str, after: str) -> None:
    assert value not in mask(before + value + after, [SecretValue(value)])
