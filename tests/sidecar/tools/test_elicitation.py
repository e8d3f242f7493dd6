"""Calls that the agent's own user approves."""

from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from outrider.core.mcp.protocol import CAPABILITIES_KEY
from outrider.core.policy import ApprovalTerms
from outrider.core.quantities import Duration
from outrider.sidecar.tools.elicitation import ANSWERED, Elicitation, can_be_asked
from tests.sidecar.tools.support import ONCALL, Desk, audited, desk, scripted

ABLE: dict[str, Any] = {"_meta": {CAPABILITIES_KEY: {"elicitation": {"form": {}}}}}
YES: dict[str, Any] = {"action": "accept", "content": {"approve": True}}


async def ask(made: Desk, text: str = "a", tool: str = "echo", **more: Any) -> dict[str, Any]:
    return await made.desk.call(tool, {"arguments": {"text": text}, **ABLE, **more}, answers=True)


def answered(question: dict[str, Any], answer: Any = YES) -> dict[str, Any]:
    return {"inputResponses": {"approval": answer}, "requestState": question["requestState"]}


def code(result: dict[str, Any]) -> str:
    found: str = result["structuredContent"]["code"]
    return found


async def test_the_user_is_asked_and_the_repeated_call_runs(tmp_path: Path) -> None:
    async with scripted() as server, desk(server, tmp_path, approval=ONCALL, elicit=True) as made:
        question = await ask(made)
        assert question["resultType"] == "input_required"
        (asked,) = question["inputRequests"].values()
        assert asked["method"] == "elicitation/create"
        assert asked["params"]["message"] == "May echo be called?\ntext: a"
        assert all(sent["method"] != "tools/call" for _, sent in server.requests)
        assert "isError" not in await ask(made, **answered(question))
        sent = server.requests[-1][1]["params"]
        assert not set(ANSWERED) & sent.keys()
        assert [(use.outcome, use.approved) for use in made.used] == [("asked", ""), ("ok", "the agent's user")]
        assert made.asked == []
        assert made.desk.status()[0].failures == 0
    assert [(one["phase"], one["outcome"]) for one in audited(tmp_path)] == [
        ("fact", "asked"),
        ("intent", ""),
        ("outcome", "ok"),
    ]
    assert audited(tmp_path)[-1]["details"]["approved"] == "the agent's user"


async def test_no_argument_can_look_like_another_one() -> None:
    made = Elicitation(lambda: 0.0)
    arguments: dict[str, Any] = {
        "path": "/etc/shadow\npath: /harmless", "a\npath": "x", "path: /harmless #": 1, "b": "\u202ee\u200f\u2028", "c": None,
        "d": {"e": "\n"}, "ä-1": True,
    }  # fmt: skip
    question = made.question("echo", {"arguments": arguments}, ONCALL)
    assert question["inputRequests"]["approval"]["params"]["message"].split("\n") == [
        "May echo be called?", r"path: /etc/shadow\u000apath: /harmless", r'"a\npath": x', '"path: /harmless #": 1',
        r"b: \u202ee\u200f\u2028", "c: null", r'd: {"e":"\n"}', "ä-1: true",
    ]  # fmt: skip


async def test_the_record_of_an_approved_call_has_the_hash_of_its_question(tmp_path: Path) -> None:
    async with scripted() as server, desk(server, tmp_path, approval=ONCALL, elicit=True) as made:
        await ask(made, **answered(await ask(made)))
    assert len({one["details"]["arguments"] for one in audited(tmp_path)}) == 1


async def test_only_a_plain_yes_is_one(tmp_path: Path) -> None:
    async with scripted() as server, desk(server, tmp_path, approval=ONCALL, elicit=True) as made:
        for answer in (
            {"action": "decline"}, {"action": "cancel", "content": {"approve": True}}, {"action": "accept"},
            {"action": "accept", "content": {"approve": False}}, {"action": "accept", "content": {"approve": "true"}},
            {"action": "accept", "content": [True]}, "accept", None,
        ):  # fmt: skip
            refused = await ask(made, **answered(await ask(made), answer))
            assert (code(refused), "rejected" in refused["structuredContent"]["message"]) == ("DENIED", True)
        assert all(sent["method"] != "tools/call" for _, sent in server.requests)
    assert audited(tmp_path)[-1]["details"]["rejected"] == "the agent's user"


async def test_an_answer_counts_once_and_for_its_call_only(tmp_path: Path) -> None:
    async with scripted() as server, desk(server, tmp_path, approval=ONCALL, elicit=True) as made:
        question = await ask(made)
        assert code(await ask(made, "b", **answered(question))) == "DENIED"
        assert "isError" not in await ask(made, **answered(question))
        again = await ask(made, **answered(question))
        assert (code(again), again["structuredContent"]["found"]) == ("DENIED", "an answer that was used before")
        state = (await ask(made))["requestState"]
        for changed in (
            state[:-1],
            f"{state}x",
            state.replace(".", ".x", 1),
            "outrider-approval.",
            "outrider-approval..",
            "outrider-approval.é.é",
        ):
            assert code(await ask(made, **answered({"requestState": changed}))) == "DENIED"
    async with scripted() as server, desk(server, tmp_path, approval=ONCALL, elicit=True) as another:
        assert code(await ask(another, **answered({"requestState": state}))) == "DENIED", "another sidecar has asked"


async def test_an_answer_that_comes_too_late(tmp_path: Path) -> None:
    terms = ApprovalTerms(groups=["oncall"], expire=Duration(0.0))
    async with scripted() as server, desk(server, tmp_path, approval=terms, elicit=True) as made:
        late = await ask(made, **answered(await ask(made)))
        assert late["structuredContent"]["found"] == "an answer that came too late"


async def test_what_the_server_had_asked_reaches_it_behind_the_approval(tmp_path: Path) -> None:
    async with scripted() as server, desk(server, tmp_path, approval=ONCALL, elicit=True) as made:
        server.call = lambda _: {"resultType": "input_required", "requestState": "its own"}
        asked_back = await ask(made, **answered(await ask(made)))
        assert asked_back["requestState"] == "its own"
        inner: dict[str, Any] = {"inputResponses": {"q": {"action": "accept"}}, "requestState": "its own"}
        question = await ask(made, **inner)
        assert question["requestState"] != "its own"
        await ask(made, **answered(question))
        sent = server.requests[-1][1]["params"]
        assert {key: sent[key] for key in ANSWERED} == inner


async def test_who_cannot_be_asked_waits_for_people(tmp_path: Path) -> None:
    terms = ApprovalTerms(groups=["oncall"], expire=Duration(0.05))
    async with scripted() as server, desk(server, tmp_path, approval=terms, elicit=True) as made:
        question = await ask(made)
        assert await made.code(text="a") == "DENIED"
        assert (
            code(await made.desk.call("echo", {"arguments": {}, **answered(question), "_meta": {}}, answers=True))
            == "DENIED"
        )
        assert len(made.asked) == 2


async def test_without_elicit_a_client_asks_nobody(tmp_path: Path) -> None:
    terms = ApprovalTerms(groups=["oncall"], expire=Duration(0.05))
    async with scripted() as server, desk(server, tmp_path, approval=terms) as made:
        assert code(await ask(made)) == "DENIED"
        assert len(made.asked) == 1


async def test_a_question_that_nobody_could_read_is_not_asked(tmp_path: Path) -> None:
    async with scripted() as server, desk(server, tmp_path, approval=ONCALL, elicit=True) as made:
        many = {f"argument-{number}": "x" * 100 for number in range(200)}
        assert code(await made.desk.call("echo", {"arguments": many, **ABLE}, answers=True)) == "LIMITED"


@given(
    st.recursive(
        st.none() | st.booleans() | st.text(),
        lambda inner: (
            st.dictionaries(st.sampled_from(["elicitation", CAPABILITIES_KEY, "_meta"]), inner) | st.lists(inner)
        ),
    )
)
def test_what_a_client_says_of_itself_may_be_anything(said: Any) -> None:
    assert can_be_asked({"_meta": said}) in (True, False)


@given(st.text(), st.integers() | st.text() | st.dictionaries(st.text(), st.text()))
def test_a_state_of_ones_own_making_is_none(text: str, responses: Any) -> None:
    made = Elicitation(lambda: 0.0)
    sent = {"arguments": {}, "requestState": f"outrider-approval.{text}", "inputResponses": responses}
    assert made.is_answered(sent)
    assert made._open(sent) is None
