"""What must not leave with a prompt, or come back with an answer."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from outrider.core.errors import DeniedError, InvalidConfigError
from outrider.core.sidecar_settings import DetectorName, GuardSettings
from outrider.sidecar.llm.guard.detectors import DETECTORS
from outrider.sidecar.llm.guard.guard import Guard
from outrider.sidecar.llm.guard.stream import HELD, GuardedStream
from tests.core.profiles import quick
from tests.sidecar.llm.support import ANSWER, gateway, saying, streaming

ALL: list[DetectorName] = list(DETECTORS)
KEY = "-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEA7b\nx+/=\n-----END RSA PRIVATE KEY-----"
FOUND = {
    "email": ["ana@example.org", "a.b+c@mail.example.co.uk"],
    "phone": ["+49 30 1234567", "+1 (555) 010-9999"],
    "credit_card": ["4111 1111 1111 1111", "5500-0000-0000-0004", "378282246310005"],
    "iban": ["DE89 3704 0044 0532 0130 00", "GB29NWBK60161331926819"],
    "us_ssn": ["536-90-4399"],
    "ip_address": ["10.1.2.3", "fe80::1", "2001:db8:0:0:0:0:2:1"],
    "api_key": [
        "AKIAIOSFODNN7EXAMPLE",
        "ghp_" + "a1" * 18,
        "sk-proj-" + "Ab1_" * 8,
        "xoxb-123456789012-abc",
        "AIza" + "B" * 35,
    ],
    "jwt": ["eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abc123_-def"],
    "private_key": [KEY],
}
PASSED = [
    "web is down", "4111 1111 1111 1112", "0000 0000 0000 0000", "version 1.2.3", "999.1.2.3", "DE00 3704 0044 0532 0130 00",
    "000-12-3456", "at 12:30:45", "foo@bar", "sk-short", "call 030 1234567", "eyJ.eyJ.x", "std::vector",
    "2026-11-28T10:15:00", "a" * 200,
]  # fmt: skip


def guard(**settings: Any) -> Guard:
    return Guard([GuardSettings(**(settings or {"detect": ALL}))])


@pytest.mark.parametrize(("name", "text"), [(name, text) for name, texts in FOUND.items() for text in texts])
def test_what_is_found(name: str, text: str) -> None:
    rules = guard(detect=[name]).prompts
    assert rules.text(f"see {text} there") == f"see [{name.upper()}] there"
    assert rules.text(text) == f"[{name.upper()}]"
    assert text not in guard().prompts.text(f"see {text} there")


@pytest.mark.parametrize(
    "number",
    ["AT61 1904 3002 3457 3201", "AT611904300234573201", "ES91 2100 0418 4502 0005 1332", "PL61109010140000071219812874", "BE68 5390 0754 7034"],
)  # fmt: skip
@pytest.mark.parametrize("behind", ["", " EUR", " EUR 5", " BANK", " ABCD EFGH", " BIC GIBAATWW", ".", " there"])
def test_an_account_s_number_before_other_capitals(number: str, behind: str) -> None:
    assert guard(detect=["iban"]).prompts.text(f"pay {number}{behind}") == f"pay [IBAN]{behind}"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("2 4111 1111 1111 1111 2001:db8:0:0:0:0:2:1 web", "2 [CREDIT_CARD] [IP_ADDRESS] web"),
        ("4111 1111 1111 1111 12/27", "[CREDIT_CARD] 12/27"),
        ("4111 1111 1111 1111 123", "[CREDIT_CARD] 123"),
        ("10 20 30 5500-0000-0000-0004 7", "10 20 30 [CREDIT_CARD] 7"),
        ("no 7 378282246310005 1", "no 7 [CREDIT_CARD] 1"),
        ("2 3782-822463-10005", "2 [CREDIT_CARD]"),
        ("10 20 30 40 50 60 70 80 91", "10 20 30 40 50 60 70 80 91"),
    ],
)
def test_a_card_s_number_among_other_numbers(text: str, told: str) -> None:
    assert guard().prompts.text(text) == told


@pytest.mark.parametrize("text", PASSED)
def test_what_only_looks_like_it_passes(text: str) -> None:
    assert guard().prompts.text(text) == text


@quick
@given(st.recursive(st.text() | st.integers() | st.floats(allow_nan=False) | st.none(), st.lists, max_leaves=10))
def test_a_document_without_such_things_stays_as_it_was_written(value: Any) -> None:
    written = json.dumps({"a": value, "big": 2**70, "deci": 1.50}).encode()
    document = guard(pattern="never-there").prompts.document(written)
    assert document == written


def test_all_strings_of_a_document_are_looked_at() -> None:
    said = {
        "messages": [{"role": "user", "content": [{"type": "text", "text": 'say "ana@example.org"\n'}]}],
        "n": 2**70,
    }
    written = json.dumps(said, indent=1).encode().replace(b"ana@", b"\\u0061na@")
    passed = guard().prompts.document(written)
    said["messages"][0]["content"][0]["text"] = 'say "[EMAIL]"\n'  # type: ignore[index]  # it is a list
    assert json.loads(passed) == said
    odd = rb'{"a": "\ud800 ana@example.org", "b": "' + b"QUFB" * 5000 + b'"}'
    assert rb"[EMAIL]" in guard().prompts.document(odd)


def test_a_pattern_of_ones_own_and_a_refusal() -> None:
    own = guard(pattern="(?i)project falcon", name="project")
    assert own.prompts.text("Project FALCON is late") == "[PROJECT] is late"
    refusing = guard(detect=["api_key"], place="prompt", action="refuse")
    with pytest.raises(DeniedError, match="api_key"):
        refusing.prompts.text("AKIAIOSFODNN7EXAMPLE")
    assert refusing.hits == {"api_key": 1}
    assert not refusing.answers


@pytest.mark.parametrize("pattern", ["(", r"(?=x)", r"(a)\1"])
def test_a_pattern_that_is_none(pattern: str) -> None:
    with pytest.raises(InvalidConfigError) as caught:
        guard(pattern=pattern)
    assert caught.value.found == pattern


def chat(text: str, **more: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None, **more}]}


FORMS: dict[str, tuple[Callable[[str], Any], Any, Callable[[Any], str]]] = {
    "chat": (chat, {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}, lambda one: one["choices"][0]["delta"].get("content", "")),
    "chat, ends with text": (chat, chat("", finish_reason="stop"), lambda one: one["choices"][0]["delta"].get("content", "")),
    "messages": (
        lambda text: {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}},
        {"type": "content_block_stop", "index": 0},
        lambda one: one.get("delta", {}).get("text", ""),
    ),
    "responses": (
        lambda text: {"type": "response.output_text.delta", "item_id": "i", "content_index": 0, "delta": text},
        {"type": "response.completed"},
        lambda one: one.get("delta", ""),
    ),
    "gemini": (
        lambda text: {"candidates": [{"content": {"parts": [{"text": text}]}}]},
        {"candidates": [{"content": {"parts": [{"text": ""}]}, "finishReason": "STOP"}]},
        lambda one: one["candidates"][0]["content"]["parts"][0]["text"],
    ),
}  # fmt: skip
_SECRETS = [text for name, texts in FOUND.items() if name != "private_key" for text in texts]
WORDS = st.lists(st.sampled_from(["web", "is", "down,", "2", "ä", "\n", *_SECRETS]), max_size=30)


@quick
@given(form=st.sampled_from(sorted(FORMS)), words=WORDS, data=st.data())
def test_a_stream_tells_the_same_as_the_whole_answer(form: str, words: list[str], data: st.DataObject) -> None:
    text = " ".join(words)
    cuts = data.draw(st.lists(st.integers(0, len(text)), max_size=12))
    torn_at = data.draw(st.lists(st.integers(0, 4000), max_size=8))
    _tells_the_same(form, text, cuts, torn_at)


@pytest.mark.parametrize(
    "text",
    [
        # The beginning of what only looks like a card's number, or an address, is told before the rest has come.
        "2 4111 1111 1111 1111 2001:db8:0:0:0:0:2:1 web",
        "22 333 4444 55555 666666 7777777 88888888 9 10 11 12 13 14 4111 1111 1111 1111 12",
        "999.10.1.2.3 999.1.2.3",
    ],
)
@pytest.mark.parametrize("behind", range(0, HELD + 100, 7))
def test_a_stream_that_is_cut_in_what_only_looks_like_something(text: str, behind: int) -> None:
    whole = f"{text} {'x ' * (behind // 2)}"
    _tells_the_same("chat", whole, [len(text), *range(len(text), len(whole), 3)], [])


def _tells_the_same(form: str, text: str, cuts: list[int], torn_at: list[int]) -> None:
    make, ending, read = FORMS[form]
    cuts = sorted(cuts)
    pieces = [text[begin:end] for begin, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    events = [b"event: x\ndata: " + msgspec.json.encode(make(piece)) + b"\n\n" for piece in pieces]
    written = b": ping\n\n" + b"".join(events) + b"data: " + msgspec.json.encode(ending) + b"\n\ndata: [DONE]\n\n"
    at = sorted(torn_at)
    rules = guard().answers
    stream = GuardedStream(rules)
    told = b"".join(stream.feed(written[begin:end]) for begin, end in zip([0, *at], [*at, len(written)], strict=True))
    told += stream.end()
    documents = [json.loads(line[6:]) for line in told.split(b"\n") if line.startswith(b"data: {")]
    assert "".join(read(one) for one in documents) == rules.text(text)
    assert told.endswith(b"data: [DONE]\n\n")
    assert told.startswith(b": ping\n\n")


def test_of_a_stream_only_the_end_is_held() -> None:
    stream = GuardedStream(guard().answers)
    long = "word " * 100
    told = stream.feed(b"data: " + msgspec.json.encode(chat(long)) + b"\n\n")
    assert json.loads(told[6:])["choices"][0]["delta"]["content"] == long[:-HELD]


def test_a_long_key_does_not_pass_in_parts() -> None:
    stream = GuardedStream(guard().answers)
    text = f"here: -----BEGIN PRIVATE KEY-----\n{'QUFB' * 500}\n-----END PRIVATE KEY-----\n; fine"
    told = b"".join(
        stream.feed(b"data: " + msgspec.json.encode(chat(text[at : at + 7])) + b"\n\n") for at in range(0, len(text), 7)
    )
    told += stream.feed(b"data: [DONE]\n\n")
    assert b"QUFB" not in told
    said = [json.loads(line[6:]) for line in told.split(b"\n") if line.startswith(b"data: {")]
    assert "".join(one["choices"][0]["delta"]["content"] for one in said) == "here: [PRIVATE_KEY]\n; fine"


async def test_a_prompt_goes_out_without_it_and_an_answer_comes_back_without_it(tmp_path: Path) -> None:
    said = {**ANSWER, "choices": [{"message": {"content": "write to bob@example.org"}}]}
    rules = [{"detect": ["email"]}]
    async with gateway(tmp_path, saying(said), guard=rules) as found:
        answer = await found.ask(model="default", messages=[{"role": "user", "content": "I am ana@example.org"}])
        assert answer.document["choices"][0]["message"]["content"] == "write to [EMAIL]"
        assert b"I am [EMAIL]" in found.seen[0][0][1]
        (entry,) = await found.entries(1)
        assert (entry.outcome, entry.output, entry.estimated) == ("whole", 50, False)
        assert found.gate.status().guarded == {"email": 2}


async def test_a_stream_comes_back_without_it_and_its_usage_is_counted(tmp_path: Path) -> None:
    texts = ["write to bo", "b@exam", "ple.org please"]
    events = [b"data: " + json.dumps(chat(text)).encode() + b"\n\n" for text in texts]
    usage = b'data: {"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 4}}\n\n'
    provider = streaming(*events, usage, b"data: [DONE]\n\n")
    async with gateway(tmp_path, provider, guard=[{"detect": ["email"]}]) as found:
        answer = await found.ask(model="default", stream=True, messages=[{"role": "user", "content": "x"}])
        said = [json.loads(line[6:]) for line in answer.body.split(b"\n") if line.startswith(b"data: {")]
        assert "".join(one["choices"][0]["delta"]["content"] for one in said) == "write to [EMAIL] please"
        (entry,) = await found.entries(1)
        assert (entry.input, entry.output) == (9, 4)


@pytest.mark.parametrize("dialect", ["openai", "anthropic"])
async def test_an_answer_of_another_dialect_is_guarded_too(tmp_path: Path, dialect: str) -> None:
    message = {
        "id": "msg_1", "type": "message", "role": "assistant", "model": "m", "stop_reason": "end_turn", "stop_sequence": None,
        "content": [{"type": "text", "text": "bob@example.org"}], "usage": {"input_tokens": 100, "output_tokens": 50},
    }  # fmt: skip
    whole = {
        **ANSWER,
        "choices": [
            {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "bob@example.org"}}
        ],
    }
    answers = saying(message if dialect == "anthropic" else whole)
    path = "/v1/chat/completions" if dialect == "anthropic" else "/v1/messages"
    async with gateway(tmp_path, answers, dialect=dialect, guard=[{"detect": ["email"]}]) as found:
        answer = await found.ask(path, model="default", max_tokens=9, messages=[{"role": "user", "content": "x"}])
        assert b"[EMAIL]" in answer.body
        assert b"bob@" not in answer.body


async def test_a_refused_prompt_asks_nobody(tmp_path: Path) -> None:
    rules = [{"detect": ["api_key"], "place": "prompt", "action": "refuse"}]
    async with gateway(tmp_path, saying(ANSWER), guard=rules) as found:
        answer = await found.ask(model="default", messages=[{"role": "user", "content": "AKIAIOSFODNN7EXAMPLE"}])
        assert answer.status == 400
        assert answer.document["error"]["code"] == "content_refused"
        assert "api_key" in answer.document["error"]["message"]
        assert "AKIA" not in answer.body.decode()
        assert found.seen[0] == []
        assert (await found.ask(model="default", messages=[])).status == 200
