import asyncio

import msgspec
import pytest

from outrider.core.agent_config import AgentConfig
from outrider.core.errors import ConflictError
from outrider.core.trace import is_trace_id
from outrider.orchestrator.desk import LEASE_SECONDS
from tests.orchestrator.bench import Bench, result


async def test_a_matching_event_becomes_an_instruction(bench: Bench) -> None:
    await bench.declare()
    await bench.see(bench.event())
    instruction = await bench.take()
    assert instruction is not None
    assert (instruction.plugin_id, instruction.input_data, instruction.attempt) == (
        "service-restart",
        {"service": "web"},
        1,
    )
    await bench.finish(instruction)
    assert await bench.states() == ["completed"]


async def test_an_event_that_does_not_match_makes_no_run(bench: Bench) -> None:
    await bench.declare()
    await bench.see(bench.event("up"))
    assert await bench.runs() == []


async def test_a_condition_on_a_missing_field_does_not_match(bench: Bench) -> None:
    await bench.declare(limits="")
    event = bench.event()
    event.data.clear()
    await bench.see(event)
    assert await bench.runs() == []


async def test_the_same_event_again_changes_nothing(bench: Bench) -> None:
    await bench.declare()
    event = bench.event()
    first, again = await bench.see(event, event)
    (later,) = await bench.see(event)
    assert [first.outcome, again.outcome, later.outcome] == ["accepted", "duplicate", "duplicate"]
    assert len(await bench.runs()) == 1


async def test_an_event_that_is_too_large_is_rejected_and_the_others_stored(bench: Bench) -> None:
    await bench.declare()
    outcomes = await bench.see(bench.event(blob="x" * 300_000), bench.event())
    assert [outcome.outcome for outcome in outcomes] == ["rejected", "accepted"]


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [("id", "", "1 to 64"), ("id", "x" * 65, "1 to 64"), ("time", "yesterday", "time with a zone")],
)
async def test_an_event_that_can_never_be_stored_says_why(bench: Bench, field: str, value: str, reason: str) -> None:
    await bench.declare()
    (outcome,) = await bench.see(msgspec.structs.replace(bench.event(), **{field: value}))
    assert outcome.outcome == "rejected"
    assert reason in outcome.reason
    assert await bench.runs() == []


async def test_a_run_gets_a_trace_of_its_own_where_the_event_has_none(bench: Bench) -> None:
    await bench.declare()
    await bench.see(msgspec.structs.replace(bench.event(), trace_id="no trace id"))
    instruction = await bench.take()
    assert instruction is not None
    assert is_trace_id(instruction.trace_id)


async def test_once_per_key(bench: Bench) -> None:
    await bench.declare(limits="oncePer: {key: event.data.host, period: 10s}")
    await bench.see(bench.event(host="a"), bench.event(host="a"), bench.event(host="b"))
    assert len(await bench.runs()) == 2
    bench.clock.advance(10)
    await bench.see(bench.event(host="a"))
    assert len(await bench.runs()) == 3


async def test_rate_limit(bench: Bench) -> None:
    await bench.declare(limits="rateLimit: {count: 2, period: 1m}")
    await bench.see(*(bench.event() for _ in range(5)))
    assert len(await bench.runs()) == 2
    bench.clock.advance(60)
    await bench.see(bench.event())
    assert len(await bench.runs()) == 3


async def test_debounce_waits_and_a_clearing_event_starts_over(bench: Bench) -> None:
    await bench.declare(limits="debounce: 5s")
    await bench.see(bench.event())
    bench.clock.advance(4)
    await bench.see(bench.event("up"))
    bench.clock.advance(2)
    await bench.sweep()
    assert await bench.runs() == []
    await bench.see(bench.event())
    bench.clock.advance(5)
    await bench.sweep()
    assert len(await bench.runs()) == 1


async def test_a_held_match_survives_a_restart_of_the_engine(bench: Bench) -> None:
    await bench.declare(limits="debounce: 5s")
    await bench.see(bench.event())
    await bench.engine.open()
    bench.clock.advance(5)
    await bench.sweep()
    assert len(await bench.runs()) == 1


async def test_steps_run_one_after_the_other(bench: Bench) -> None:
    steps = "- {plugin: service-restart, with: {service: one}}\n  - {plugin: service-restart, with: {service: two}}"
    await bench.declare(steps=steps)
    await bench.see(bench.event())
    first = await bench.take()
    assert first is not None
    assert await bench.take() is None
    await bench.finish(first)
    second = await bench.take()
    assert second is not None
    assert second.input_data == {"service": "two"}


async def test_run_on_names_an_agent_or_labels(bench: Bench) -> None:
    await bench.declare(steps="- {plugin: service-restart, runOn: {zone: b}, with: {service: web}}")
    await bench.see(bench.event())
    assert await bench.take("hands") is None
    assert await bench.take("more-hands") is not None


async def test_two_agents_never_get_the_same_instruction(bench: Bench) -> None:
    await bench.declare()
    await bench.see(*(bench.event() for _ in range(20)))
    answers = await asyncio.gather(*(bench.engine.poll(agent, 20, 0) for agent in ("hands", "more-hands")))
    ids = [instruction.id for answer in answers for instruction in answer.instructions]
    assert len(ids) == len(set(ids)) == 20


async def test_a_poll_waits_for_an_instruction(bench: Bench) -> None:
    await bench.declare()
    polling = asyncio.ensure_future(bench.engine.poll("hands", 1, 30))
    await asyncio.sleep(0)
    await bench.see(bench.event())
    assert (await asyncio.wait_for(polling, 5)).instruction is not None


async def test_a_second_poll_of_an_agent_ends_its_first(bench: Bench) -> None:
    await bench.declare()
    first = asyncio.ensure_future(bench.engine.poll("hands", 1, 30))
    await bench.sweep()
    second = asyncio.ensure_future(bench.engine.poll("hands", 1, 30))
    assert (await asyncio.wait_for(first, 5)).instruction is None
    await bench.see(bench.event())
    assert (await asyncio.wait_for(second, 5)).instruction is not None


async def test_a_caller_who_goes_away_does_not_stop_what_follows_a_commit(bench: Bench) -> None:
    await bench.declare()
    polling = asyncio.ensure_future(bench.engine.poll("hands", 1, 30))
    await bench.sweep()
    caller = asyncio.ensure_future(bench.see(bench.event()))
    await asyncio.sleep(0)
    caller.cancel()
    assert (await asyncio.wait_for(polling, 5)).instruction is not None


async def test_a_zombie_is_refused_and_its_result_kept(bench: Bench) -> None:
    await bench.declare(
        steps="- {plugin: service-restart, with: {service: web}, onLost: retry, retry: {attempts: 2, backoff: 0s}}"
    )
    await bench.see(bench.event())
    first = await bench.take()
    assert first is not None
    await bench.engine.renew("hands", first.id, first.lease_epoch)
    bench.clock.advance(31)
    await bench.sweep()
    second = await bench.take("more-hands")
    assert second is not None
    assert (second.attempt, second.idempotency_key) == (2, first.idempotency_key)
    with pytest.raises(ConflictError):
        await bench.engine.finish("hands", first.id, result(first))
    await bench.finish(second, agent="more-hands")
    detail_runs = await bench.runs()
    assert [row.state for row in detail_runs] == ["completed"]


async def test_a_claim_that_was_never_confirmed_costs_no_attempt(bench: Bench) -> None:
    await bench.declare()
    await bench.see(bench.event())
    first = await bench.take()
    bench.clock.advance(31)
    await bench.sweep()
    again = await bench.take()
    assert first is not None
    assert again is not None
    assert again.attempt == 1
    assert again.lease_epoch > first.lease_epoch


@pytest.mark.parametrize(("on_lost", "state"), [("fail", "failed"), ("manual", "unknown")])
async def test_a_lost_agent(bench: Bench, on_lost: str, state: str) -> None:
    await bench.declare(steps=f"- {{plugin: service-restart, with: {{service: web}}, onLost: {on_lost}}}")
    await bench.see(bench.event())
    instruction = await bench.take()
    assert instruction is not None
    await bench.engine.renew("hands", instruction.id, instruction.lease_epoch)
    bench.clock.advance(31)
    await bench.sweep()
    assert await bench.states() == [state]


async def test_a_restart_gives_live_claims_their_full_time(bench: Bench) -> None:
    await bench.declare()
    await bench.see(bench.event())
    instruction = await bench.take()
    assert instruction is not None
    await bench.engine.renew("hands", instruction.id, instruction.lease_epoch)
    bench.clock.advance(600)
    await bench.engine.open()
    await bench.sweep()
    await bench.finish(instruction)
    assert await bench.states() == ["completed"]


@pytest.mark.parametrize(("unbroken", "state"), [(True, "running"), (False, "failed")])
async def test_after_the_end_of_the_machine_a_claim_counts_as_begun(
    bench: Bench, *, unbroken: bool, state: str
) -> None:
    await bench.declare(steps="- {plugin: service-restart, with: {service: web}, onLost: fail}")
    await bench.see(bench.event())
    assert await bench.take() is not None
    bench.store.unbroken = unbroken
    await bench.engine.open()
    bench.clock.advance(LEASE_SECONDS + 1)
    await bench.sweep()
    assert await bench.states() == [state]


async def test_a_clock_that_steps_back_expires_nothing(bench: Bench) -> None:
    await bench.declare()
    await bench.see(bench.event())
    instruction = await bench.take()
    assert instruction is not None
    bench.clock.jump_wall(-3600)
    await bench.sweep()
    await bench.finish(instruction)
    assert await bench.states() == ["completed"]


async def test_a_clock_that_jumps_ahead_expires_nothing(bench: Bench) -> None:
    await bench.declare()
    await bench.see(bench.event())
    instruction = await bench.take()
    assert instruction is not None
    await bench.engine.renew("hands", instruction.id, instruction.lease_epoch)
    bench.clock.jump_wall(3600)
    await bench.sweep()
    assert await bench.take("more-hands") is None
    await bench.finish(instruction)
    assert await bench.states() == ["completed"]


async def test_a_result_that_arrives_twice_is_acknowledged_twice(bench: Bench) -> None:
    await bench.declare()
    await bench.see(bench.event())
    instruction = await bench.take()
    assert instruction is not None
    await bench.finish(instruction)
    again = await bench.engine.finish("hands", instruction.id, result(instruction))
    assert (again.acknowledged, again.duplicate) == (True, True)


async def test_cancel_tells_the_agent_at_its_renewal(bench: Bench) -> None:
    await bench.declare()
    await bench.see(bench.event())
    instruction = await bench.take()
    assert instruction is not None
    await bench.engine.renew("hands", instruction.id, instruction.lease_epoch)
    (run,) = await bench.runs()
    await bench.engine.cancel(run.id)
    assert (await bench.engine.renew("hands", instruction.id, instruction.lease_epoch)).cancel
    await bench.finish(instruction, "cancelled")
    assert await bench.states() == ["cancelled"]


async def test_an_unanswered_approval_expires(bench: Bench) -> None:
    step = "- {plugin: service-restart, with: {service: web}, requireApproval: {from: [], expire: 1m}}"
    await bench.declare(steps=step)
    await bench.see(bench.event())
    assert await bench.take() is None
    bench.clock.advance(61)
    await bench.sweep()
    assert await bench.states() == ["cancelled"]


async def test_objects_that_did_not_change_keep_their_generation(bench: Bench) -> None:
    await bench.declare()
    before = {item.ref: item.metadata.generation for item in bench.engine.world.objects()}
    await bench.declare()
    assert {item.ref: item.metadata.generation for item in bench.engine.world.objects()} == before


async def test_an_agent_that_no_object_declares_is_told_nothing(bench: Bench) -> None:
    await bench.declare()
    config = bench.engine.world.agent_config("action", "stranger")
    assert config == AgentConfig(generation=0)
