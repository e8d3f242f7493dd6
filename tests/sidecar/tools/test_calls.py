"""What is told of calls, and what of them goes to a server."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from outrider.core.policy import ApprovalTerms
from outrider.core.quantities import Duration
from tests.sidecar.proxy.support import eventually
from tests.sidecar.tools.support import ONCALL, Desk, audited, definition, desk, scripted


def told(folder: Path) -> list[tuple[str, str, str]]:
    return [(one["phase"], one["action"], one["outcome"]) for one in audited(folder)]


async def cancelled(made: Desk, calling: "asyncio.Future[Any]") -> None:
    calling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await calling
    assert [use.outcome for use in made.used] == ["CANCELLED"]
    assert made.desk.status()[0].failures == 1


async def test_calls_that_are_refused_are_in_the_audit(tmp_path: Path) -> None:
    async with scripted() as server, desk(server, tmp_path, arguments={"text": "a"}, calls_per_minute=1) as made:
        await made.code("n" * 500, text="a secret")
        await made.code(text="b")
        await made.call(text="a")
        await made.code(text="a")
        server.tools = [definition("echo", inputSchema={"type": "object"})]
        await made.catalogue.refresh()
        await made.code(text="a")
    assert told(tmp_path) == [
        ("fact", "tool.unknown", "NOT_FOUND"),
        ("fact", "tool.s.echo", "DENIED"),
        ("intent", "tool.s.echo", ""),
        ("outcome", "tool.s.echo", "ok"),
        ("fact", "tool.s.echo", "LIMITED"),
        ("fact", "tool.s.echo", "CONFLICT"),
    ]
    assert audited(tmp_path)[0]["target"] == "n" * 128
    assert "a secret" not in (tmp_path / "audit.jsonl").read_text()


async def test_a_question_that_nobody_answers_is_in_the_audit(tmp_path: Path) -> None:
    terms = ApprovalTerms(groups=["oncall"], expire=Duration(0.05))
    async with scripted() as server, desk(server, tmp_path, approval=terms) as made:
        await made.code()
    assert told(tmp_path) == [("fact", "tool.s.echo", "DENIED")]
    assert "rejected" not in audited(tmp_path)[0]["details"]


@pytest.mark.parametrize(
    ("hints", "asked"), [({"readOnlyHint": True}, False), ({"readOnlyHint": False}, True), (None, True)]
)
async def test_of_changes_somebody_may_be_asked(tmp_path: Path, hints: dict[str, bool] | None, asked: bool) -> None:
    async with scripted() as server:
        server.tools = [definition("echo", annotations=hints)]
        async with desk(server, tmp_path, approval=ONCALL, asks_of_changes=True) as made:
            calling = asyncio.ensure_future(made.call(text="a"))
            if asked:
                await eventually(lambda: bool(made.asked))
                calling.cancel()
            else:
                assert not (await calling).get("isError")
                assert not made.asked


async def test_a_tool_that_says_no_more_that_it_only_reads_is_asked_for(tmp_path: Path) -> None:
    async with scripted() as server:
        server.tools = [definition("echo", annotations={"readOnlyHint": True})]
        async with desk(server, tmp_path, approval=ONCALL, asks_of_changes=True) as made:
            assert not (await made.call(text="a")).get("isError")
            server.tools = [definition("echo", annotations={"readOnlyHint": False})]
            await made.catalogue.refresh()
            calling = asyncio.ensure_future(made.call(text="a"))
            await eventually(lambda: bool(made.asked))
            calling.cancel()


async def test_a_grant_that_always_asks_is_the_one_that_holds(tmp_path: Path) -> None:
    more = [{"server": "s", "tools": ["echo"], "approval": ONCALL}]
    async with scripted() as server:
        server.tools = [definition("echo", annotations={"readOnlyHint": True})]
        async with desk(server, tmp_path, more=more, approval=ONCALL, asks_of_changes=True) as made:
            calling = asyncio.ensure_future(made.call(text="a"))
            await eventually(lambda: bool(made.asked))
            calling.cancel()


async def test_a_client_that_leaves_while_a_person_is_asked_is_told(tmp_path: Path) -> None:
    async with scripted() as server, desk(server, tmp_path, approval=ONCALL) as made:
        calling = asyncio.ensure_future(made.call())
        await eventually(lambda: bool(made.asked))
        await cancelled(made, calling)
    assert told(tmp_path) == [("fact", "tool.s.echo", "CANCELLED")]


async def test_a_client_that_leaves_before_the_intent_is_on_disk_is_told_behind_it(tmp_path: Path) -> None:
    async with scripted() as server, desk(server, tmp_path) as made:
        calling = asyncio.ensure_future(made.call())
        await asyncio.sleep(0)
        await cancelled(made, calling)
        assert all(asked["method"] != "tools/call" for _, asked in server.requests)
    assert told(tmp_path) == [("intent", "tool.s.echo", ""), ("outcome", "tool.s.echo", "CANCELLED")]


async def test_a_client_that_leaves_during_the_call_is_told(tmp_path: Path) -> None:
    async with scripted() as server, desk(server, tmp_path) as made:
        server.delay = 60.0
        calling = asyncio.ensure_future(made.call())
        await eventually(lambda: server.requests[-1][1]["method"] == "tools/call")
        await cancelled(made, calling)
    assert told(tmp_path) == [("intent", "tool.s.echo", ""), ("outcome", "tool.s.echo", "CANCELLED")]


async def test_a_client_that_cannot_be_asked_is_told_in_the_audit(tmp_path: Path) -> None:
    async with scripted() as server, desk(server, tmp_path) as made:
        server.call = lambda _: {"resultType": "input_required", "requestState": "x"}
        assert await made.code() == "UNSUPPORTED"
    assert told(tmp_path)[-1] == ("outcome", "tool.s.echo", "UNSUPPORTED")


async def test_answers_go_only_from_a_client_that_can_be_asked(tmp_path: Path) -> None:
    params: dict[str, Any] = {
        "arguments": {"text": "a"}, "inputResponses": {"q": {"action": "accept"}}, "requestState": "state", "other": 1,
        "_meta": {"traceparent": "00-1", "progressToken": 7, "secret": "x"},
    }  # fmt: skip
    async with scripted() as server, desk(server, tmp_path) as made:
        await made.desk.call("echo", params)
        plain = server.requests[-1][1]["params"]
        await made.desk.call("echo", params, answers=True)
        asked = server.requests[-1][1]["params"]
        await made.desk.call("echo", {**params, "requestState": "other"}, answers=True)
        await made.call(text="a")
    assert plain.keys() == {"name", "arguments", "_meta"}
    assert asked.keys() == {"name", "arguments", "_meta", "inputResponses", "requestState"}
    for sent in (plain, asked):
        meta = {key: value for key, value in sent["_meta"].items() if not key.startswith("io.modelcontextprotocol/")}
        assert meta == {"traceparent": "00-1"}
    first, second, third, fourth = (
        one["details"]["arguments"] for one in audited(tmp_path) if one["phase"] == "outcome"
    )
    assert first == fourth
    assert len({first, second, third}) == 3


async def test_only_the_envelope_of_a_result_is_dropped(tmp_path: Path) -> None:
    async with scripted() as server, desk(server, tmp_path) as made:
        server.call = lambda _: {
            "content": [], "structuredContent": "complete", "state": "complete", "resultType": "complete",
            "_meta": {"io.modelcontextprotocol/serverInfo": {"name": "x"}, "mine": 1},
        }  # fmt: skip
        result = await made.call()
        assert result == {"content": [], "structuredContent": "complete", "state": "complete", "_meta": {"mine": 1}}
        server.call = lambda _: {"content": [], "_meta": {"io.modelcontextprotocol/serverInfo": {"name": "x"}}}
        assert await made.call() == {"content": []}
