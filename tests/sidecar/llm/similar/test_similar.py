"""Answers that are given again to a call whose last text is similar."""

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from outrider.ports.clock.manual import ManualClock
from outrider.sidecar.llm.similar.cache import MOST_COMPARED
from tests.sidecar.llm.similar.support import CACHE, FAR, NEAR, Embeddings, how, user
from tests.sidecar.llm.support import ANSWER, gateway, saying, streaming
from tests.sidecar.proxy.support import eventually

CALLING = {"choices": [{"message": {"tool_calls": [{"id": "c", "function": {"name": "restart", "arguments": "{}"}}]}}]}
TOOLS = [{"type": "function", "function": {"name": "restart"}}]


async def test_a_similar_text_gets_the_same_answer(tmp_path: Path) -> None:
    model = Embeddings()
    async with gateway(tmp_path, saying(ANSWER), embedding=model, cache=CACHE) as found:
        first = await found.ask(**user("reset my password 0"))
        second = await found.ask(**user(f"how do I change my password {NEAR}"))
        assert second.body == first.body
        assert second.fields["content-type"] == first.fields["content-type"]
        assert "x-outrider-cache" not in first.fields
        assert second.fields["x-outrider-cache"] == "similar"
        assert len(found.seen[0]) == 1
        assert found.agent.limits.running == 0
        entries = await found.entries(4)
        assert [(one.endpoint, one.provider, one.cost > 0, one.outcome) for one in entries] == [
            ("embeddings", "e", True, "whole"), ("chat", "p0", True, "whole"),
            ("embeddings", "e", True, "whole"), ("chat", "cache", False, "whole"),
        ]  # fmt: skip


async def test_the_nearest_answers_and_nothing_that_is_too_far(tmp_path: Path) -> None:
    async def asked(reader: Any, writer: asyncio.StreamWriter) -> None:
        while await reader.readuntil(b"\n\n\n"):
            body = b'{"number": %d}' % len(found.seen[0])
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body))

    async with gateway(tmp_path, asked, embedding=Embeddings(), cache=CACHE) as found:
        for number, angle in enumerate((0, 50, 25), 1):
            assert (await found.ask(**user(f"a {angle}"))).document == {"number": number}
        assert (await found.ask(**user("b 26"))).document == {"number": 3}
        assert (await found.ask(**user("b 41"))).document == {"number": 2}
        assert (await found.ask(**user("b 90"))).document == {"number": 4}


async def test_the_same_call_needs_no_vector(tmp_path: Path) -> None:
    model = Embeddings()
    async with gateway(tmp_path, saying(ANSWER), embedding=model, cache=CACHE) as found:
        assert [await how(found, "a 0") for _ in range(3)] == ["", "hit", "hit"]
        assert model.texts == ["a 0"]


@pytest.mark.parametrize(
    "other",
    [
        {"temperature": 0.5}, {"stream": True}, {"tools": TOOLS}, {"unknown_key": 1}, {"model": "other"},
        {"messages": [{"role": "user", "content": "a 0"}]},
        {"messages": [{"role": "system", "content": "You help!"}, {"role": "user", "content": "a 0"}]},
        {"messages": [*user("a 0")["messages"], {"role": "assistant", "content": "b"}, {"role": "user", "content": "a 0"}]},
        user([{"type": "text", "text": "a 0"}]),
    ],
)  # fmt: skip
async def test_anything_else_that_differs_is_another_call(tmp_path: Path, other: dict[str, Any]) -> None:
    model = Embeddings()
    async with gateway(tmp_path, saying(ANSWER), embedding=model, cache=CACHE) as found:
        found.gate._routes["other"] = found.gate._routes["default"]  # type: ignore[index]  # a route of the same providers
        await how(found, "a 0")
        assert await how(found, "a 0", **other) == ""
        assert len(found.seen[0]) == 2
        assert model.texts == ["a 0", "a 0"]


async def test_who_calls_and_for_whom_does_not_count(tmp_path: Path) -> None:
    async with gateway(tmp_path, saying(ANSWER), embedding=Embeddings(), cache=CACHE) as found:
        await how(found, "a 0", user="ana", metadata={"a": "b"})
        assert await how(found, f"a {NEAR}", user="bob") == "similar"


@pytest.mark.parametrize(
    "last",
    [
        {"role": "assistant", "content": "a 0"},
        {"role": "tool", "tool_call_id": "c", "content": "a 0"},
        {"role": "user", "content": [{"type": "text", "text": "a 0"}, {"type": "text", "text": "a 0"}]},
        {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://i/x.png"}}]},
        {"role": "user", "content": "  "},
        {"role": "user", "content": "a " * 4000 + "0"},
    ],
)
async def test_calls_that_end_otherwise_go_by_the_exact_cache(tmp_path: Path, last: dict[str, Any]) -> None:
    model = Embeddings()
    async with gateway(tmp_path, saying(ANSWER), embedding=model, cache=CACHE) as found:
        assert [await how(found, "", messages=[last]) for _ in range(2)] == ["", "hit"]
        assert model.texts == []


async def test_what_asks_anew_is_not_looked_for(tmp_path: Path) -> None:
    model = Embeddings()
    async with gateway(tmp_path, saying(ANSWER), embedding=model, cache=CACHE) as found:
        for _ in range(2):
            await found.ask(fields="cache-control: no-cache\r\n", **user("a 0"))
        assert len(found.seen[0]) == 2
        assert model.texts == []


async def test_an_answer_that_calls_a_tool_is_for_its_own_text(tmp_path: Path) -> None:
    async with gateway(tmp_path, saying(CALLING), embedding=Embeddings(), cache=CACHE) as found:
        assert await how(found, "restart web 0", tools=TOOLS) == ""
        assert await how(found, f"restart db {NEAR}", tools=TOOLS) == ""
        assert await how(found, "restart web 0", tools=TOOLS) == "hit"
        assert len(found.seen[0]) == 2


async def test_an_answer_in_words_is_for_similar_texts_though_there_are_tools(tmp_path: Path) -> None:
    async with gateway(tmp_path, saying(ANSWER), embedding=Embeddings(), cache=CACHE) as found:
        assert await how(found, "a 0", tools=TOOLS) == ""
        assert await how(found, f"a {NEAR}", tools=TOOLS) == "similar"


async def test_streams_are_told_again_as_streams(tmp_path: Path) -> None:
    events = [b'data: {"choices": [{"index": 0, "delta": {"content": "hi"}}]}\n\n', b"data: [DONE]\n\n"]
    async with gateway(tmp_path, streaming(*events), embedding=Embeddings(), cache=CACHE) as found:
        first = await found.ask(**user("a 0"), stream=True)
        second = await found.ask(**user(f"a {NEAR}"), stream=True)
        assert first.body == second.body == b"".join(events)
        assert second.fields["content-type"] == "text/event-stream"
        assert second.fields["x-outrider-cache"] == "similar"


@pytest.mark.parametrize(
    ("dialect", "path", "call"),
    [
        ("openai", "/v1/chat/completions", lambda text: user([{"type": "text", "text": text}])),
        ("openai", "/v1/responses", lambda text: {"model": "default", "input": text}),
        ("openai", "/v1/responses", lambda text: {"model": "default", "input": [
            {"role": "user", "content": [{"type": "input_text", "text": text}]}]}),
        ("anthropic", "/v1/messages", lambda text: {"model": "default", "max_tokens": 9, "messages": [
            {"role": "user", "content": [{"type": "text", "text": text, "cache_control": {"type": "ephemeral"}}]}]}),
        ("anthropic", "/v1/chat/completions", user),
        ("gemini", "/v1beta/models/default:generateContent", lambda text: {"contents": [{"parts": [{"text": text}]}]}),
        ("gemini", "/v1beta/models/default:streamGenerateContent?alt=sse", lambda text: {"contents": [
            {"role": "user", "parts": [{"text": text}]}]}),
    ],
)  # fmt: skip
async def test_every_dialect(tmp_path: Path, dialect: str, path: str, call: Any) -> None:
    said: dict[str, Any] = {
        "type": "message",
        "role": "assistant",
        "content": [{"type": "text", "text": "hi"}],
        "stop_reason": "end_turn",
    }
    said |= {"id": "m", "model": "m", "usage": {"input_tokens": 1, "output_tokens": 1}}
    provider = saying(said if dialect == "anthropic" else ANSWER)
    async with gateway(tmp_path, provider, dialect=dialect, embedding=Embeddings(), cache=CACHE) as found:
        first = await found.ask(path, **call("a 0"))
        second = await found.ask(path, **call(f"a {NEAR}"))
        third = await found.ask(path, **call(f"a {-FAR}"))
        assert [one.fields.get("x-outrider-cache") for one in (first, second, third)] == [None, "similar", None]
        assert first.body == second.body


async def test_an_answer_grows_old(tmp_path: Path) -> None:
    clock = ManualClock()
    async with gateway(tmp_path, saying(ANSWER), embedding=Embeddings(), cache=CACHE, clock=clock) as found:
        assert await how(found, "a 0") == ""
        clock.advance(59)
        assert await how(found, f"b {NEAR}") == "similar"
        clock.advance(2)
        assert await how(found, f"b {NEAR}") == ""
        assert found.cache is not None
        assert len(found.cache._answers) == 1, "the old one is gone"


@pytest.mark.parametrize("bound", [{"entries": 2}, {"bytes": 400}])
async def test_of_too_many_answers_the_oldest_goes_with_its_vector(tmp_path: Path, bound: dict[str, int]) -> None:
    async with gateway(tmp_path, saying(ANSWER), embedding=Embeddings(), cache=CACHE | bound) as found:
        for angle in (0, 90, 180):
            assert await how(found, f"a {angle}") == ""
        cache: Any = found.cache
        assert len(cache._answers) == len(cache._likeness) == sum(map(len, cache._alike.values())) == 2
        assert await how(found, f"b {180 + NEAR}") == "similar"
        assert await how(found, f"b {NEAR}") == ""
        for key in list(cache._answers):
            cache._drop(key)
        assert (cache._size, cache._likeness, cache._alike) == (0, {}, {})


async def test_an_answer_that_is_larger_than_all_may_be_leaves_nothing(tmp_path: Path) -> None:
    async with gateway(tmp_path, saying(ANSWER), embedding=Embeddings(), cache=CACHE | {"bytes": 50}) as found:
        await how(found, "a 0")
        cache: Any = found.cache
        assert (cache._size, cache._likeness, cache._alike) == (0, {}, {})


async def test_only_the_newest_are_compared(tmp_path: Path) -> None:
    async with gateway(tmp_path, saying(ANSWER), embedding=Embeddings(), cache=CACHE) as found:
        await how(found, "a 0")
        cache: Any = found.cache
        (first,) = cache._likeness.values()
        for number in range(MOST_COMPARED - 1):
            cache.keep_like(b"%d" % number, [], b"x", type(first)(first.rest, first.vector[::-1]))
        assert await how(found, f"b {NEAR}") == "similar"
        cache.keep_like(b"one more", [], b"x", type(first)(first.rest, first.vector[::-1]))
        assert await how(found, f"c {NEAR}") == ""


async def test_limits_hold_and_guards_come_first(tmp_path: Path) -> None:
    rules, model = [{"detect": ["email"]}], Embeddings()
    limits = {"requests_per_minute": 4}
    async with gateway(
        tmp_path, saying(ANSWER), embedding=model, cache=CACHE, guard=rules, limits=limits
    ) as found:  # fmt: skip
        assert await how(found, "I am ana@example.org 0") == ""
        assert await how(found, f"I'm bob@example.org {NEAR}") == "similar"
        assert model.texts == ["I am [EMAIL] 0", f"I'm [EMAIL] {NEAR}"]
        assert (await found.ask(**user("a 0"))).status == 429, "vectors are calls too"


async def test_one_at_a_time_is_enough(tmp_path: Path) -> None:
    model = Embeddings()
    model.wait.clear()
    async with gateway(tmp_path, saying(ANSWER), embedding=model, cache=CACHE, limits={"concurrent": 1}) as found:
        first = asyncio.ensure_future(found.ask(**user("a 0")))
        await eventually(lambda: bool(model.texts))
        assert found.agent.limits.running == 2
        assert (await found.ask(**user("b 0"))).status == 429
        model.wait.set()
        assert (await first).status == 200
        assert await how(found, f"a {NEAR}") == "similar"
        assert found.agent.limits.running == 0


async def test_a_gateway_with_keys_lets_its_own_calls_in(tmp_path: Path) -> None:
    model = Embeddings()
    async with gateway(
        tmp_path, saying(ANSWER), embedding=model, cache=CACHE, keys=frozenset({b"k"})
    ) as found:  # fmt: skip
        for text, said in (("a 0", None), (f"a {NEAR}", "similar")):
            answer = await found.ask(fields="authorization: Bearer k\r\n", **user(text))
            assert answer.fields.get("x-outrider-cache") == said
        assert (await found.ask(**user("a 0"))).status == 401
        for head, _ in [*found.seen[0], *found.seen[1]]:
            assert b"authorization: bearer key-of" in head.lower() or b"authorization" not in head.lower()


def test_nothing_of_it_is_imported_where_it_is_off() -> None:
    program = (
        "import sys; from outrider.core.sidecar_settings import *; from outrider.ports.clock import SystemClock;"
        "from outrider.sidecar.llm.building import build_cache; import outrider.sidecar.llm.gate;"
        "assert build_cache(LlmSettings(cache=CacheSettings(ttl=1.0)), SystemClock(), 'unix:/none') is not None;"
        "print([one for one in sys.modules if 'similar' in one or 'embedding' in one and 'scripted' not in one])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


async def test_vectors_are_not_kept_as_answers(tmp_path: Path) -> None:
    async with gateway(tmp_path, saying(ANSWER), embedding=Embeddings(), cache=CACHE) as found:
        await how(found, "a 0")
        cache: Any = found.cache
        assert len(cache._answers) == 1
        embed: dict[str, Any] = {"model": "embed", "input": ["a 0"], "encoding_format": "float"}
        marks = [(await found.ask("/v1/embeddings", **embed)).fields.get("x-outrider-cache") for _ in range(2)]
        assert marks == [None, "hit"], "those that the agent asks for are kept as ever, and nothing like them"
