"""Steps of a run: templates, conditions on earlier results, parallel parts, compensation, routes of reports."""

from typing import Any

import pytest

from outrider.core.errors import ErrorBody, InvalidConfigError, OutriderError
from outrider.core.events import Instruction, Result
from outrider.orchestrator import queries
from outrider.orchestrator.wire import ApprovalRow, RunDetail
from tests.orchestrator.bench import Bench

CHECK = "{name: check, call: host.http_check, with: {url: 'http://127.0.0.1:1/${event.data.path}'}}"


def restart(service: str, **more: str) -> str:
    words = "".join(f", {key}: {value}" for key, value in more.items())
    return f"{{plugin: service-restart, with: {{service: {service}}}{words}}}"


def steps(*items: str) -> str:
    return "\n  ".join(f"- {item}" for item in items)


async def take(bench: Bench) -> Instruction:
    for agent in ("hands", "worker"):
        instruction = await bench.take(agent)
        if instruction is not None:
            return instruction
    raise AssertionError("nothing waits")


async def end(bench: Bench, instruction: Instruction, status: Any = "completed", **result: Any) -> None:
    agent = "worker" if instruction.instruction_type == "call" else "hands"
    error = ErrorBody(code="EXECUTION_FAILED", message="it broke") if status == "failed" else None
    ended = Result(status=status, lease_epoch=instruction.lease_epoch, result=result, error=error)
    await bench.engine.renew(agent, instruction.id, instruction.lease_epoch)
    await bench.engine.finish(agent, instruction.id, ended)


async def detail(bench: Bench) -> RunDetail:
    run = (await bench.runs())[0].id
    return await bench.store.read(lambda c: queries.show_run(c, "default", run))


async def test_parameters_have_the_values_of_the_event(bench: Bench) -> None:
    await bench.declare(steps=steps(restart("'${event.data.unit}'")))
    await bench.see(bench.event(unit="shop"))
    assert (await take(bench)).input_data == {"service": "shop"}


async def test_a_field_that_is_not_there_fails_the_run_and_says_which(bench: Bench) -> None:
    await bench.declare(steps=steps(restart("'${event.data.unit}'")))
    await bench.see(bench.event())
    (run,) = await bench.runs()
    assert run.state == "failed"
    assert "event.data.unit" in run.message


async def test_values_that_do_not_fit_the_schema_fail_the_run(bench: Bench) -> None:
    await bench.declare(steps=steps(restart("'${event.data.unit}'")))
    await bench.see(bench.event(unit=5))
    (run,) = await bench.runs()
    assert (run.state, "service" in run.message) == ("failed", True)


async def test_a_condition_on_an_earlier_result(bench: Bench) -> None:
    todo = steps(CHECK, restart("web", **{"if": "'!steps.check.result.ok'"}), restart("'${steps.check.state}'"))
    await bench.declare(steps=todo)
    await bench.see(bench.event(path="health"))
    check = await take(bench)
    assert check.input_data["url"] == "http://127.0.0.1:1/health"
    await end(bench, check, ok=True)
    last = await take(bench)
    assert last.input_data == {"service": "completed"}
    await end(bench, last)
    shown = await detail(bench)
    assert (shown.run.state, shown.skipped) == ("completed", ["service-restart"])


async def test_a_condition_that_cannot_be_evaluated_fails_the_run(bench: Bench) -> None:
    await bench.declare(steps=steps(CHECK, restart("web", **{"if": "steps.check.result.colour == 1"})))
    await bench.see(bench.event(path=""))
    await end(bench, await take(bench))
    (run,) = await bench.runs()
    assert (run.state, "steps.check.result.colour" in run.message) == ("failed", True)


async def test_parallel_steps_begin_together_and_the_next_waits_for_all(bench: Bench) -> None:
    both = f"{{parallel: [{restart('one')}, {restart('two')}]}}"
    await bench.declare(steps=steps(both, restart("three")))
    await bench.see(bench.event())
    first, second = await take(bench), await take(bench)
    assert {first.input_data["service"], second.input_data["service"]} == {"one", "two"}
    await end(bench, first)
    assert await bench.take() is None
    await end(bench, second)
    assert (await take(bench)).input_data == {"service": "three"}


async def test_a_failed_parallel_step_ends_the_run_when_the_others_have_ended(bench: Bench) -> None:
    await bench.declare(steps=steps(f"{{parallel: [{restart('one')}, {restart('two')}]}}", restart("three")))
    await bench.see(bench.event())
    first, second = await take(bench), await take(bench)
    await end(bench, first, "failed")
    assert await bench.states() == ["running"]
    await end(bench, second)
    assert await bench.states() == ["failed"]
    assert await bench.take() is None


async def test_a_failure_may_be_gone_over(bench: Bench) -> None:
    todo = steps(CHECK.replace("name:", "onFailure: continue, name:"), restart("'${steps.check.error.code}'"))
    await bench.declare(steps=todo)
    await bench.see(bench.event(path=""))
    await end(bench, await take(bench), "failed")
    last = await take(bench)
    assert last.input_data == {"service": "EXECUTION_FAILED"}
    await end(bench, last)
    assert await bench.states() == ["completed"]


async def test_completed_steps_are_undone_in_reverse_order(bench: Bench) -> None:
    todo = steps(
        restart("one", compensate=restart("undo-one")),
        restart("two", compensate=restart("undo-two")),
        restart("three", compensate=restart("undo-three")),
    )
    await bench.declare(steps=todo)
    await bench.see(bench.event())
    for status in ("completed", "completed", "failed"):
        await end(bench, await take(bench), status)
    assert await bench.states() == ["compensating"]
    undone = []
    for status in ("completed", "failed"):
        instruction = await take(bench)
        undone.append(instruction.input_data["service"])
        await end(bench, instruction, status)
    assert undone == ["undo-two", "undo-one"]
    shown = await detail(bench)
    assert shown.run.state == "failed"
    assert shown.run.message == "service-restart: it broke; undone: service-restart; NOT undone: service-restart"
    assert [step.undoes for step in shown.steps] == ["", "", "", "service-restart", "service-restart"]


async def test_a_cancelled_run_is_undone_and_stays_cancelled(bench: Bench) -> None:
    await bench.declare(steps=steps(restart("one", compensate=restart("undo-one")), restart("two")))
    await bench.see(bench.event())
    await end(bench, await take(bench))
    await bench.engine.cancel((await bench.runs())[0].id)
    undo = await take(bench)
    assert undo.input_data == {"service": "undo-one"}
    await end(bench, undo)
    assert await bench.states() == ["cancelled"]


async def test_a_compensation_survives_a_restart(bench: Bench) -> None:
    await bench.declare(steps=steps(restart("one", compensate=restart("undo-one")), restart("two")))
    await bench.see(bench.event())
    for status in ("completed", "failed"):
        await end(bench, await take(bench), status)
    await bench.engine.open()
    await end(bench, await take(bench))
    assert (await bench.runs())[0].message == "service-restart: it broke; undone: service-restart"


async def test_a_step_that_nobody_takes_in_time_has_failed(bench: Bench) -> None:
    await bench.declare(steps=steps(restart("one", startWithin="30s")))
    await bench.see(bench.event())
    bench.clock.advance(29)
    await bench.sweep()
    assert await bench.states() == ["running"]
    bench.clock.advance(1)
    await bench.sweep()
    (run,) = await bench.runs()
    assert (run.state, run.message) == ("failed", "service-restart: no agent has taken it within 30s")
    assert await bench.take() is None


async def test_an_approval_does_not_take_from_the_time_to_start(bench: Bench) -> None:
    await bench.declare(steps=steps(restart("one", startWithin="30s", requireApproval="{from: [], expire: 10m}")))
    await bench.see(bench.event())
    bench.clock.advance(60)
    await bench.sweep()
    (approval,) = await bench.store.read(lambda c: queries.list_approvals(c, "default"))
    await bench.engine.decide(approval.instruction, "approved", "user:owner")
    bench.clock.advance(29)
    await bench.sweep()
    assert await bench.take() is not None


async def test_steps_see_every_event_of_the_match(bench: Bench) -> None:
    when = "{any: [{trigger: eyes/web}], count: 2, within: 1m}"
    await bench.declare(when=when, steps=steps(restart("'${events[0].data.unit}-${events[1].data.unit}'")))
    await bench.see(bench.event(unit="a"), bench.event(unit="b"))
    assert (await take(bench)).input_data == {"service": "a-b"}


ROUTES = """
---
apiVersion: outrider.dev/v1alpha1
kind: Output
metadata: {name: pager}
spec: {plugin: file, config: {path: pager.jsonl}}
---
apiVersion: outrider.dev/v1alpha1
kind: Output
metadata: {name: diary}
spec: {plugin: file, config: {path: diary.jsonl}}
"""


@pytest.mark.parametrize(
    ("severity", "status", "expected"),
    [("high", "failed", ["pager", "diary"]), ("low", "failed", ["diary"]), ("high", "completed", ["diary"])],
)
async def test_reports_go_by_severity_and_outcome(
    bench: Bench, severity: Any, status: str, expected: list[str]
) -> None:
    routes = "report: [{output: pager, severities: [high, critical], outcomes: [failed, unknown]}, diary]"
    await bench.declare(limits=routes, more=ROUTES)
    event = bench.event()
    event.severity = severity
    await bench.see(event)
    await end(bench, await take(bench), status)
    assert [step.name for step in (await detail(bench)).steps if step.kind == "output"] == expected


@pytest.mark.parametrize(
    ("todo", "message", "path"),
    [
        (restart("'${evnt.data.x}'"), "'evnt' is not known here", "spec.do[0].with.service"),
        (restart("'${event.data.x'"), "does not end", "spec.do[0].with.service"),
        (restart("web", **{"if": "steps.chek.state == 'failed'"}), "no earlier step is called 'chek'", "spec.do[0].if"),
        (restart("'${steps.later.state}'"), "no earlier step is called 'later'", "spec.do[0].with.service"),
        ("{parallel: [{plugin: service-restart, with: {}}]}", "service", "spec.do[0].parallel[0].with.service"),
        (restart("web", compensate="{plugin: service-rstart}"), "service-rstart", "spec.do[0].compensate.plugin"),
        ("{call: host.http_check, with: {url: '${event.data.url}', timeout: x}}", "timeout", "spec.do[0].with.timeout"),
    ],
)
async def test_a_wrong_step_is_refused_with_its_place(bench: Bench, todo: str, message: str, path: str) -> None:
    with pytest.raises(OutriderError) as caught:
        await bench.declare(steps=steps(todo))
    faults = caught.value.causes or [caught.value]
    assert message in faults[0].message
    assert faults[0].path == path


async def test_two_steps_of_one_name_are_refused(bench: Bench) -> None:
    with pytest.raises(InvalidConfigError, match="two steps are called 'check'"):
        await bench.declare(steps=steps(CHECK, CHECK))


@pytest.mark.parametrize(
    ("when", "message"),
    [
        ("{}", "one of any, all, then and schedule"),
        ("{all: [{trigger: eyes/web}]}", "`all` needs a time"),
        ("{any: [{trigger: eyes/web}], within: 1m}", "`within` needs something to count"),
        ("{any: [{trigger: eyes/web}], by: event.data.host}", "`by` joins events over time"),
        ("{then: [{trigger: eyes/web}], within: 1m, count: 2}", "`then` has no count"),
        ("{schedule: '* * * * *', within: 1m}", "`schedule` has no within"),
        ("{schedule: '61 * * * *'}", "not a schedule"),
        ("{schedule: '* * * * *', timeZone: Europe/Atlantis}", "Europe/Atlantis"),
        ("{any: [{trigger: eyes/web}], if: 'true'}", "`if` belongs to a schedule"),
        ("{any: [{trigger: eyes/web, type: x}]}", "either a trigger or a type"),
        ("{any: [{trigger: eyes/web}], within: 1m, aggregate: {function: mean}}", "compared with a bound"),
        ("{any: [{trigger: eyes/web}], notWithin: {period: 0s, any: [{trigger: eyes/web}]}}", "passes at once"),
        ("{any: [{trigger: eyes/web}], within: 1m, count: 3, by: evnt.x}", "'evnt' is not known here"),
        ("{any: [{trigger: eyes/web}], notWithin: {period: 1m, any: [{trigger: eyes/wb}]}}", "no trigger 'wb'"),
    ],
)
async def test_a_wrong_when_is_refused(bench: Bench, when: str, message: str) -> None:
    with pytest.raises(InvalidConfigError) as caught:
        await bench.declare(when=when)
    assert message in caught.value.message
    assert caught.value.path.startswith("spec.when")


async def test_a_debounce_of_a_rule_over_time_is_refused(bench: Bench) -> None:
    with pytest.raises(InvalidConfigError, match="single events"):
        await bench.declare(when="{any: [{trigger: eyes/web}], count: 2, within: 1m}", limits="debounce: 5s")


ASK = "{ask: Restart it?, name: asked, with: {shop: '${event.data.shop}'}, requireApproval: {from: [], expire: 1m}}"


async def asked(bench: Bench) -> ApprovalRow:
    (question,) = await bench.store.read(lambda c: queries.list_approvals(c, "default", all_states=True))
    return question


async def test_a_question_to_people_is_a_step(bench: Bench) -> None:
    await bench.declare(steps=steps(ASK, restart("'${steps.asked.result.approved_by}'")))
    await bench.see(bench.event(shop="a"))
    question = await asked(bench)
    assert question.question == 'Restart it? {"shop":"a"}'
    assert await bench.take() is None
    await bench.engine.decide(question.instruction, "approved", "ana")
    following = await take(bench)
    assert following.input_data == {"service": "ana"}
    await end(bench, following)
    assert await bench.states() == ["completed"]
    with pytest.raises(OutriderError, match="answered before"):
        await bench.engine.decide(question.instruction, "rejected", "bo")


@pytest.mark.parametrize("decision", ["rejected", "expired"])
async def test_a_question_without_a_yes_ends_the_run(bench: Bench, decision: str) -> None:
    await bench.declare(steps=steps(ASK, restart("web")))
    await bench.see(bench.event(shop="a"))
    if decision == "rejected":
        await bench.engine.decide((await asked(bench)).instruction, "rejected", "ana")
    else:
        bench.clock.advance(61)
        await bench.sweep()
    assert await bench.states() == ["cancelled"]
    assert (await asked(bench)).decision == decision
    assert await bench.take() is None


async def test_a_question_is_taken_by_nobody_and_can_be_cancelled(bench: Bench) -> None:
    await bench.declare(steps=steps("{ask: Really?}"))
    await bench.see(bench.event())
    question = await asked(bench)
    assert (question.question, question.groups) == ("Really?", [])
    assert [await bench.take(agent) for agent in ("hands", "worker", "Really?")] == [None, None, None]
    (run,) = await bench.runs()
    await bench.engine.cancel(run.id)
    assert await bench.states() == ["cancelled"]
    assert (await asked(bench)).decision == "withdrawn"
    assert await bench.store.read(lambda c: queries.list_approvals(c, "default")) == []
    bench.clock.advance(601)
    await bench.sweep()
    assert (await asked(bench)).decision == "withdrawn", "it did not expire"
    assert (await detail(bench)).steps[0].seconds == 0.0
    with pytest.raises(OutriderError, match="answered before"):
        await bench.engine.decide(question.instruction, "approved", "ana")


@pytest.mark.parametrize(
    "more",
    [
        "mode: apply",
        "runOn: hands",
        "timeout: 5m",
        "startWithin: 5m",
        "retry: {attempts: 2}",
        "onLost: retry",
        "onFailure: continue",
    ],
)
async def test_a_question_runs_nowhere(bench: Bench, more: str) -> None:
    with pytest.raises(InvalidConfigError, match="a question runs nowhere"):
        await bench.declare(steps=steps(f"{{ask: Really?, {more}}}"))


async def test_a_question_holds_no_templates(bench: Bench) -> None:
    with pytest.raises(InvalidConfigError, match="asked as it stands"):
        await bench.declare(steps=steps("{ask: 'Restart ${event.data.shop}?'}"))


async def test_questions_side_by_side_and_behind_conditions(bench: Bench) -> None:
    both = "{parallel: [{ask: One?, name: one}, {ask: Two?}]}"
    last = "{ask: Three?, if: 'steps.one.result.approved_by == \"bo\"'}"
    await bench.declare(steps=steps(both, last, restart("web")))
    await bench.see(bench.event())
    waiting = await bench.store.read(lambda c: queries.list_approvals(c, "default"))
    assert sorted(one.question for one in waiting) == ["One?", "Two?"]
    for one in waiting:
        await bench.engine.decide(one.instruction, "approved", "ana")
    await end(bench, await take(bench))
    shown = await detail(bench)
    assert (shown.run.state, shown.skipped) == ("completed", ["Three?"])


async def test_a_question_that_undoes(bench: Bench) -> None:
    undone = "{plugin: service-restart, with: {service: a}, compensate: {ask: Undo it?}}"
    await bench.declare(steps=steps(undone, restart("web")))
    await bench.see(bench.event())
    await end(bench, await take(bench))
    await end(bench, await take(bench), "failed")
    question = await asked(bench)
    assert question.question == "Undo it?"
    await bench.engine.decide(question.instruction, "approved", "ana")
    assert (await detail(bench)).run.state == "failed"


async def test_a_question_is_one_line_that_reads_as_it_stands(bench: Bench) -> None:
    await bench.declare(steps=steps(ASK))
    await bench.see(bench.event(shop="a\u202eb\u200f\nx"))
    assert (await asked(bench)).question == r'Restart it? {"shop":"a\u202eb\u200f\nx"}'
