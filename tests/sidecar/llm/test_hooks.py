"""Tools that look at prompts before they leave."""

import asyncio
import contextlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outrider.core.errors import DeniedError, OutriderError, UnavailableError
from outrider.core.sidecar_settings import HookSettings
from outrider.core.tool_settings import HttpServerSettings
from outrider.sidecar.llm.hooks.hooks import LONGEST_PROMPT, Hook, Hooks
from outrider.sidecar.llm.hooks.texts import texts_of, with_texts
from tests.servers.models import ModelServer
from tests.sidecar.llm.support import ANSWER, gateway, saying, streaming
from tests.sidecar.process import started
from tests.sidecar.proxy.support import eventually

SERVER = HttpServerSettings(name="checker", url="http://127.0.0.1:1/mcp")
CALL: dict[str, Any] = {
    "model": "default",
    "messages": [{"role": "system", "content": "be kind"}, {"role": "user", "content": "call Ana"}],
}
Says = Callable[[dict[str, Any]], Any]


class Checker:
    """A server whose tool says what a test wants."""

    name, version = "checker", "1"

    def __init__(self, says: Says) -> None:
        self.says = says
        self.left_out: Mapping[str, str] = {}
        self.asked: list[dict[str, Any]] = []
        self.delay = 0.0
        self.closed = False

    async def list_tools(self) -> list[dict[str, Any]]:
        return []

    async def call(self, definition: dict[str, Any], params: Mapping[str, Any], timeout: float) -> dict[str, Any]:
        assert definition["name"] == "check"
        self.asked.append(params["arguments"])
        await asyncio.sleep(self.delay)
        found = self.says(params["arguments"])
        if isinstance(found, OutriderError):
            raise found
        return found if "content" in found else {"structuredContent": found}

    async def close(self) -> None:
        self.closed = True


def hooks(*checkers: Checker, **more: Any) -> Hooks:
    return Hooks("a", [Hook(HookSettings(server=SERVER, tool="check", **more), one) for one in checkers])


def shout(asked: dict[str, Any]) -> dict[str, Any]:
    return {"texts": [text.replace("Ana", "[NAME]") for text in asked["texts"]]}


async def test_what_a_tool_says_leaves_in_place_of_what_was_said(tmp_path: Path) -> None:
    checker = Checker(shout)
    async with gateway(tmp_path, saying(ANSWER), hooks=hooks(checker)) as found:
        assert (await found.ask(**CALL, temperature=0.25)).status == 200
        assert checker.asked == [{"agent": "a", "model": "default", "texts": ["be kind", "call Ana"]}]
        sent = json.loads(found.seen[0][0][1])
        assert [one["content"] for one in sent["messages"]] == ["be kind", "call [NAME]"]
        assert (sent["temperature"], sent["model"]) == (0.25, "m")


async def test_several_are_asked_one_after_the_other(tmp_path: Path) -> None:
    first, second = Checker(shout), Checker(lambda asked: {"texts": [text.upper() for text in asked["texts"]]})
    async with gateway(tmp_path, streaming(b"data: [DONE]\n\n"), hooks=hooks(first, second)) as found:
        assert (await found.ask(**CALL, stream=True)).status == 200
        assert second.asked[0]["texts"] == ["be kind", "call [NAME]"]
        assert json.loads(found.seen[0][0][1])["messages"][1]["content"] == "CALL [NAME]"


@pytest.mark.parametrize(
    "says",
    [lambda _: {}, lambda asked: {"texts": asked["texts"]}, lambda _: {"content": [{"type": "text", "text": "{}"}]}],
)
async def test_a_tool_that_has_nothing_to_say_changes_nothing(tmp_path: Path, says: Says) -> None:
    async with gateway(tmp_path, saying(ANSWER), hooks=hooks(Checker(says))) as found:
        body = b'{ "model" : "default",  "messages":[{"role":"user","content":"\\u0041n\\ta"}], "temperature": 1e0 }'
        assert (await found.raw("/v1/chat/completions", body)).status == 200
        sent = found.seen[0][0][1]
        assert b'"content":"\\u0041n\\ta"' in sent
        assert b"1e0" in sent


async def test_a_prompt_is_refused_with_the_reason(tmp_path: Path) -> None:
    async with gateway(tmp_path, saying(ANSWER), hooks=hooks(Checker(lambda _: {"refuse": "a name"}))) as found:
        refused = await found.ask(**CALL)
        assert (refused.status, refused.document["error"]["code"]) == (400, "content_refused")
        assert refused.document["error"]["message"] == "checker refuses the prompt: a name"
        assert (found.seen, found.agent.limits.running) == ([[]], 0)


@pytest.mark.parametrize(
    "says",
    [
        lambda _: UnavailableError("it is away"), lambda _: DeniedError("nobody may"), lambda _: {"texts": ["one"]}, lambda _: {"texts": [1, 2]}, lambda _: {"texts": "x"},
        lambda _: {"content": [{"type": "text", "text": "no json"}]}, lambda _: {"content": []}, lambda _: {"content": "x"},
        lambda _: {"content": [{"type": "text", "text": "{}"}], "isError": True}, lambda _: {"structuredContent": [1], "content": []},
    ],
)  # fmt: skip
async def test_a_tool_that_fails_lets_nothing_leave_unless_that_is_wished(tmp_path: Path, says: Says) -> None:
    async with gateway(tmp_path / "one", saying(ANSWER), hooks=hooks(Checker(says))) as found:
        refused = await found.ask(**CALL)
        assert (refused.status, refused.document["error"]["code"]) == (503, "hook_failed")
        assert "'checker' says nothing of prompts: " in refused.document["error"]["message"]
        assert found.seen == [[]]
    async with gateway(tmp_path / "two", saying(ANSWER), hooks=hooks(Checker(says), on_failure="pass")) as found:
        assert (await found.ask(**CALL)).status == 200


async def test_every_way_to_a_provider_is_looked_at(tmp_path: Path) -> None:
    checker = Checker(lambda _: {"refuse": "no"})
    async with gateway(tmp_path, saying(ANSWER), dialect="openai,anthropic,gemini", hooks=hooks(checker)) as found:
        for path, body in (
            ("/v1/responses", {"model": "default", "input": "Ana"}), ("/v1/embeddings", {"model": "default", "input": ["Ana"]}),
            ("/v1/messages", {"model": "default", "max_tokens": 5, "messages": [{"role": "user", "content": [{"type": "text", "text": "Ana"}]}]}),
            ("/v1/messages/count_tokens", {"model": "default", "messages": [{"role": "user", "content": "Ana"}]}),
            ("/v1/models/default:generateContent", {"contents": [{"parts": [{"text": "Ana"}]}]}),
        ):  # fmt: skip
            assert (await found.ask(path, **body)).status == 400
            assert checker.asked[-1]["texts"] == ["Ana"]
        form = b'--x\r\ncontent-disposition: form-data; name="model"\r\n\r\ndefault\r\n--x--\r\n'
        answer = await found.raw(
            "/v1/audio/transcriptions", form, fields="content-type: multipart/form-data; boundary=x\r\n"
        )
        assert (answer.status, answer.document["error"]["code"]) == (400, "content_refused")
        assert found.seen == [[]]


async def test_a_prompt_that_is_too_long_is_refused(tmp_path: Path) -> None:
    async with gateway(tmp_path, saying(ANSWER), hooks=hooks(Checker(shout))) as found:
        refused = await found.ask(model="default", messages=[{"role": "user", "content": "a " * LONGEST_PROMPT}])
        assert (refused.status, refused.document["error"]["code"]) == (400, "content_refused")


async def test_a_client_that_leaves_while_a_tool_looks(tmp_path: Path) -> None:
    checker = Checker(shout)
    checker.delay = 0.2
    async with gateway(tmp_path, saying(ANSWER), hooks=(asked := hooks(checker))) as found:
        calling = asyncio.ensure_future(found.ask(**CALL))
        await eventually(lambda: bool(checker.asked))
        calling.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await calling
        await asyncio.sleep(0.3)
        assert (found.seen, found.agent.limits.running) == ([[]], 0)
        await asked.close()
    assert checker.closed


PROGRAM = """
import json, sys
for line in sys.stdin:
    asked = json.loads(line)
    if "id" not in asked:
        continue
    result = {"supportedVersions": ["2026-07-28"]}
    if asked["method"] == "tools/call":
        texts = [text.replace("Ana", "[NAME]") for text in asked["params"]["arguments"]["texts"]]
        result = {"content": [], "structuredContent": {"texts": texts}}
    print(json.dumps({"jsonrpc": "2.0", "id": asked["id"], "result": result}), flush=True)
"""


@pytest.mark.real
def test_a_program_beside_the_sidecar_looks_at_prompts(tmp_path: Path) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "server.py").write_text(PROGRAM)
    (tmp_path / "key").write_text("sk-provider")
    stdio = {
        "name": "names", "transport": "stdio", "command": ["/usr/bin/env", "python3", "server.py"], "base": str(tmp_path),
        "folder": str(tmp_path / "code"), "memory": 2**29, "processes": 64,
    }  # fmt: skip
    with ModelServer("sk-provider") as provider:
        openai = {
            "provider": "p",
            "dialect": "openai",
            "url": f"{provider.url}/v1",
            "model": "m",
            "key": {"secret": "key"},
        }
        told = {
            "agent": "triage", "state": str(tmp_path / "state"), "secret_sources": {"key": {"file": str(tmp_path / "key")}},
            "llm": {
                "routes": [{"alias": "default", "providers": [openai]}], "hooks": [{"server": stdio, "tool": "check"}],
                "samples": {"share": 1, "retention": 60},
            },
        }  # fmt: skip
        with started(tmp_path, told) as sidecar:
            assert sidecar.call(**CALL)[0] == 200
            kept = "".join(path.read_text() for path in (tmp_path / "state" / "samples").iterdir())
            assert "call [NAME]" in kept
            assert "Ana" not in kept


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["role", "content", "type", "text", 'a"b']), inner, max_size=4)
    ),
)


@given(st.dictionaries(st.sampled_from(["messages", "model", "input"]), JSON), st.booleans())
def test_all_but_the_texts_stays_as_it_was_written(document: Any, spaced: bool) -> None:
    body = json.dumps(document, ensure_ascii=spaced, indent=1 if spaced else None).encode("utf-8", "surrogatepass")
    places = texts_of(body)
    assert with_texts(body, places, [place.said for place in places]) == body
    changed = with_texts(body, places, [f"<{place.said}>" for place in places])
    assert [place.said for place in texts_of(changed)] == [f"<{place.said}>" for place in places]
    assert shape(json.loads(changed)) == shape(document)


def shape(value: Any) -> Any:
    """Return a document without its texts."""
    if isinstance(value, dict):
        return {key: shape(inner) for key, inner in value.items()}
    return [shape(one) for one in value] if isinstance(value, list) else "" if isinstance(value, str) else value
