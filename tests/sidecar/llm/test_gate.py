"""Calls through the gateway: who may, what goes on to the provider, what comes back, and what the ledger says of it."""

import asyncio
import gzip
import json
import time
import zlib
from pathlib import Path
from typing import Any

import pytest

from outrider.core.errors import InvalidConfigError
from tests.sidecar.llm.support import ANSWER, USAGE, gateway, saying, streaming
from tests.sidecar.proxy.support import nothing_more_opens

CALL: dict[str, Any] = {"model": "default", "messages": [{"role": "user", "content": "hello " * 50}]}
COST = 100 * 1000 + 50 * 2000


def event(document: Any) -> bytes:
    return b"data: %s\n\n" % json.dumps(document).encode()


DELTA = event({"choices": [{"delta": {"content": "hi"}}], "usage": None})
TOLD = event({"choices": [], "usage": USAGE})
DONE = b"data: [DONE]\n\n"


async def test_a_call_goes_to_the_provider_with_its_key_and_its_model(tmp_path: Path) -> None:
    async with gateway(tmp_path, saying(ANSWER), keys=frozenset([b"virtual"])) as found:
        answer = await found.ask(
            fields="authorization: Bearer virtual\r\naccept-encoding: gzip\r\nx-mine: 1\r\n", **CALL
        )
        assert (answer.status, answer.document) == (200, ANSWER)
        head, body = found.seen[0][0]
        assert head.startswith(b"POST /v1/chat/completions HTTP/1.1\r\n")
        assert b"authorization: Bearer key-of-p0\r\n" in head
        assert b"virtual" not in head
        assert b"accept-encoding: identity\r\n" in head
        assert b"gzip" not in head
        assert b"x-mine: 1" in head
        assert json.loads(body) == CALL | {"model": "m"}
        (entry,) = await found.entries(1)
        assert (entry.provider, entry.model, entry.alias, entry.endpoint) == ("p0", "m", "default", "chat")
        assert (entry.input, entry.output, entry.cost, entry.outcome) == (100, 50, COST, "whole")
        assert not entry.estimated


@pytest.mark.parametrize(
    "fields", ["authorization: Bearer virtual\r\n", "x-api-key: virtual\r\n", "x-goog-api-key: virtual\r\n"]
)
async def test_where_clients_put_their_key(tmp_path: Path, fields: str) -> None:
    async with gateway(tmp_path, saying(ANSWER), keys=frozenset([b"virtual"])) as found:
        assert (await found.ask(fields=fields, **CALL)).status == 200
        for wrong in ("", fields.replace("virtual", "other"), fields.replace("virtual", "virtual2")):
            refused = await found.ask(fields=wrong, **CALL)
            assert refused.status == 401
        assert len(found.seen[0]) == 1
        assert (await found.ask("/v1/models", method="GET", fields=fields)).document["data"][0]["id"] == "default"


@pytest.mark.parametrize(
    "query", ["Key=k", "KEY=k", "api-key=k", "API_KEY=k", "access_token=k", "k%65y=k", "key=k&key=l"]
)
async def test_a_key_in_an_unusual_place_goes_to_nobody(tmp_path: Path, query: str) -> None:
    async with gateway(tmp_path, saying(ANSWER), keys=frozenset([b"virtual"])) as found:
        fields = "authorization: Bearer virtual\r\napi-key: k\r\nCookie: key=k\r\nx-mine: 1\r\n"
        assert (await found.ask(f"/v1/chat/completions?a=1&{query}&monkey=2", fields=fields, **CALL)).status == 200
        assert (await found.ask(f"/v1/chat/completions?{query}", fields=fields, **CALL)).status == 200
        (first, _), (second, _) = found.seen[0]
        assert first.startswith(b"POST /v1/chat/completions?a=1&monkey=2 HTTP/1.1\r\n")
        assert second.startswith(b"POST /v1/chat/completions HTTP/1.1\r\n")
        assert b"x-mine: 1" in first
        assert b"cookie" not in first.lower()
        assert b"api-key" not in first.lower()
        assert (await found.ask(fields="api-key: virtual\r\n", **CALL)).status == 401


async def test_a_web_page_needs_a_key(tmp_path: Path) -> None:
    async with gateway(tmp_path, saying(ANSWER)) as found:
        assert (await found.ask(fields="origin: https://evil.test\r\n", **CALL)).status == 403
        assert found.seen[0] == []
    async with gateway(tmp_path, saying(ANSWER), keys=frozenset([b"k"])) as found:
        assert (await found.ask(fields="origin: https://mine.test\r\nx-api-key: k\r\n", **CALL)).status == 200


async def test_health_and_status(tmp_path: Path) -> None:
    budget = {"amount": 10**9, "per": "day"}
    async with gateway(tmp_path, _closing, saying(ANSWER), keys=frozenset([b"k"]), budget=budget) as found:
        assert (await found.ask("/health", method="GET")).document == {"status": "ok"}
        assert (await found.ask("/status", method="GET")).status == 401
        for _ in range(6):
            await found.ask(fields="x-api-key: k\r\n", **CALL)
        status = (await found.ask("/status", method="GET", fields="x-api-key: k\r\n")).document
        assert status["budget"] == {"limit": 10**9, "spent": 6 * COST, "reserved": 0}
        assert [one["circuit"] for one in status["routes"][0]["providers"]] == ["open", "closed"]
        assert (status["agent"], status["running"], status["ledger"], status["offline"]) == ("a", 0, "", False)
        assert b"key-of" not in json.dumps(status).encode()


async def test_what_is_not_offered(tmp_path: Path) -> None:
    async with gateway(tmp_path, saying(ANSWER)) as found:
        assert (await found.ask("/v1/files", **CALL)).status == 404
        assert (await found.ask("/v1/chat/completions", method="GET")).status == 404
        unknown = await found.ask(**CALL | {"model": "gpt-9"})
        assert unknown.status == 404
        assert "no route is called 'gpt-9'; there are: default" in unknown.document["error"]["message"]
        other = await found.ask("/v1/messages/count_tokens", **CALL)
        assert other.status == 400
        assert other.document["error"]["type"] == "invalid_request_error", "as Anthropic's clients read it"
        for body in (b"[]", b"", b"{", b'{"model": 1}', b'{"model": "default"', b'{"Model": "default"}', b"\xff"):
            assert (await found.raw("/v1/chat/completions", body)).status == 400
        assert found.seen[0] == []
        assert list(found.ledger.entries()) == []


async def test_the_usage_of_a_stream_is_asked_for_and_not_passed_on(tmp_path: Path) -> None:
    async with gateway(tmp_path, streaming(DELTA, DELTA, TOLD, DONE)) as found:
        answer = await found.ask(**CALL, stream=True)
        assert answer.body == DELTA + DELTA + DONE
        assert json.loads(found.seen[0][0][1])["stream_options"] == {"include_usage": True}
        (entry,) = await found.entries(1)
        assert (entry.input, entry.output, entry.cost, entry.estimated) == (100, 50, COST, False)


async def test_unless_the_client_asks_for_it(tmp_path: Path) -> None:
    async with gateway(tmp_path, streaming(DELTA, TOLD, DONE)) as found:
        answer = await found.ask(**CALL, stream=True, stream_options={"include_usage": True})
        assert answer.body == DELTA + TOLD + DONE
        assert (await found.entries(1))[0].output == 50


@pytest.mark.parametrize("size", [1, 7, 64])
async def test_pieces_of_a_stream_may_be_cut_anywhere(tmp_path: Path, size: int) -> None:
    data = (DELTA + b": ping\n\n" + DELTA + TOLD + DONE).replace(b"\n\n", b"\r\n\r\n")
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    async with gateway(tmp_path, streaming(*pieces)) as found:
        assert (await found.ask(**CALL, stream=True)).body == data.replace(TOLD.replace(b"\n\n", b"\r\n\r\n"), b"")
        assert (await found.entries(1))[0].output == 50


async def test_an_event_leaves_when_it_comes(tmp_path: Path) -> None:
    async with gateway(tmp_path, streaming(DELTA, DELTA, TOLD, DONE, pause=0.2)) as found:
        reader, writer = await asyncio.open_connection("127.0.0.1", found.port)
        body = json.dumps(CALL | {"stream": True}).encode()
        writer.write(
            b"POST /v1/chat/completions HTTP/1.1\r\nhost: g\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body)
        )
        loop = asyncio.get_running_loop()
        await reader.readuntil(b'"hi"')
        first = loop.time()
        await reader.readuntil(b'"hi"')
        assert 0.1 < loop.time() - first < 0.35
        await reader.readuntil(b"0\r\n\r\n")
        writer.close()


@pytest.mark.parametrize("packed", ["gzip", "deflate"])
async def test_an_answer_that_is_packed_although_nobody_asked(tmp_path: Path, packed: str) -> None:
    pack = gzip.compress if packed == "gzip" else zlib.compress
    script = saying(
        pack(json.dumps(ANSWER).encode()), fields=f"content-encoding: {packed}\r\ncontent-type: application/json\r\n"
    )
    async with gateway(tmp_path, script) as found:
        answer = await found.ask(**CALL)
        assert answer.document == ANSWER
        assert b"content-encoding" not in answer.head
        assert (await found.entries(1))[0].cost == COST
    stream = pack(DELTA + TOLD + DONE)
    script = saying(stream, fields=f"content-encoding: {packed}\r\ncontent-type: text/event-stream\r\n")
    async with gateway(tmp_path / "2", script) as found:
        assert (await found.ask(**CALL, stream=True)).body == DELTA + DONE
        assert (await found.entries(1))[0].cost == COST


async def test_a_packed_answer_that_is_damaged_or_grows_too_much_is_refused(tmp_path: Path) -> None:
    fields = "content-encoding: gzip\r\ncontent-type: application/json\r\n"
    for number, data in enumerate((b"\x1f\x8b nonsense that is no gzip", gzip.compress(bytes(40_000_000)))):
        async with gateway(tmp_path / str(number), saying(data, fields=fields)) as found:
            assert (await found.ask(**CALL)).status == 502
            (entry,) = await found.entries(1)
            assert (entry.outcome, entry.cost) == ("failed", 0)


async def test_a_stream_that_breaks_ends_with_an_error_and_is_accounted_for(tmp_path: Path) -> None:
    async with gateway(tmp_path, streaming(DELTA, DELTA, DELTA, end=False)) as found:
        answer = await found.ask(**CALL, stream=True)
        assert answer.body.startswith(DELTA * 3)
        assert b'"message":"the upstream closed the connection"' in answer.body
        assert b"[DONE]" not in answer.body
        (entry,) = await found.entries(1)
        assert (entry.outcome, entry.estimated, entry.output) == ("cut", True, 3)
        assert entry.cost > 0


async def test_a_client_that_leaves_in_the_middle_pays_for_what_was_made(tmp_path: Path) -> None:
    async with gateway(tmp_path, streaming(*[DELTA] * 100, pause=0.02)) as found:
        reader, writer = await asyncio.open_connection("127.0.0.1", found.port)
        body = json.dumps(CALL | {"stream": True}).encode()
        writer.write(
            b"POST /v1/chat/completions HTTP/1.1\r\nhost: g\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body)
        )
        for _ in range(3):
            await reader.readuntil(b'"hi"')
        writer.close()
        (entry,) = await found.entries(1)
        assert entry.outcome == "cut"
        assert entry.estimated
        assert 3 <= entry.output < 50, "and the provider was stopped"
        assert found.agent.limits.running == 0


@pytest.mark.parametrize("status", ["429 Slow", "500 Oh", "503 Busy", "529 Overloaded"])
async def test_another_provider_takes_over(tmp_path: Path, status: str) -> None:
    async with gateway(tmp_path, saying({"error": {}}, status=status), saying(ANSWER)) as found:
        answer = await found.ask(**CALL)
        assert (answer.status, answer.document) == (200, ANSWER)
        assert b"authorization: Bearer key-of-p1" in found.seen[1][0][0]
        (entry,) = await found.entries(1)
        assert (entry.provider, entry.cost) == ("p1", COST)


async def test_a_provider_that_refuses_the_key_is_named_and_the_client_is_not_to_blame(tmp_path: Path) -> None:
    async with gateway(tmp_path, saying({"error": {"message": "key-of-p0 is wrong"}}, status="401 No")) as found:
        answer = await found.ask(**CALL)
        assert answer.status == 502
        assert "no provider of 'default' answers: the upstream answered 401 No" in answer.document["error"]["message"]
        assert b"key-of" not in answer.raw
        (entry,) = await found.entries(1)
        assert (entry.outcome, entry.cost, entry.status) == ("failed", 0, 401)


@pytest.mark.parametrize(
    "status", ["301 Moved Permanently", "302 Found", "304 Not Modified", "307 Temporary Redirect", "308 Moved"]
)
async def test_a_redirect_is_not_followed_past_the_gateway(tmp_path: Path, status: str) -> None:
    script = saying({}, status=status, fields="location: http://elsewhere.test/\r\n")
    async with gateway(tmp_path, script) as found:
        answer = await found.ask(**CALL)
        assert answer.status == 502
        assert f"the upstream answered {status}" in answer.document["error"]["message"]
        assert b"location" not in answer.head
        (entry,) = await found.entries(1)
        assert (entry.outcome, entry.cost, entry.status) == ("failed", 0, int(status[:3]))
        for _ in range(4):
            await found.ask(**CALL)
        assert found.gate.status().routes[0].providers[0].circuit == "open"
    async with gateway(tmp_path / "2", script, saying(ANSWER)) as found:
        assert (await found.ask(**CALL)).document == ANSWER


async def test_the_last_provider_s_refusal_is_the_client_s_to_read(tmp_path: Path) -> None:
    document = {"error": {"message": "slow down"}}
    async with gateway(tmp_path, saying(document, status="429 Slow", fields="retry-after: 7\r\n")) as found:
        answer = await found.ask(**CALL)
        assert (answer.status, answer.document) == (429, document)
        assert b"retry-after: 7" in answer.head
        (entry,) = await found.entries(1)
        assert (entry.cost, entry.input) == (0, 0)
        again = await found.ask(**CALL)
        assert again.status == 503, "it wanted seven seconds of rest"
        assert len(found.seen[0]) == 1


async def test_a_fault_of_the_client_goes_to_no_other_provider(tmp_path: Path) -> None:
    async with gateway(tmp_path, saying({"error": {"message": "bad"}}, status="400 Bad"), saying(ANSWER)) as found:
        assert (await found.ask(**CALL)).status == 400
        assert found.seen[1] == []


async def test_a_provider_that_is_not_there_is_left_alone_after_a_while(tmp_path: Path) -> None:
    async with gateway(tmp_path, _closing, saying(ANSWER)) as found:
        for _ in range(8):
            assert (await found.ask(**CALL)).status == 200
        assert len(found.seen[0]) == 5, "then its circuit was open"
        assert len(found.seen[1]) == 8


async def _closing(reader: Any, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"")
    writer.close()


async def test_a_provider_that_is_silent_costs_its_time_and_is_a_504(tmp_path: Path) -> None:
    async def silent(reader: Any, _: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"")
        await asyncio.Event().wait()

    async with gateway(tmp_path, silent) as found:
        assert (await found.ask(**CALL)).status == 504


async def test_a_lack_of_our_own_is_no_provider_s_failure(tmp_path: Path) -> None:
    async with gateway(tmp_path, saying(ANSWER), saying(ANSWER)) as found:
        body = json.dumps(CALL).encode()
        reader, writer = await asyncio.open_connection("127.0.0.1", found.port)
        await asyncio.sleep(0.1)  # it is accepted
        with nothing_more_opens():
            for _ in range(6):
                writer.write(
                    b"POST /v1/chat/completions HTTP/1.1\r\nhost: g\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body)
                )
                answer = await asyncio.wait_for(reader.readuntil(b"}}"), 10)
                assert answer.startswith(b"HTTP/1.1 503")
                assert b"RLIMIT_NOFILE" in answer
        writer.close()
        assert [one.circuit for one in found.gate.status().routes[0].providers] == ["closed", "closed"]
        assert {(one.outcome, one.cost) for one in await found.entries(6)} == {("failed", 0)}
        assert (await found.ask(**CALL)).status == 200


async def test_limits_are_told_with_the_time_to_wait(tmp_path: Path) -> None:
    async with gateway(tmp_path, saying(ANSWER), limits={"requests_per_minute": 2}) as found:
        assert [(await found.ask(**CALL)).status for _ in range(3)] == [200, 200, 429]
        refused = await found.ask(**CALL)
        assert b"retry-after: 30" in refused.head
        assert refused.document["error"]["code"] == "rate_limit_exceeded"
        assert len(found.seen[0]) == 2


async def test_tokens_are_taken_as_they_were_used(tmp_path: Path) -> None:
    async with gateway(tmp_path, saying(ANSWER), limits={"tokens_per_minute": 400}) as found:
        assert [(await found.ask(**CALL)).status for _ in range(4)] == [200, 200, 200, 429], "150 each"


async def test_a_budget_is_kept_and_known_again(tmp_path: Path) -> None:
    budget = {"amount": 5 * COST, "per": "day"}
    async with gateway(tmp_path, saying(ANSWER), budget=budget, usual_answer=50) as found:
        answers = [await found.ask(**CALL) for _ in range(4)]
        assert [answer.status for answer in answers] == [200, 200, 200, 402], (
            "what a call may cost is not there any more"
        )
        assert answers[3].document["error"]["code"] == "budget_exceeded"
        assert b"retry-after" not in answers[3].head
        await found.entries(3)
    async with gateway(tmp_path, saying(ANSWER), budget=budget, usual_answer=50) as found:
        assert (await found.ask(**CALL)).status == 402, "also after a start"
        assert found.seen[0] == []


async def test_what_was_reserved_and_not_used_is_free_again(tmp_path: Path) -> None:
    async with gateway(tmp_path, saying(ANSWER), budget={"amount": 10 * COST, "per": "day"}) as found:
        refused = await found.ask(**CALL)
        assert refused.status == 402, "4096 tokens of answer are more than there is"
        for _ in range(5):
            assert (await found.ask(**CALL, max_tokens=100)).status == 200
        assert found.agent.budget is not None
        assert found.agent.budget.left(time.time()) == 5 * COST


async def test_many_at_once_spend_no_more_than_there_is(tmp_path: Path) -> None:
    async with gateway(tmp_path, saying(ANSWER), budget={"amount": 20 * COST, "per": "day"}, usual_answer=50) as found:
        answers = await asyncio.gather(*(found.ask(**CALL) for _ in range(100)))
        entries = await found.entries(sum(answer.status == 200 for answer in answers))
        assert sum(entry.cost for entry in entries) <= 20 * COST
        assert len(found.seen[0]) == len(entries)
        assert sum(entry.cost for entry in entries) == len(entries) * COST


async def test_a_stream_is_stopped_where_the_budget_ends(tmp_path: Path) -> None:
    events = [DELTA] * 400
    async with gateway(
        tmp_path, streaming(*events, pause=0.001), budget={"amount": 700_000, "per": "day"}, usual_answer=50
    ) as found:
        answer = await found.ask(**CALL, stream=True)
        assert b"the budget of this period is used up" in answer.body
        assert b"[DONE]" not in answer.body
        (entry,) = await found.entries(1)
        assert (entry.outcome, entry.estimated) == ("cut", True)
        assert 60 < entry.output < 250
        assert entry.cost <= 700_000
        assert found.agent.budget is not None
        assert found.agent.budget.reserved(time.time()) == 0


async def test_a_long_stream_goes_on_while_there_is_money(tmp_path: Path) -> None:
    events = [*[DELTA] * 400, TOLD, DONE]
    async with gateway(tmp_path, streaming(*events), budget={"amount": 10**9, "per": "day"}, usual_answer=50) as found:
        answer = await found.ask(**CALL, stream=True)
        assert answer.body == DELTA * 400 + DONE
        assert found.agent.budget is not None
        assert found.agent.budget.left(time.time()) == 10**9 - COST


async def test_a_budget_needs_prices(tmp_path: Path) -> None:
    with pytest.raises(InvalidConfigError, match="the price of p0/m is not known"):
        async with gateway(tmp_path, saying(ANSWER), prices=None, budget={"amount": 1, "per": "day"}):
            pytest.fail("it started")


async def test_anthropic_s_dialect(tmp_path: Path) -> None:
    told = {
        "content": [],
        "usage": {
            "input_tokens": 10,
            "output_tokens": 20,
            "cache_read_input_tokens": 90,
            "cache_creation_input_tokens": 0,
        },
    }
    async with gateway(tmp_path, saying(told), dialect="anthropic", limits={"requests_per_minute": 2}) as found:
        answer = await found.ask("/v1/messages", fields="anthropic-version: 2023-06-01\r\n", **CALL, max_tokens=5)
        assert answer.document == told
        head, body = found.seen[0][0]
        assert head.startswith(b"POST /v1/messages HTTP/1.1")
        assert b"x-api-key: key-of-p0" in head
        assert b"anthropic-version: 2023-06-01" in head
        assert json.loads(body)["model"] == "m"
        assert (await found.entries(1))[0].input == 100
        assert (await found.ask("/v1/messages/count_tokens", **CALL)).status == 200
        assert (await found.entries(2))[1].cost == 0
        refused = (await found.ask("/v1/messages", **CALL)).document
        assert (refused["type"], refused["error"]["type"]) == ("error", "rate_limit_error")


async def test_gemini_s_dialect(tmp_path: Path) -> None:
    told = {"candidates": [], "usageMetadata": {"promptTokenCount": 100, "candidatesTokenCount": 50}}
    path = "/v1beta/models/default:generateContent"
    async with gateway(tmp_path, saying(told), dialect="gemini", keys=frozenset([b"virtual"])) as found:
        assert (await found.ask(f"{path}?key=virtual&alt=json", contents=[])).document == told
        head, body = found.seen[0][0]
        assert head.startswith(b"POST /v1beta/models/m:generateContent?alt=json HTTP/1.1"), "the key stays here"
        assert b"x-goog-api-key: key-of-p0" in head
        assert json.loads(body) == {"contents": []}
        assert (await found.entries(1))[0].cost == COST
        refused = await found.ask(f"{path}?key=other", contents=[])
        assert (refused.status, refused.document["error"]["status"]) == (401, "UNAUTHENTICATED")


async def test_an_answer_that_tells_no_usage_is_estimated(tmp_path: Path) -> None:
    async with gateway(tmp_path, saying(b"x" * 400)) as found:
        assert (await found.ask(**CALL)).status == 200
        (entry,) = await found.entries(1)
        assert (entry.estimated, entry.output) == (True, 100)
        assert entry.input > 10


async def test_without_a_ledger_no_money_is_spent(tmp_path: Path) -> None:
    async with gateway(tmp_path, saying(ANSWER), budget={"amount": 10**12, "per": "day"}) as found:
        found.ledger.problem = "No space left on device"
        refused = await found.ask(**CALL)
        assert (refused.status, refused.document["error"]["code"]) == (503, "ledger_unavailable")
        assert found.seen[0] == []
