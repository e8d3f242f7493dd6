import pytest

from outrider.core.errors import ExecutionFailedError
from outrider.surfaces.cli.demos import task
from outrider.surfaces.cli.demos.approver import Approver
from outrider.surfaces.cli.demos.task import TaskView
from tests.surfaces.demos.scene import CALL, RULE, RUN, Scene


@pytest.fixture
def scene(monkeypatch: pytest.MonkeyPatch) -> Scene:
    monkeypatch.setattr(task, "SETTLE_SECONDS", 0.0)
    monkeypatch.setattr(task, "LOOK_SECONDS", 0.0)
    return Scene()


def view(scene: Scene) -> TaskView:
    approver = Approver(scene.client, scene.printer, "demo", approve=True, may_ask=False, wait=1)
    return TaskView(scene.client, scene.printer, approver, RULE)


def begin(scene: Scene) -> None:
    scene.add("rule", "matched", subject=RULE)


def end(scene: Scene) -> None:
    scene.log.append("says: done")
    scene.state = "completed"
    scene.add("action", "completed")
    scene.add("output", "appended", subject="incidents")


async def test_what_the_agent_says_last_is_shown_before_the_end_of_its_task(scene: Scene) -> None:
    scene.moves = [lambda: begin(scene), lambda: end(scene)]
    shown = view(scene)
    detail = await shown.follow()
    assert detail.run.id == RUN
    assert [line[:2] for line in scene.lines] == [
        ("rule", f"{RULE} matched"),
        ("agent", "says: done"),
        ("action", "triage completed"),
        ("output", "incidents appended"),
    ]


async def test_each_line_of_the_agent_is_shown_once(scene: Scene) -> None:
    scene.moves = [
        lambda: begin(scene), lambda: scene.log.append("one"), lambda: scene.log.append("two"), lambda: end(scene),
    ]  # fmt: skip
    await view(scene).follow()
    assert [text for kind, text in scene.lines if kind == "agent"] == ["one", "two", "says: done"]


async def test_of_what_it_calls_only_the_questions_are_shown(scene: Scene) -> None:
    def call() -> None:
        scene.add("agent", "asks for host.memory", run=CALL)
        scene.add("action", "completed", run=CALL, subject="host.memory")

    def ask() -> None:
        scene.add("agent", "asks for host.service_restart", run="r3")
        scene.add("approval", "waits for oncall", run="r3", subject="host.service_restart", instruction="i2")

    def approved() -> None:
        assert scene.decision == "approved"
        scene.add("approval", "approved by ana", run="r3", subject="host.service_restart", instruction="i2")
        scene.add("action", "completed", run="r3", subject="host.service_restart")

    shown = view(scene)
    scene.moves = [lambda: begin(scene), call, ask, approved, lambda: end(scene)]
    await shown.follow()
    assert shown.asked == ["i2"]
    told = [text for kind, text in scene.lines if kind in ("agent", "approval", "action")]
    assert told == [
        "host.service_restart waits for oncall",
        "host.service_restart approved by ana",
        "host.service_restart completed",
        "says: done",
        "triage completed",
    ]


async def test_runs_of_other_rules_are_not_taken_for_it(scene: Scene) -> None:
    scene.moves = [
        lambda: scene.add("rule", "matched", subject="another", run="r9"),
        lambda: begin(scene),
        lambda: end(scene),
    ]
    assert (await view(scene).follow()).run.rule == RULE


async def test_it_begins_when_the_trigger_has_seen_that_all_is_well(scene: Scene) -> None:
    scene.moves = [
        lambda: scene.add("event", "down: connection refused", run="", subject="eyes/web"),
        lambda: scene.add("event", "up: 200", run="", subject="eyes/other"),
        lambda: scene.add("event", "up: 200", run="", subject="eyes/web"),
        lambda: begin(scene),
        lambda: end(scene),
    ]
    shown = view(scene)
    await shown.begin("eyes/web")
    assert scene.lines == [("event", "eyes/web up: 200")]
    assert (await shown.follow()).run.id == RUN


async def test_a_trigger_that_sees_nothing_is_told(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(task, "BEGIN_SECONDS", 0.0)
    with pytest.raises(ExecutionFailedError, match="eyes/web"):
        await view(scene).begin("eyes/web")


async def test_a_rule_that_does_not_begin_is_told(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(task, "BEGIN_SECONDS", 0.0)
    with pytest.raises(ExecutionFailedError, match=RULE):
        await view(scene).follow()
