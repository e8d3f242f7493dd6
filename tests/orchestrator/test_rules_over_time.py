"""Rules over time on the real engine and store, with a clock that the test moves."""

import pytest

from outrider.core.events import Event
from outrider.orchestrator import queries
from outrider.orchestrator.rehearsal import Rehearsal
from outrider.orchestrator.retention import prune_once
from outrider.orchestrator.why import explain_event
from outrider.orchestrator.wire import WhyAnswer
from tests.orchestrator.bench import Bench

DOWN, UP = 'event.data.state == "down"', 'event.data.state == "up"'
ALL = f"{{all: [{{trigger: eyes/web, if: '{DOWN}'}}, {{trigger: eyes/web, if: '{UP}'}}], within: 1m, by: event.data.host}}"
THEN = ALL.replace("all:", "then:")
COUNT = f"{{any: [{{trigger: eyes/web, if: '{DOWN}'}}], count: 3, within: 1m, by: event.data.host}}"
ABSENT = (
    f"{{any: [{{trigger: eyes/web, if: '{DOWN}'}}], by: event.data.host, "
    f"notWithin: {{period: 30s, any: [{{trigger: eyes/web, if: '{UP}'}}]}}}}"
)
MEAN = (
    "{any: [{trigger: eyes/web}], within: 1m, aggregate: {function: mean, of: event.data.ms, above: 100, minimum: 2}}"
)


async def why(bench: Bench, event: str = "last") -> WhyAnswer:
    return await bench.store.read(lambda c: explain_event(c, "default", event))


async def outcomes(bench: Bench, event: str = "last") -> list[tuple[str, str]]:
    return [(row.outcome, row.reason) for row in (await why(bench, event)).rules]


async def matched(bench: Bench) -> list[list[str]]:
    runs = await bench.runs()
    return [(await bench.store.read(lambda c, run=run: queries.show_run(c, "default", run.id))).matched for run in runs[::-1]]  # type: ignore[misc]  # fmt: skip


async def test_all_of_one_key_within_the_time(bench: Bench) -> None:
    await bench.declare(when=ALL)
    await bench.see(bench.event(host="a"), bench.event("up", host="b"))
    assert await bench.runs() == []
    assert await outcomes(bench) == [("waiting", "1 of 2 conditions within 1m")]
    bench.clock.advance(59)
    await bench.see(bench.event("up", host="a"))
    assert await matched(bench) == [["E000001", "E000003"]]
    bench.clock.advance(59)
    await bench.see(bench.event(host="b"))
    assert len(await bench.runs()) == 1


async def test_one_after_the_other(bench: Bench) -> None:
    await bench.declare(when=THEN)
    await bench.see(bench.event("up", host="a"), bench.event(host="a"))
    assert await bench.runs() == []
    await bench.see(bench.event("up", host="a"))
    assert await matched(bench) == [["E000002", "E000003"]]


async def test_a_count_within_the_time(bench: Bench) -> None:
    await bench.declare(when=COUNT)
    await bench.see(*(bench.event(host="a") for _ in range(2)), bench.event(host="b"))
    bench.clock.advance(60.1)
    await bench.see(*(bench.event(host="a") for _ in range(2)))
    assert await bench.runs() == []
    await bench.see(bench.event(host="a"))
    assert await matched(bench) == [["E000004", "E000005", "E000006"]]


async def test_what_must_not_follow(bench: Bench) -> None:
    await bench.declare(when=ABSENT)
    await bench.see(bench.event(host="a"), bench.event(host="b"))
    bench.clock.advance(29)
    await bench.see(bench.event("up", host="a"))
    assert (await outcomes(bench))[0] == ("waiting", "refuted: an event came that must not follow")
    await bench.sweep()
    assert await bench.runs() == []
    bench.clock.advance(1)
    await bench.sweep()
    assert await matched(bench) == [["E000002"]]


async def test_an_aggregate(bench: Bench) -> None:
    await bench.declare(when=MEAN)
    await bench.see(bench.event(ms=500))
    assert await outcomes(bench) == [("waiting", "mean is 500 of 1 values within 1m")]
    await bench.see(bench.event(ms=20))
    assert len(await bench.runs()) == 1
    await bench.see(bench.event(ms="fast"))
    assert (await outcomes(bench))[0][0] == "left out"
    assert "is no number" in (await outcomes(bench))[0][1]


async def test_events_of_a_type_from_any_agent(bench: Bench) -> None:
    await bench.declare(when="{any: [{type: deployment}]}")
    event = Event(id="D1", source="ci/pipeline", type="deployment", time=bench.event().time)
    await bench.see(event)
    assert len(await bench.runs()) == 1


@pytest.mark.parametrize("when", [ALL, THEN, COUNT, ABSENT])
async def test_windows_survive_a_restart_exactly(bench: Bench, when: str) -> None:
    """The engine is opened anew after every event: what it knows is what is on disk."""
    await bench.declare(when=when)
    for state in ("down", "down", "up", "down", "down", "up"):
        await bench.see(bench.event(state, host="a"))
        await bench.engine.open()
        bench.clock.advance(20)
        await bench.sweep()
        await bench.engine.open()
    # down@0 down@20 up@40 down@60 down@80 up@100, swept at 20, 40, ... 120
    expected = {
        ALL: [["E000002", "E000003"], ["E000005", "E000006"]],
        THEN: [["E000002", "E000003"], ["E000005", "E000006"]],
        COUNT: [["E000001", "E000002", "E000004"]],
        ABSENT: [["E000001"], ["E000004"]],
    }
    assert await matched(bench) == expected[when]


async def test_a_changed_rule_begins_with_empty_windows(bench: Bench) -> None:
    await bench.declare(when=COUNT)
    await bench.see(*(bench.event(host="a") for _ in range(2)))
    await bench.declare(when=COUNT.replace("count: 3", "count: 2"))
    await bench.see(bench.event(host="a"))
    assert await bench.runs() == []
    await bench.see(bench.event(host="a"))
    assert await matched(bench) == [["E000003", "E000004"]]


async def test_a_key_that_cannot_be_told_is_left_out_and_says_so(bench: Bench) -> None:
    await bench.declare(when=COUNT)
    await bench.see(bench.event())
    ((outcome, reason),) = await outcomes(bench)
    assert outcome == "left out"
    assert "event.data.host" in reason


async def test_limits_come_after_the_windows(bench: Bench) -> None:
    await bench.declare(when=COUNT, limits="oncePer: {key: event.data.host, period: 10m}")
    await bench.see(*(bench.event(host="a") for _ in range(6)))
    assert len(await bench.runs()) == 1
    assert (await outcomes(bench))[0][0] == "limited"


async def test_windows_that_have_expired_are_removed_and_open_ones_keep_their_events(bench: Bench) -> None:
    await bench.declare(when=COUNT.replace("within: 1m", "within: 30d"), more=RETENTION)
    await bench.see(bench.event(host="a"))
    bench.clock.advance(2 * 86_400)
    assert await prune_once(bench.engine) == 0
    assert await outcomes(bench, "E000001") == [("waiting", "1 of 3 events within 30d")]
    bench.clock.advance(29 * 86_400)
    assert await prune_once(bench.engine) == 2  # the window and its event


RETENTION = """
---
apiVersion: outrider.dev/v1alpha1
kind: Platform
metadata: {name: test}
spec: {retention: {events: 1d}}
"""


async def test_a_shadow_rule_says_what_it_would_do_and_does_nothing(bench: Bench) -> None:
    await bench.declare(limits="shadow: true")
    await bench.see(bench.event())
    assert await bench.runs() == []
    assert await outcomes(bench) == [("shadow", "it would have run")]


async def test_why_explains_a_match_and_a_non_match(bench: Bench) -> None:
    await bench.declare()
    await bench.see(bench.event("up"))
    (row,) = (await why(bench)).rules
    assert row.outcome == "not met"
    assert row.checks == ['does not hold: event.data.state == "down"  (event.data.state is "up")']
    await bench.see(bench.event())
    (row,) = (await why(bench)).rules
    assert (row.outcome, row.run) == ("started", (await bench.runs())[0].id)
    assert row.checks == ['holds: event.data.state == "down"  (event.data.state is "down")']


async def test_why_says_disabled_and_other_events(bench: Bench) -> None:
    await bench.declare(limits="enabled: false")
    await bench.see(bench.event())
    assert await outcomes(bench) == [("disabled", "spec.enabled is false")]
    await bench.see(Event(id="other", source="a/b", type="sent", time=bench.event().time))
    assert (await outcomes(bench, "other"))[0][0] == "disabled"
    await bench.declare()
    assert await outcomes(bench, "other") == [("other events", "waits for eyes/web")]


async def test_state_is_the_last_data_of_every_trigger(bench: Bench) -> None:
    await bench.declare(when='{any: [{type: sent, if: \'state["eyes/web"].state == "down"\'}]}')
    ask = Event(id="A1", source="a/b", type="sent", time=bench.event().time)
    await bench.see(bench.event("up"), ask)
    assert await bench.runs() == []
    await bench.see(bench.event("down"), Event(id="A2", source="a/b", type="sent", time=ask.time))
    assert len(await bench.runs()) == 1


async def test_a_rule_at_times_with_a_condition_on_state(bench: Bench) -> None:
    when = "{schedule: '*/5 * * * *', timeZone: Europe/Berlin, if: 'state[\"eyes/web\"].state == \"down\"'}"
    await bench.declare(when=when)
    await bench.see(bench.event("up"))
    await bench.sweep()
    bench.clock.advance(300)
    await bench.sweep()
    assert await bench.runs() == []
    assert (await outcomes(bench))[0][0] == "left out"
    await bench.see(bench.event("down"))
    bench.clock.advance(300)
    await bench.sweep()
    (run,) = await bench.runs()
    assert (run.rule, run.source) == ("heal", "schedule:heal")
    instruction = await bench.take()
    assert instruction is not None
    assert instruction.principal == "rule:heal"


@pytest.mark.parametrize("when", [ALL, THEN, COUNT, ABSENT, MEAN])
async def test_a_rehearsal_does_what_the_engine_did(bench: Bench, when: str) -> None:
    objects = await bench.declare(when=when)
    for number, state in enumerate("ddudduuddddudu"):
        word = "down" if state == "d" else "up"
        await bench.see(bench.event(word, host="ab"[number % 3 == 0], ms=40 * number))
        for _ in range(14):
            bench.clock.advance(0.5)
            await bench.sweep()
    recorded = await bench.store.read(lambda c: queries.list_events(c, "default", limit=500))
    rows = Rehearsal(objects).run(recorded, then=7)
    assert [row.events for row in rows if row.outcome == "would start"] == await matched(bench)
    assert await matched(bench)
