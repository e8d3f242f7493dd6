"""What an agent may call, and how often, and after whose word."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outrider.core.errors import DeniedError, InvalidConfigError, NotFoundError
from outrider.core.policy import ApprovalTerms
from outrider.core.quantities import Duration
from outrider.core.sidecar_settings import ToolGrantSettings
from outrider.sidecar.tools.grants import Grant
from outrider.sidecar.tools.status import Decision
from tests.core.profiles import quick
from tests.sidecar.proxy.support import eventually
from tests.sidecar.tools.support import ONCALL, definition, desk, scripted


def grant(**more: Any) -> Grant:
    return Grant(ToolGrantSettings(**{"server": "s", "tools": ["*"]} | more), 0.0)


def allows(given: dict[str, Any], **more: Any) -> bool:
    try:
        grant(**more).check("t", given)
    except DeniedError:
        return False
    return True


@pytest.mark.parametrize(
    ("wanted", "value", "fits"),
    [
        ("/var/log/*", "/var/log/web/a.log", True),
        ("/var/log/*", "/etc/shadow", False),
        ("/var/log/*", "/var/log/../../etc/shadow", False),
        ("/var/log/*", "/var/log/web/..", False),
        ("*", "any..thing", True),
        ("web", "web", True),
        ("web", "Web", False),
        ("1", 1, False),
        (1, 1, True),
        (1, True, False),
        (True, True, True),
        (1, 1.0, False),
        (None, None, True),
        (["a", "b*"], "bc", True),
        (["a", "b*"], "c", False),
        ({"a": 1}, {"a": 1}, True),
        ({"a": 1}, {"a": 2}, False),
        ([], "x", False),
    ],
)
def test_arguments_fit_or_do_not(wanted: Any, value: Any, fits: bool) -> None:
    assert allows({"x": value}, arguments={"x": wanted}) is fits
    assert not allows({}, arguments={"x": wanted}), "what is absent does not fit"


@given(st.text(max_size=30))
@quick
def test_no_text_leaves_the_folder(text: str) -> None:
    if allows({"path": "/srv/" + text}, arguments={"path": "/srv/*"}):
        assert ".." not in text.replace("\\", "/").split("/")


def test_a_condition_is_judged() -> None:
    when = "arguments.lines < 10"
    assert allows({"lines": 5}, when=when)
    assert not allows({"lines": 50}, when=when)
    assert not allows({}, when=when)
    with pytest.raises(InvalidConfigError):
        grant(when="arguments.")


async def test_only_what_is_named_is_there(tmp_path: Path) -> None:
    async with scripted() as server:
        server.tools = [definition("b"), definition("a"), definition("c")]
        async with desk(server, tmp_path, tools=["a", "b"], prefix="p_") as made:
            assert [one.name for one in made.catalogue.all()] == ["p_a", "p_b"]
            assert await made.code("p_c") == "NOT_FOUND"
            assert await made.code("a") == "NOT_FOUND"
        async with desk(server, tmp_path, tools=[]) as made:
            assert made.catalogue.all() == []


async def test_calls_are_counted(tmp_path: Path) -> None:
    async with scripted() as server, desk(server, tmp_path, calls_per_minute=2) as made:
        assert "isError" not in await made.call()
        assert "isError" not in await made.call()
        assert await made.code() == "LIMITED"
        (status,) = made.desk.status()
        assert (status.calls, status.failures) == (3, 1)
        assert [use.outcome for use in made.used] == ["ok", "ok", "LIMITED"]


async def test_a_long_result_is_refused(tmp_path: Path) -> None:
    async with scripted() as server, desk(server, tmp_path, longest_result=1000) as made:
        assert await made.code(text="x" * 2000) == "LIMITED"
        assert "isError" not in await made.call(text="x" * 100)


@pytest.mark.parametrize("approve", [True, False])
async def test_a_call_waits_for_a_person(tmp_path: Path, approve: bool) -> None:
    async with scripted() as server, desk(server, tmp_path, approval=ONCALL) as made:
        calling = asyncio.ensure_future(made.call(text="now"))
        await eventually(lambda: bool(made.asked))
        (question,) = made.approvals.questions()
        assert (question.tool, question.arguments, question.groups) == ("echo", {"text": "now"}, ["oncall"])
        assert not any(body["method"] == "tools/call" for _, body in server.requests)
        made.approvals.decide(question.id, Decision(approve=approve, by="ana"))
        with pytest.raises(NotFoundError):
            made.approvals.decide(question.id, Decision(approve=True, by="bo"))
        result = await calling
        assert result.get("isError", False) is not approve
        assert made.approvals.questions() == []
        called = [body for _, body in server.requests if body["method"] == "tools/call"]
        assert len(called) == int(approve)
    records = (
        [json.loads(line)["entry"] for line in (tmp_path / "audit.jsonl").read_text().splitlines()] if approve else []
    )
    assert all(one["details"]["approved"] == "ana" for one in records)


async def test_a_question_that_nobody_answers_is_a_no(tmp_path: Path) -> None:
    terms = ApprovalTerms(groups=["oncall"], expire=Duration(0.05))
    async with scripted() as server, desk(server, tmp_path, approval=terms) as made:
        assert await made.code() == "DENIED"
        assert made.approvals.questions() == []


async def test_arguments_are_judged_before_a_person_is_asked(tmp_path: Path) -> None:
    async with scripted() as server, desk(server, tmp_path, approval=ONCALL, arguments={"text": "a"}) as made:
        assert await made.code(text="b") == "DENIED"
        assert made.asked == []


async def test_every_call_is_in_the_audit_without_its_arguments(tmp_path: Path) -> None:
    async with scripted() as server:
        server.tools = [definition("read", annotations={"readOnlyHint": True}), definition("write")]
        async with desk(server, tmp_path) as made:
            await made.call("read", text="a secret")
            await made.call("write", text="a secret")
            server.call = lambda _: {"content": [], "isError": True}
            await made.call("write", text="a secret")
    text = (tmp_path / "audit.jsonl").read_text()
    entries = [json.loads(line)["entry"] for line in text.splitlines()]
    assert [(one["phase"], one["outcome"]) for one in entries] == [
        ("fact", "ok"), ("intent", ""), ("outcome", "ok"), ("intent", ""), ("outcome", "failed"),
    ]  # fmt: skip
    assert "a secret" not in text
    assert {one["principal"] for one in entries} == {"agent:a"}
