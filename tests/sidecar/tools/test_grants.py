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
from outrider.core.tool_settings import ToolGrantSettings
from outrider.sidecar.tools.approvals import MOST_OPEN
from outrider.sidecar.tools.desk import LONGEST_CALL
from outrider.sidecar.tools.grants import Grant
from outrider.sidecar.tools.status import Decision
from tests.core.profiles import quick
from tests.sidecar.proxy.support import eventually
from tests.sidecar.tools.support import ONCALL, audited, definition, desk, scripted


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
        ({"a": 1}, {"a": True}, False),
        ({"a": [1]}, {"a": [1.0]}, False),
        ({"a": 1}, {"a": 1, "b": 2}, False),
        ("/srv/[prod]/*", "/srv/[prod]/x", True),
        ("/srv/[prod]/*", "/srv/p/x", False),
        ("a?c*d*e", "abcXdXe", True),
        ("a?c*d*e", "abcXe", False),
        ("/srv/*", "/srv/a\n/etc/passwd", False),
        ("*", "a\x00b", False),
        ("a\nb", "a\nb", True),
        ("/srv/*", "/srv/%2e%2e/x", False),
        ("/srv/*", "/srv/.%2E%2fx", False),
        ("/srv/*", "/srv/%252e%252e/x", False),
        ("/srv/*", "/srv/x\\..\\y", False),
        ("/srv/*", "/srv/..%5cy", False),
        ("/srv/*", "/srv/a%2eb", True),
        ([], "x", False),
    ],
)
def test_arguments_fit_or_do_not(wanted: Any, value: Any, fits: bool) -> None:
    assert allows({"x": value}, arguments={"x": wanted}) is fits
    assert not allows({}, arguments={"x": wanted}), "what is absent does not fit"


def test_a_key_in_another_case_is_no_way_around() -> None:
    assert not allows({"path": "a", "Path": "b"}, arguments={"path": "a"})
    assert allows({"path": "a", "Path": "b"}, arguments={"path": "a", "Path": "*"})
    assert allows({"path": "a", "other": "b"}, arguments={"path": "a"})


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
    told = [(one["phase"], one["outcome"], one["details"].get("approved"), one["details"].get("rejected"))
            for one in audited(tmp_path)]  # fmt: skip
    assert told == (
        [("intent", "", "ana", None), ("outcome", "ok", "ana", None)] if approve else [("fact", "DENIED", None, "ana")]
    )


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


async def test_of_two_grants_one_must_allow(tmp_path: Path) -> None:
    more = [{"arguments": {"text": "b*"}}]
    async with scripted() as server, desk(server, tmp_path, more=more, arguments={"text": "a*"}) as made:
        assert [one.name for one in made.catalogue.all()] == ["echo"]
        assert "isError" not in await made.call(text="a1")
        assert "isError" not in await made.call(text="b1")
        assert await made.code(text="c1") == "DENIED"


async def test_of_two_grants_the_one_that_asks_wins(tmp_path: Path) -> None:
    more = [{"arguments": {"text": "b*"}, "approval": ApprovalTerms(groups=["oncall"], expire=Duration(0.05))}]
    async with scripted() as server, desk(server, tmp_path, more=more) as made:
        assert "isError" not in await made.call(text="a1")
        assert made.asked == []
        assert await made.code(text="b1") == "DENIED"
        assert len(made.asked) == len(made.ended) == 1


async def test_grants_of_other_tools_do_not_mix(tmp_path: Path) -> None:
    async with scripted() as server:
        server.tools = [definition("b"), definition("a_b")]
        more = [{"tools": ["b"], "prefix": "a_"}]
        async with desk(server, tmp_path, more=more, arguments={"text": "x"}) as made:
            assert [one.name for one in made.catalogue.all()] == ["a_b", "b"]
            assert await made.code("a_b", text="y") == "DENIED", "what is granted first counts"


async def test_a_question_shows_every_key_however_long_the_values(tmp_path: Path) -> None:
    async with scripted() as server, desk(server, tmp_path, approval=ONCALL) as made:
        calling = asyncio.ensure_future(made.call(a="x" * 100_000, force=True, deep=["y" * 500]))
        await eventually(lambda: bool(made.asked))
        shown = made.asked[0].arguments
        assert list(shown) == ["a", "force", "deep"]
        assert shown["a"] == "x" * 200 + "… (100000 characters)"
        assert shown["force"] is True
        assert shown["deep"].startswith('["yyy')
        assert made.approvals.questions() == made.asked
        calling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await calling
        assert await made.code(**{f"k{number}": "x" * 200 for number in range(100)}) == "LIMITED"


async def test_open_questions_are_bounded(tmp_path: Path) -> None:
    async with scripted() as server, desk(server, tmp_path, approval=ONCALL) as made:
        waiting = [asyncio.ensure_future(made.call(text="now")) for _ in range(MOST_OPEN)]
        await eventually(lambda: len(made.asked) == MOST_OPEN)
        assert await made.code(text="now") == "LIMITED"
        made.approvals.decide("0", Decision(approve=True, by="ana"))
        await waiting[0]
        waiting.append(asyncio.ensure_future(made.call(text="now")))
        await eventually(lambda: len(made.asked) == MOST_OPEN + 1)
        for one in waiting[1:]:
            one.cancel()
        await asyncio.wait(waiting)


async def test_long_arguments_are_refused(tmp_path: Path) -> None:
    async with scripted() as server, desk(server, tmp_path) as made:
        assert await made.code(text="x" * LONGEST_CALL) == "LIMITED"
        assert "isError" not in await made.call(text="x" * 500_000)
        assert await made.code("n" * 5000) == "NOT_FOUND"
        assert made.used[-1].tool == "n" * 128
