"""Scheduled calls on a real store, with a clock that the test moves."""

from pathlib import Path
from typing import Any

import pytest

from outrider.core.errors import OutriderError
from outrider.orchestrator import queries
from outrider.orchestrator.wire import ScheduleRow
from tests.orchestrator.bench import Bench

CALL = """
---
apiVersion: outrider.dev/v1alpha1
kind: OperatorCall
metadata: {{name: nightly}}
spec:
  operator: {operator}
  schedule: "{schedule}"
  {more}
"""
WORKER = "worker"


def scheduled(operator: str = "host.disk", schedule: str = "*/10 * * * *", more: str = "") -> str:
    return CALL.format(operator=operator, schedule=schedule, more=more)


async def listed(bench: Bench) -> ScheduleRow:
    (row,) = await bench.store.read(lambda c: queries.list_schedules(c, "default"))
    return row


async def passed(bench: Bench, minutes: float) -> None:
    bench.clock.advance(minutes * 60)
    await bench.sweep()


async def begun(bench: Bench, more: str = "", **words: str) -> None:
    """Declare a call, and let the engine see it at 10 seconds past a full ten minutes."""
    bench.clock.advance(600 - bench.clock.now() % 600 + 10)
    await bench.declare(more=scheduled(more=more, **words))
    await bench.sweep()


async def test_it_is_called_at_its_time_as_a_schedule(bench: Bench) -> None:
    await begun(bench, operator='"@host(\\"disk\\", \\"/\\")"')
    assert await bench.runs() == []
    await passed(bench, 10)
    instruction = await bench.take(WORKER)
    assert instruction is not None
    assert (instruction.plugin_id, instruction.input_data) == ("host.disk", {"path": "/"})
    assert (instruction.principal, instruction.timeout_seconds) == ("schedule:nightly", 300.0)
    assert instruction.context["event"]["source"] == "schedule:nightly"
    await bench.finish(instruction, agent=WORKER)
    row = await listed(bench)
    assert (row.operation, row.last_state, row.executions, row.errors) == ("host.disk", "completed", 1, 0)
    assert row.next > row.last


@pytest.mark.parametrize(
    ("operator", "params"),
    [
        ("host.memory", {}),
        ('{call: host.disk, with: {path: "/x"}}', {"path": "/x"}),
        ('{"@host": [disk, "/x"]}', {"path": "/x"}),
        ('{"@host": {action: disk, path: "/x"}}', {"path": "/x"}),
        ("'@host.disk({ path: \"/x\" })'", {"path": "/x"}),
    ],
)
async def test_every_form_of_a_call(bench: Bench, operator: str, params: dict[str, Any]) -> None:
    await begun(bench, operator=operator)
    await passed(bench, 10)
    instruction = await bench.take(WORKER)
    assert instruction is not None
    assert instruction.input_data == params


@pytest.mark.parametrize(
    ("policy", "states"),
    [("Forbid", ["running"]), ("Allow", ["running", "running"]), ("Replace", ["cancelled", "running"])],
)
async def test_what_happens_while_the_last_still_runs(bench: Bench, policy: str, states: list[str]) -> None:
    await begun(bench, more=f"concurrencyPolicy: {policy}")
    await passed(bench, 10)
    await passed(bench, 10)
    assert sorted(await bench.states()) == states


async def test_when_it_comes_next_is_told_from_the_start(bench: Bench) -> None:
    await bench.declare(more=scheduled())
    assert (await listed(bench)).next.endswith("0:00.000Z")


async def test_one_that_has_ended_does_not_forbid(bench: Bench) -> None:
    await begun(bench)
    await passed(bench, 10)
    instruction = await bench.take(WORKER)
    assert instruction is not None
    await bench.finish(instruction, "failed", agent=WORKER)
    await passed(bench, 10)
    assert sorted(await bench.states()) == ["failed", "running"]
    assert (await listed(bench)).errors == 1


async def test_while_suspended_the_times_just_pass(bench: Bench) -> None:
    await begun(bench, more="suspend: true")
    await passed(bench, 60)
    assert await bench.runs() == []
    assert (await listed(bench)).next == ""
    await bench.declare(more=scheduled())
    await bench.sweep()
    assert await bench.runs() == [], "what passed is not called later"
    await passed(bench, 10)
    assert len(await bench.runs()) == 1


async def test_times_that_passed_unseen_are_called_once(bench: Bench) -> None:
    await begun(bench)
    await passed(bench, 60)
    assert len(await bench.runs()) == 1
    instruction = await bench.take(WORKER)
    assert instruction is not None
    assert instruction.context["event"]["data"]["missed"] == 5


async def test_a_new_engine_goes_on_where_the_old_one_was(tmp_path: Path) -> None:
    first = Bench(tmp_path)
    await first.engine.open()
    await begun(first)
    await passed(first, 10)
    await first.close()
    second = Bench(tmp_path)
    second.clock.advance(first.clock.now() - second.clock.now() + 5)
    await second.engine.open()
    await second.sweep()
    assert len(await second.runs()) == 1, "not once more"
    await passed(second, 9)
    await passed(second, 1)
    assert (await listed(second)).executions == 1, "the first still runs, so the second time is left out"
    await second.close()


async def test_a_clock_that_is_set_back_calls_nothing_twice(bench: Bench) -> None:
    await begun(bench, more="concurrencyPolicy: Allow")
    await passed(bench, 10)
    bench.clock._now -= 600
    await bench.declare(more=scheduled(more="concurrencyPolicy: Allow\n  timeout: 10s"))
    await bench.sweep()
    await passed(bench, 10)
    assert len(await bench.runs()) == 1
    await passed(bench, 10)
    assert len(await bench.runs()) == 2


async def test_another_schedule_counts_from_now(bench: Bench) -> None:
    await begun(bench, schedule="0 0 1 1 *")
    await bench.declare(more=scheduled())
    await passed(bench, 9)
    assert await bench.runs() == []
    await passed(bench, 1)
    assert len(await bench.runs()) == 1


@pytest.mark.parametrize(("mode", "told"), [("", "plan"), ("mode: apply", "apply")])
async def test_a_change_is_made_only_where_apply_is_written(bench: Bench, mode: str, told: str) -> None:
    await begun(bench, operator='{call: host.file_write, with: {path: /x, content: ""}}', more=mode)
    await passed(bench, 10)
    instruction = await bench.take(WORKER)
    assert instruction is not None
    assert instruction.context["mode"] == told


async def test_retries_and_the_agent_are_told(bench: Bench) -> None:
    await begun(bench, more="retryPolicy: {maxRetries: 2, backoff: 5s}\n  runOn: hands")
    await passed(bench, 10)
    assert (await bench.runs())[0].message.startswith("no agent may do 'host.disk'")
    await bench.declare(more=scheduled(more="retryPolicy: {maxRetries: 2, backoff: 5s}"))
    await passed(bench, 10)
    await passed(bench, 10)
    instruction = await bench.take(WORKER)
    assert instruction is not None
    assert instruction.max_retries == 2


async def test_a_policy_binds_a_schedule(bench: Bench) -> None:
    deny = """
---
apiVersion: outrider.dev/v1alpha1
kind: Policy
metadata: {name: no}
spec: {principals: ["schedule:*"], operations: [host.disk], effect: deny}
"""
    bench.clock.advance(600 - bench.clock.now() % 600 + 10)
    await bench.declare(more=scheduled() + deny)
    await bench.sweep()
    await passed(bench, 10)
    (run,) = await bench.runs()
    assert (run.state, "Policy/no" in run.message) == ("failed", True)


@pytest.mark.parametrize(
    ("operator", "schedule", "more", "place", "words"),
    [
        ("host.disk", "* * * *", "", "spec.schedule", "five fields"),
        ("host.disk", "0 3 * * *", "timeZone: Europe/Berln", "spec.timeZone", "time zone"),
        ("host.dsk", "0 3 * * *", "", "spec.operator", "did you mean 'disk'"),
        ("disk", "0 3 * * *", "", "spec.operator", "not a call"),
        ("{}", "0 3 * * *", "", "spec.operator", "not a call"),
        ("{a: 1, b: 2}", "0 3 * * *", "", "spec.operator", "not a call"),
        ("'@host(\"disk\", $x)'", "0 3 * * *", "", "spec.operator", "written out"),
        ("'@host(\"disk\"'", "0 3 * * *", "", "spec.operator", "never closed"),
        ("{call: host.disk, with: {pth: /x}}", "0 3 * * *", "", "spec.operator", "pth"),
        ("{call: host.command_run, with: {name: x}}", "0 3 * * *", "", "spec.mode", "mode: apply"),
        ("host.disk", "0 3 * * *", "runOn: nobody", "spec.runOn", "nobody"),
        ("host.disk", "0 3 * * *", "report: [nowhere]", "spec.report[0]", "nowhere"),
        ("host.disk", "0 3 * * *", "concurrencyPolicy: forbid", "spec.concurrencyPolicy", "Forbid"),
        ("host.disk", "0 3 * * *", "histryLimit: 3", "spec.histryLimit", "unknown field"),
    ],
)  # fmt: skip
async def test_faults_have_their_place(  # noqa: PLR0917 - each is one column of the table
    bench: Bench, operator: str, schedule: str, more: str, place: str, words: str
) -> None:
    with pytest.raises(OutriderError) as caught:
        await bench.declare(more=scheduled(operator, schedule, more))
    error = (caught.value.causes or [caught.value])[0]
    assert error.path == place
    assert error.source.startswith("test.yaml:")
    assert words in f"{error.message} {error.found} {error.expected} {error.suggestions}"
