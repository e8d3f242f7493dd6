"""What a secret for Amazon may hold, and that no message shows it."""

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outrider.core.errors import InvalidConfigError
from outrider.sidecar.llm.hosting.credentials import ApiKey, AwsKeys, read_credentials
from tests.core.profiles import thorough

ID, SECRET, SESSION = "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "FwoGZXIvYXdzEBYaD=="
FILE = f"""[default]
# of the AWS tools
region = eu-west-1
aws_access_key_id = {ID}
aws_secret_access_key={SECRET}
"""


@pytest.mark.parametrize(
    ("text", "session"),
    [
        (json.dumps({"access_key_id": ID, "secret_access_key": SECRET}), False),
        (json.dumps({"access_key_id": ID, "secret_access_key": SECRET, "session_token": SESSION}), True),
        (json.dumps({"access_key_id": ID, "secret_access_key": SECRET, "session_token": None}), False),
        (json.dumps({"AWS_ACCESS_KEY_ID": ID, "AWS_SECRET_ACCESS_KEY": SECRET}), False),
        (json.dumps({"Version": 1, "AccessKeyId": ID, "SecretAccessKey": SECRET, "SessionToken": SESSION}), True),
        (json.dumps({"Credentials": {"AccessKeyId": ID, "SecretAccessKey": SECRET, "SessionToken": SESSION}}), True),
        (f"AWS_ACCESS_KEY_ID={ID}\nAWS_SECRET_ACCESS_KEY={SECRET}\n", False),
        (
            f"export AWS_ACCESS_KEY_ID='{ID}'\r\nexport AWS_SECRET_ACCESS_KEY=\"{SECRET}\"\nAWS_SESSION_TOKEN={SESSION}",
            True,
        ),
        (FILE, False),
    ],
)
def test_keys_to_sign_with(text: str, session: bool) -> None:
    found = read_credentials(text)
    assert isinstance(found, AwsKeys)
    assert (found.access_key_id, found.secret.reveal()) == (ID, SECRET)
    assert (found.session.reveal() if found.session else None) == (SESSION if session else None)


@pytest.mark.parametrize(
    "text", ["ABSKQmVkcm9ja0=", " ABSKQmVkcm9ja0=\n", "AWS_BEARER_TOKEN_BEDROCK=ABSKQmVkcm9ja0=", '{"bearer_token_bedrock": "ABSKQmVkcm9ja0="}']
)  # fmt: skip
def test_api_keys(text: str) -> None:
    found = read_credentials(text)
    assert isinstance(found, ApiKey)
    assert found.value.reveal() == "ABSKQmVkcm9ja0="


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "none of the forms"), ("two words", "none of the forms"), ("k\u00e4y", "none of the forms"), ("a=1\nb=2", "none of the forms"),
        (ID, "without its secret"), ("{", "no JSON object"), ("{} {}", "no JSON object"), ("{}", "access_key_id is missing"),
        ('{"Credentials": 1}', "without keys"), (f'{{"access_key_id": "{ID}"}}', "secret_access_key is missing"),
        (f"AWS_ACCESS_KEY_ID={ID}", "secret_access_key is missing"), (f"AWS_SECRET_ACCESS_KEY={SECRET}", "access_key_id is missing"),
        (f'{{"access_key_id": "{ID}", "AccessKeyId": "{ID}"}}', "access_key_id twice"), (FILE + FILE, "access_key_id twice"),
        (f'{{"access_key_id": "{ID}", "access_key_id": "{ID}"}}', "each key once"),
        (f'{{"access_key_id": "a/b/c", "secret_access_key": "{SECRET}"}}', "access_key_id is no value"),
        (f'{{"access_key_id": "{ID}", "secret_access_key": "a\\nb"}}', "secret_access_key is no value"),
        (f'{{"access_key_id": "{ID}", "secret_access_key": 12345678}}', "secret_access_key is missing"),
        (f"AWS_ACCESS_KEY_ID={ID}\nAWS_BEARER_TOKEN_BEDROCK=k", "one of them"),
    ],
)  # fmt: skip
def test_anything_else_is_refused(text: str, why: str) -> None:
    with pytest.raises(InvalidConfigError, match=why) as caught:
        read_credentials(text)
    assert caught.value.hint
    shown = json.dumps(caught.value.body().message) + caught.value.expected + caught.value.found
    assert not any(value in shown for value in (ID, SECRET, "12345678", "two words"))


def test_they_do_not_show_themselves() -> None:
    keys = read_credentials(json.dumps({"access_key_id": ID, "secret_access_key": SECRET, "session_token": SESSION}))
    shown = f"{keys} {keys!r} {read_credentials('ABSKQmVkcm9ja0=')!r}"
    assert not any(value in shown for value in (SECRET, SESSION, "ABSK"))


@given(st.text(max_size=60) | st.text('{}":,=AWS_KEYID \n\\', max_size=40))
@thorough
def test_any_text_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(InvalidConfigError):
        assert isinstance(read_credentials(text), AwsKeys | ApiKey)
