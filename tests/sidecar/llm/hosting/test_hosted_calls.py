"""Calls of the gateway to models that a cloud hosts."""

import asyncio
import json
import time
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest

from outrider.core.errors import InvalidConfigError
from outrider.core.sidecar_settings import ProviderSettings
from outrider.sidecar.llm.routes import make_provider
from tests.sidecar.llm.hosting.frames import EVENTS, STREAM, chunk, exception
from tests.sidecar.llm.hosting.peer import Asked, Peer
from tests.sidecar.llm.hosting.test_sdks import ANSWER, EVENT_STREAM, SECRET, signed_again
from tests.sidecar.llm.support import ANSWER as CHAT_ANSWER
from tests.sidecar.llm.support import Gateway, gateway, saying, streaming
from tests.sidecar.llm.test_crossing import MESSAGE
from tests.sidecar.proxy.support import Reader, Script

BEDROCK = {"hosting": "bedrock", "region": "eu-west-1"}
QUESTION: dict[str, Any] = {"model": "default", "max_tokens": 40, "messages": [{"role": "user", "content": "hello"}]}
KEYS = json.dumps({"access_key_id": "AKIDEXAMPLE", "secret_access_key": SECRET})


def bedrock(folder: Path, *scripts: Script, **more: Any) -> AbstractAsyncContextManager[Gateway]:
    return gateway(folder, *scripts, dialect="anthropic", first=BEDROCK, **more)


def as_stream(*messages: bytes) -> Script:
    return saying(b"".join(messages), fields=f"content-type: {EVENT_STREAM}\r\n")


def failing(status: str, code: str) -> Script:
    return saying({"message": "told"}, status=status, fields=f"x-amzn-errortype: {code}\r\n")


async def test_messages_are_asked_by_invoke_model(tmp_path: Path) -> None:
    async with bedrock(tmp_path, saying(ANSWER)) as found:
        answer = await found.ask("/v1/messages", fields="x-amz-x: 1\r\nanthropic-beta: b-1\r\n", **QUESTION)
        assert (answer.status, answer.document) == (200, ANSWER)
        head, body = found.seen[0][0]
        assert head.startswith(b"POST /model/m/invoke HTTP/1.1\r\n")
        assert b"authorization: Bearer key-of-p0\r\n" in head
        assert b"x-amz-x" not in head
        asked = json.loads(body)
        assert "model" not in asked
        assert (asked["anthropic_version"], asked["anthropic_beta"]) == ("bedrock-2023-05-31", ["b-1"])
        (entry,) = await found.entries(1)
        assert (entry.provider, entry.input, entry.output, entry.cost) == ("p0", 9, 1, 9 * 1000 + 2000)


async def test_a_stream_is_that_of_anthropic_and_counted(tmp_path: Path) -> None:
    async with bedrock(tmp_path, as_stream(STREAM)) as found:
        answer = await found.ask("/v1/messages", stream=True, **QUESTION)
        told = [json.loads(line[6:]) for line in answer.body.split(b"\n") if line.startswith(b"data: ")]
        assert [one["type"] for one in told] == [one["type"] for one in EVENTS]
        assert b"content-type: text/event-stream" in answer.head
        assert b"content-length" not in answer.head
        assert found.seen[0][0][0].startswith(b"POST /model/m/invoke-with-response-stream HTTP/1.1\r\n")
        (entry,) = await found.entries(1)
        assert (entry.outcome, entry.estimated, entry.input, entry.output) == ("whole", False, 9, 7)


@pytest.mark.parametrize("stream", [False, True])
async def test_a_chat_is_answered_by_bedrock(tmp_path: Path, stream: bool) -> None:
    async with bedrock(tmp_path, as_stream(STREAM) if stream else saying(ANSWER)) as found:
        answer = await found.ask(stream=stream, temperature=0.5, **QUESTION)
        if stream:
            chunks = [json.loads(line[6:]) for line in answer.body.split(b"\n\n") if line.startswith(b"data: {")]
            text = "".join(choice["delta"].get("content") or "" for one in chunks for choice in one["choices"])
            assert text == EVENTS[3]["delta"]["text"]
        else:
            assert answer.document["choices"][0]["message"]["content"] == "hi"
        assert json.loads(found.seen[0][0][1])["temperature"] == 0.5, "models there let calls say that"


@pytest.mark.parametrize("path", ["/v1/messages", "/v1/chat/completions"])
async def test_an_exception_ends_a_stream_in_the_words_of_its_client(tmp_path: Path, path: str) -> None:
    script = as_stream(chunk(json.dumps(EVENTS[0]).encode()), exception("throttlingException", message="slow down"))
    async with bedrock(tmp_path, script) as found:
        answer = await found.ask(path, stream=True, **QUESTION)
        last = answer.body.strip().split(b"\n\n")[-1]
        assert b"throttlingException: slow down" in last
        assert last.startswith(b"event: error\n") == (path == "/v1/messages")
        (entry,) = await found.entries(1)
        assert entry.outcome == "cut"


async def test_a_damaged_stream_is_cut(tmp_path: Path) -> None:
    async with bedrock(tmp_path, as_stream(STREAM[:-20] + b"x" * 20)) as found:
        answer = await found.ask("/v1/messages", stream=True, **QUESTION)
        assert b"event: error" in answer.body
        assert (await found.entries(1))[0].outcome == "cut"


@pytest.mark.parametrize("path", ["/v1/messages", "/v1/chat/completions"])
async def test_a_stream_that_ends_inside_a_message_is_paid_for(tmp_path: Path, path: str) -> None:
    async with bedrock(tmp_path, as_stream(STREAM[:-20])) as found:
        assert (await found.ask(path, stream=True, **QUESTION)).status == 502
        (entry,) = await found.entries(1)
        assert (entry.outcome, entry.estimated, entry.cost) == ("failed", False, 9 * 1000 + 7 * 2000)
    async with bedrock(tmp_path / "nothing", as_stream(exception("throttlingException", message="slow down"))) as found:
        assert (await found.ask(path, stream=True, **QUESTION)).status == 502
        assert (await found.entries(1))[0].cost == 0


@pytest.mark.parametrize("path", ["/v1/messages", "/v1/chat/completions"])
async def test_a_stream_is_stopped_where_the_budget_ends_although_more_came_with_it(tmp_path: Path, path: str) -> None:
    events = [*EVENTS[:3], *EVENTS[3:4] * 100, *EVENTS[4:]]

    async def script(reader: Reader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\n\n\n")
        writer.write(f"HTTP/1.1 200 OK\r\ncontent-type: {EVENT_STREAM}\r\ntransfer-encoding: chunked\r\n\r\n".encode())
        chunks = [b"%x\r\n%s\r\n" % (len(one), one) for one in (chunk(json.dumps(event).encode()) for event in events)]
        for begin in range(0, len(chunks), 10):
            writer.write(b"".join(chunks[begin : begin + 10]))
            await writer.drain()
            await asyncio.sleep(0.001)
        writer.write(b"0\r\n\r\n")

    async with bedrock(tmp_path, script, budget={"amount": 280_000, "per": "day"}, usual_answer=20) as found:
        answer = await found.ask(path, stream=True, **QUESTION)
        assert b"the budget of this period is used up" in answer.body
        (entry,) = await found.entries(1)
        assert entry.outcome == "cut"
        assert found.agent.budget is not None
        assert found.agent.budget.reserved(time.time()) == 0


@pytest.mark.parametrize(
    ("status", "code"), [("429 X", "ThrottlingException"), ("400 X", "ServiceQuotaExceededException"), ("403 X", "AccessDeniedException")]
)  # fmt: skip
async def test_the_next_provider_is_asked_where_amazon_has_no_time_or_no_quota(
    tmp_path: Path, status: str, code: str
) -> None:
    async with bedrock(tmp_path, failing(status, code), saying(MESSAGE)) as found:
        answer = await found.ask("/v1/messages", **QUESTION)
        assert (answer.status, answer.document) == (200, MESSAGE)


@pytest.mark.parametrize("path", ["/v1/messages", "/v1/chat/completions"])
async def test_an_error_is_told_in_the_words_of_the_client(tmp_path: Path, path: str) -> None:
    async with bedrock(tmp_path, failing("400 X", "ValidationException")) as found:
        answer = await found.ask(path, **QUESTION)
        assert answer.status == 400
        assert answer.document["error"]["message"] == "ValidationException: told"
        assert (await found.entries(1))[0].cost == 0


async def test_what_bedrock_cannot_be_asked_goes_to_another(tmp_path: Path) -> None:
    async with bedrock(tmp_path, saying({}), saying({"input_tokens": 3})) as found:
        assert (await found.ask("/v1/messages/count_tokens", **QUESTION)).document == {"input_tokens": 3}
    async with bedrock(tmp_path, saying({})) as found:
        answer = await found.ask("/v1/messages/count_tokens", **QUESTION)
        assert answer.status == 400
        assert "count_tokens cannot be asked of a model at Amazon Bedrock" in answer.document["error"]["message"]


@pytest.mark.parametrize(
    ("version", "target"),
    [("", "/v1/openai/v1/chat/completions"), ("2024-10-21", "/v1/openai/deployments/m/chat/completions?api-version=2024-10-21")],
)  # fmt: skip
async def test_a_chat_at_azure(tmp_path: Path, version: str, target: str) -> None:
    # The path of the address stays in front, as a gateway of the company may have one.
    first = {"hosting": "azure", "api_version": version}
    async with gateway(tmp_path, saying(CHAT_ANSWER), first=first) as found:
        answer = await found.ask(**QUESTION)
        assert answer.document == CHAT_ANSWER
        head, _ = found.seen[0][0]
        assert head.startswith(f"POST {target} HTTP/1.1\r\n".encode())
        assert b"api-key: key-of-p0\r\n" in head
        assert b"authorization" not in head
        assert (await found.entries(1))[0].cost == 100 * 1000 + 50 * 2000


async def test_a_stream_at_azure_is_counted_although_the_client_does_not_ask(tmp_path: Path) -> None:
    events = [
        b'data: {"choices":[{"index":0,"delta":{"content":"hi"}}]}\n\n',
        b'data: {"choices":[],"usage":{"prompt_tokens":4,"completion_tokens":2}}\n\n',
        b"data: [DONE]\n\n",
    ]
    async with gateway(tmp_path, streaming(*events), first={"hosting": "azure"}) as found:
        answer = await found.ask(stream=True, **QUESTION)
        assert b"usage" not in answer.body
        (entry,) = await found.entries(1)
        assert (entry.input, entry.output, entry.estimated) == (4, 2, False)


@pytest.mark.real
async def test_anthropics_sdk_through_the_gateway_to_a_server_that_checks_signatures(
    tmp_path: Path, peer: Peer
) -> None:
    peer.answer_with(STREAM, EVENT_STREAM)
    first = {**BEDROCK, "url": peer.ask("address")}
    async with gateway(tmp_path, saying({}), dialect="anthropic", first=first, key=KEYS) as found:
        call = {**QUESTION, "stream": True}
        told = await asyncio.to_thread(peer.ask, "with_anthropic", f"http://127.0.0.1:{found.port}", call)
        asked = Asked(told["asked"])
        assert asked.target == b"/model/m/invoke-with-response-stream"
        assert signed_again(asked, None)[b"authorization"] == asked.field(b"authorization")
        assert [one["type"] for one in told["seen"]] == [one["type"] for one in EVENTS if one["type"] != "ping"]
        assert (await found.entries(1))[0].output == 7


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"dialect": "openai", **BEDROCK}, "not asked in this dialect"),
        ({"dialect": "anthropic", "hosting": "bedrock"}, "region"),
        ({"dialect": "openai", "region": "eu-west-1"}, "only AWS"),
        ({"dialect": "openai", "api_version": "2024-10-21"}, "only Azure"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(more: dict[str, Any], told: str) -> None:
    settings = ProviderSettings(provider="p", url="https://models.internal", **more)
    with pytest.raises(InvalidConfigError, match=told):
        make_provider(settings, lambda *_: pytest.fail("no target is made"), None)
