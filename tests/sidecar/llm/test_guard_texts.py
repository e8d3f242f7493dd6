"""Texts that something could hide in: JSON within JSON, long ones, and documents that are none."""

import json
from typing import Any

import pytest

from outrider.core.sidecar_settings import GuardSettings
from outrider.sidecar.llm.guard.detectors import DETECTORS
from outrider.sidecar.llm.guard.guard import Guard

SECRETS = {
    "ana@example.org": "[EMAIL]", "AKIAIOSFODNN7EXAMPLE": "[API_KEY]", "4111 1111 1111 1111": "[CREDIT_CARD]",
    "536-90-4399": "[US_SSN]", "+49 30 1234567": "[PHONE]",
}  # fmt: skip


def rules() -> Guard:
    return Guard([GuardSettings(detect=list(DETECTORS))])


def nested(value: object, depth: int, *, ascii_only: bool = True) -> str:
    for _ in range(depth):
        value = json.dumps(value, ensure_ascii=ascii_only)
    return str(value)


@pytest.mark.parametrize("depth", [1, 2, 3])
@pytest.mark.parametrize("before", ["\n", "\t", "é", '"', "\\", "a\n\\\n", "\r\n\f", "/"])
@pytest.mark.parametrize("secret", SECRETS)
def test_json_in_a_text_is_read_and_stays_json(secret: str, before: str, depth: int) -> None:
    text = nested({"a": f"{before}{secret}\n."}, depth)
    passed: Any = rules().prompts.text(text)
    for _ in range(depth):
        passed = json.loads(passed)
    assert passed == {"a": f"{before}{SECRETS[secret]}\n."}


def test_escaped_characters_are_read() -> None:
    for escape, rest in (("\\u002b", "49 30 1234567"), ("\\u002B", "49 30 1234567")):
        assert rules().prompts.text(f'{{"a": "{escape}{rest}"}}') == '{"a": "[PHONE]"}'
    assert rules().prompts.text('{"a": "\\u003cana@example.org\\u003e"}') == '{"a": "\\u003c[EMAIL]\\u003e"}'


def test_a_text_with_backslashes_is_no_json_for_that() -> None:
    assert rules().prompts.text(r"C:\users\ana@example.org") == r"C:\users\[EMAIL]"
    assert rules().prompts.text(r"C:\new\table") == r"C:\new\table"
    own = Guard([GuardSettings(pattern=r"CORP\\[a-z]+", name="account")])
    assert own.prompts.text(r"as CORP\bob, now") == "as [ACCOUNT], now"


def test_a_long_string_without_a_blank_is_looked_at() -> None:
    rows = json.dumps([{"to": "ana@example.org", "n": number} for number in range(500)], separators=(",", ":"))
    passed = rules().prompts.document(json.dumps({"content": rows}).encode())
    assert json.loads(json.loads(passed)["content"])[499] == {"to": "[EMAIL]", "n": 499}
    keys = "AKIAIOSFODNN7EXAMPLE\n" * 500
    assert b"AKIA" not in rules().prompts.document(json.dumps({"content": keys}).encode())


@pytest.mark.parametrize("head", ["", "data:image/png;base64,"])
def test_an_image_stays_as_it_is(head: str) -> None:
    written = json.dumps({"url": head + "AKIAIOSFODNN7EXAMPLE" + "QUJD+/" * 2000 + "=="}).encode()
    assert rules().prompts.document(written) == written
    assert rules().prompts.document(written.replace(b"/", b"\\/")) == written.replace(b"/", b"\\/")


@pytest.mark.parametrize(
    "text", ["write to ana@example.org", "<p>ana@example.org</p>", '{"a": "ana@example.org', '"ana@example.org\\']
)
def test_what_is_no_json_is_a_text(text: str) -> None:
    passed = rules().answers.document(text.encode())
    assert b"[EMAIL]" in passed
    assert b"ana@" not in passed
    assert b"[EMAIL]" in rules().answers.document(b"\xff\xfe " + text.encode())


def test_a_string_that_is_none_is_looked_at() -> None:
    assert b"ana@" not in rules().answers.strings(b'data: {"a": "\\x ana@example.org"}\n\n')


def test_quotes_without_an_end_take_no_time_of_their_own() -> None:
    body = b'{"a": "' + b'\\"' * 500_000  # each of them could begin a string
    assert rules().prompts.strings(body) == body
