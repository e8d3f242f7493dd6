import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outrider.core.masking import mask_fields, mask_text
from tests.core.profiles import quick

HIDDEN = "hunter2-correct-horse"


@pytest.mark.parametrize(
    "text",
    [
        f"password={HIDDEN}",
        f"PASSWORD: '{HIDDEN}'",
        f'{{"api_key": "{HIDDEN}"}}',
        f"db_password = {HIDDEN}, user=ana",
        f"Authorization: Bearer {HIDDEN}",
        f"curl -H 'authorization: basic {HIDDEN}'",
        f"postgresql://ana:{HIDDEN}@db/shop",
        f"https://{HIDDEN}:x-oauth@example.com/repo.git",
        f"-----BEGIN RSA PRIVATE KEY-----\n{HIDDEN}\n-----END RSA PRIVATE KEY-----",
        f"-----BEGIN PRIVATE KEY-----\n{HIDDEN} and no end",
        f"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbmEifQ.{HIDDEN}",
        f"sk-{HIDDEN}",
        f"ghp_{HIDDEN.replace('-', 'x')}",
        f"session-token={HIDDEN}&x=1",
        f"client_secret={HIDDEN}",
    ],
)
def test_what_looks_like_a_secret_is_masked(text: str) -> None:
    masked = mask_text(text)
    assert HIDDEN not in masked
    assert HIDDEN.replace("-", "x") not in masked
    assert "***" in masked


@pytest.mark.parametrize(
    "text",
    [
        "the token is missing",
        "event.data.state == 'down'",
        "GET http://127.0.0.1:8085/health 200",
        "password: null",
        "2026-11-27T23:08:53.388Z  restart-web  would start",
        "secretary: ana",
    ],
)
def test_other_text_stays(text: str) -> None:
    assert mask_text(text) == text


def test_fields_with_the_names_of_secrets_are_masked_and_references_stay() -> None:
    document = {
        "password": HIDDEN,
        "config": {
            "url": f"https://ana:{HIDDEN}@host/",
            "authToken": HIDDEN,
            "token": {"secret": "chat", "key": "url"},
        },
        "list": [{"api_key": 12345}, f"token={HIDDEN}"],
        "tokens": 17,
        "secret": "with other fields it is no reference",
        "passwordless": True,
    }
    masked = mask_fields(document)
    assert HIDDEN not in json.dumps(masked)
    assert masked["config"]["token"] == {"secret": "chat", "key": "url"}
    assert masked["list"][0] == {"api_key": "***"}
    assert (masked["tokens"], masked["passwordless"], masked["secret"]) == (17, True, "***")


plain = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=8)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=8), inner, max_size=3)),
)


@given(plain)
@quick
def test_the_shape_stays_and_masking_twice_is_masking_once(value: Any) -> None:
    masked = mask_fields(value)
    assert mask_fields(masked) == masked
    if isinstance(value, dict):
        assert masked.keys() == value.keys()


@given(st.text(max_size=60))
@quick
def test_masking_a_text_twice_is_masking_it_once(text: str) -> None:
    assert mask_text(mask_text(text)) == mask_text(text)
