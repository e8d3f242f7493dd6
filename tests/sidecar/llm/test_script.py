"""Answers of a script, in every dialect."""

import json
from pathlib import Path
from typing import Any

import pytest

from outrider.core.errors import OutriderError
from outrider.sidecar.llm.script import NO_ANSWER, Entry, Script, last_text, read_script
from tests.sidecar.llm.support import ANSWER, gateway, saying

SCRIPT = """
- when: web is (down|slow)
  say: Restart web.
  calls: [{name: restart, arguments: {service: web}}]
  times: 1
- when: web
  say: It was restarted.
"""


@pytest.mark.parametrize(
    "body",
    [
        {"messages": [{"role": "user", "content": "no"}, {"role": "user", "content": "the WEB is down"}]},
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "the web is down"}]}]},
        {
            "messages": [
                {
                    "role": "user",
                    "content": [{"type": "tool_result", "content": [{"type": "text", "text": "the web is down"}]}],
                }
            ]
        },
        {"contents": [{"role": "user", "parts": [{"text": "the web is down"}]}]},
        {"contents": [{"parts": [{"functionResponse": {"name": "x", "response": {"result": "the web is down"}}}]}]},
        {"input": "the web is down"},
        {"input": [{"role": "user", "content": [{"type": "input_text", "text": "the web is down"}]}]},
        {"input": [{"type": "function_call_output", "output": "the web is down"}]},
    ],
)
def test_the_last_message_is_found(body: dict[str, Any]) -> None:
    assert last_text(body).lower() == "the web is down"


def test_entries_are_used_in_their_order_and_as_often_as_they_may() -> None:
    script = Script([Entry(when="a", say="once", times=1), Entry(when="a|b", say="often")])
    assert [script.answer(text).say for text in ("an a", "A", "b", "c")] == ["once", "often", "often", NO_ANSWER]


@pytest.mark.parametrize(
    "text", ["- when: (\n", "- said: x\n", "- 1\n", "a: b\n", "- {say: a, times: many}\n", "- [\n"]
)
def test_what_is_no_script(tmp_path: Path, text: str) -> None:
    path = tmp_path / "script.yaml"
    path.write_text(text)
    for wrong in (path, tmp_path / "none.yaml"):
        with pytest.raises(OutriderError):
            read_script(wrong)


async def test_every_answer_says_that_it_is_one_and_costs_nothing(tmp_path: Path) -> None:
    (tmp_path / "script.yaml").write_text(SCRIPT)
    async with gateway(tmp_path, saying(ANSWER), offline=str(tmp_path / "script.yaml")) as found:
        call: dict[str, Any] = {"model": "default", "messages": [{"role": "user", "content": "web is down"}]}
        answer = await found.ask(**call)
        assert b"x-outrider-offline: scripted" in answer.head
        assert answer.document["model"] == "scripted"
        message = answer.document["choices"][0]["message"]
        assert message["content"] == "Restart web."
        assert json.loads(message["tool_calls"][0]["function"]["arguments"]) == {"service": "web"}
        again = await found.ask("/v1/messages", **call)
        assert again.document["content"] == [{"type": "text", "text": "It was restarted."}]
        embedded = await found.ask("/v1/embeddings", model="default", input=["a", "b"])
        assert b"x-outrider-offline: scripted" in embedded.head
        assert [len(one["embedding"]) for one in embedded.document["data"]] == [256, 256]
        assert (await found.ask("/v1/embeddings", **call)).status == 400
        assert (await found.ask("/v1/completions", **call)).status == 501
        assert (await found.ask(**call | {"model": "other"})).status == 404
        entries = await found.entries(3)
        assert {(entry.provider, entry.model, entry.cost) for entry in entries} == {("scripted", "scripted", 0)}
        assert found.seen[0] == [], "no provider was asked"


async def test_limits_hold_for_a_script_too(tmp_path: Path) -> None:
    (tmp_path / "script.yaml").write_text("- say: hi\n")
    async with gateway(
        tmp_path, saying(ANSWER), offline=str(tmp_path / "script.yaml"), limits={"requests_per_minute": 1}
    ) as found:
        assert [(await found.ask(model="default", messages=[])).status for _ in range(2)] == [200, 429]
        assert found.agent.limits.running == 0
