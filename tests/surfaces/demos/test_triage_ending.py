from pathlib import Path

import pytest

from outrider.core.errors import ExecutionFailedError
from outrider.core.events import Event, Result
from outrider.kinds.agenttype.model import AgentTypeSpec
from outrider.orchestrator.wire import RunDetail, RunRow, StepRow
from outrider.runtime.folders import ObjectFolder
from outrider.surfaces.cli.demos.incident_triage import KEY, Ending, check, chosen_layout, told

RESULT = {"result": "restarted web", "calls": 5, "tools": 3, "tokens": 1234, "cost": "0.02 USD", "offline": False}


def ending(
    *, state: str = "completed", message: str = "", decision: str = "approved", status: int = 200, waited: float = 0.0,
    remembered: tuple[str, ...] = (), scripted: bool = True, offline: bool = False,
) -> Ending:  # fmt: skip
    result = Result(status="completed", lease_epoch=1, result={**RESULT, "offline": offline})
    step = StepRow(
        instruction="i1", kind="task", name="triage", state="completed", attempts=[], result=result, log=[], offset=0.0,
        seconds=2.0,
    )  # fmt: skip
    row = RunRow(id="r1", rule="look", state=state, created="", seconds=4.25, source="eyes/web", message=message)
    event = Event(id="e1", source="eyes/web", type="http-probe", time="", severity="high", data={})
    detail = RunDetail(run=row, event=event, matched=["e1"], trace_id="", steps=[step], skipped=[])
    return Ending(
        detail=detail, decision=decision, waited=waited, status=status, remembered=list(remembered), scripted=scripted
    )


def test_the_answer_the_cost_and_the_memory_are_told() -> None:
    lines = list(told(ending(waited=1.5, remembered=("a", "b"))))
    assert lines == [
        "\ntriage: restarted web",
        "web answers again: 200 · the agent took 4.2 s, 1.5 s of them for the approval",
        "5 answers of models · 3 calls of tools · 1,234 tokens · 0.02 USD",
        '2 incidents remembered, the last one: "b"',
    ]


def test_a_script_is_not_taken_for_a_model() -> None:
    assert any("5 answers of a script" in line for line in told(ending(offline=True)))


@pytest.mark.parametrize("decision", ["rejected", "expired"])
def test_a_restart_that_was_refused_is_told_and_is_no_fault_of_the_agent(decision: str) -> None:
    refused = ending(decision=decision, status=503)
    assert f"web answers 503: the restart was {decision}" in told(refused)
    check(refused, "demo")
    assert refused.refused


@pytest.mark.parametrize(("decision", "did"), [("approved", "has restarted it"), ("", "did not ask to restart it")])
def test_a_service_that_is_still_ill_is_a_fault(decision: str, did: str) -> None:
    with pytest.raises(ExecutionFailedError, match="web still answers 503") as raised:
        check(ending(decision=decision, status=503), "demo")
    assert did in raised.value.found


def test_a_task_that_failed_is_told_with_a_remedy() -> None:
    with pytest.raises(ExecutionFailedError, match="which has failed: exit code 1") as raised:
        check(ending(state="failed", message="exit code 1", decision="", status=503, scripted=False), "demo")
    assert "outrider agent logs demo" in raised.value.suggestions[0]
    assert "--offline" in raised.value.suggestions[-1]


def test_a_script_that_failed_is_not_the_remedy() -> None:
    with pytest.raises(ExecutionFailedError) as raised:
        check(ending(state="failed"), "demo")
    assert not any("--offline" in one for one in raised.value.suggestions)


@pytest.mark.parametrize(
    ("key", "offline", "asks"), [("", False, False), ("sk-x", True, False), ("sk-x", False, True), ("", True, False)]
)
def test_a_model_is_asked_only_where_there_is_a_key_and_nobody_wants_the_script(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str, offline: bool, asks: bool
) -> None:
    monkeypatch.setenv(KEY, key)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    layout = chosen_layout(offline=offline)
    (agent,) = ObjectFolder(layout.folder, layout.overlay).read().of_kind("AgentType")
    spec: AgentTypeSpec = agent.spec
    assert all(bool(route.providers) is asks for route in spec.llm.routes)
    assert (layout.folder == tmp_path / "outrider" / "demo" / "incident-triage-models") is asks
