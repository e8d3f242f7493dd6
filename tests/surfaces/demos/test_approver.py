import asyncio

import pytest

from outrider.core.errors import DeadlineExceededError
from outrider.surfaces.cli.demos import approver
from outrider.surfaces.cli.demos.approver import Approver
from outrider.surfaces.cli.lines import Lines
from tests.surfaces.demos.scene import Scene


@pytest.fixture
def scene(monkeypatch: pytest.MonkeyPatch) -> Scene:
    monkeypatch.setattr(approver, "LOOK_SECONDS", 0.0)
    monkeypatch.setattr(approver, "drop_typed", lambda: None)
    return Scene()


def made(scene: Scene, *, approve: bool = False, may_ask: bool = False, wait: float = 30) -> Approver:
    return Approver(scene.client, scene.printer, "demo", approve=approve, may_ask=may_ask, wait=wait)


def types(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    async def typed() -> str:
        return text

    monkeypatch.setattr(Lines, "next", lambda _: typed())


async def test_what_was_approved_beforehand_is_not_asked(scene: Scene) -> None:
    await made(scene, approve=True, may_ask=True).answer("i2")
    assert scene.decision == "approved"


@pytest.mark.parametrize(
    ("text", "decision"), [("y\n", "approved"), ("YES\n", "approved"), ("\n", "rejected"), ("", "rejected"), ("maybe\n", "rejected")]
)  # fmt: skip
async def test_only_a_yes_on_the_terminal_approves(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, text: str, decision: str
) -> None:
    types(monkeypatch, text)
    await made(scene, may_ask=True).answer("i2")
    assert scene.decision == decision


async def test_an_answer_from_elsewhere_ends_the_question(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    async def nobody_types() -> str:
        scene.decision = "approved"
        await asyncio.Event().wait()
        raise AssertionError

    monkeypatch.setattr(Lines, "next", lambda _: nobody_types())
    await made(scene, may_ask=True).answer("i2")
    assert scene.decision == "approved"


async def test_without_a_terminal_it_is_said_how_to_approve_and_somebody_elsewhere_does(scene: Scene) -> None:
    answering = asyncio.ensure_future(made(scene).answer("i2"))
    await scene.said.wait()
    assert "--approve" in scene.lines[0][1]
    assert "outrider --context demo approvals approve i2" in scene.lines[1][1]
    scene.decision = "approved"
    await answering


async def test_without_an_answer_it_is_rejected_so_that_nothing_waits(scene: Scene) -> None:
    with pytest.raises(DeadlineExceededError, match=r"nobody approved host\.service_restart web"):
        await made(scene, wait=0).answer("i2")
    assert scene.decision == "rejected"


@pytest.mark.parametrize("may_ask", [True, False])
async def test_an_interruption_leaves_nothing_that_waits(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, may_ask: bool
) -> None:
    asked = asyncio.Event()

    async def nobody_types() -> str:
        asked.set()
        await asyncio.Event().wait()
        raise AssertionError

    monkeypatch.setattr(Lines, "next", lambda _: nobody_types())
    answering = asyncio.ensure_future(made(scene, may_ask=may_ask).answer("i2"))
    await (asked if may_ask else scene.said).wait()
    answering.cancel()
    with pytest.raises(asyncio.CancelledError):
        await answering
    assert scene.decision == "rejected"


async def test_what_was_answered_already_is_left_as_it_is(scene: Scene) -> None:
    scene.decision = "rejected"
    await made(scene, approve=True).answer("i2")
    assert await made(scene).decision("i2") == "rejected"
