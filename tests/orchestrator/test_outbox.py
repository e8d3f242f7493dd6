"""What is published: written with what it tells, in order, by one orchestrator at a time."""

from outrider.core.codec import decode_plain
from outrider.orchestrator import outbox
from outrider.orchestrator.outbox import DUTY_SECONDS, Outgoing, take, waiting
from outrider.orchestrator.retention import prune_once
from tests.orchestrator.bench import Bench

PLATFORM = """
---
apiVersion: outrider.dev/v1alpha1
kind: Platform
metadata: {name: p}
spec: {retention: {events: 1h}, queue: {embedded: {}, publish: [%s]}}
"""


async def next_batch(bench: Bench, published: list[int], holder: str = "a") -> list[Outgoing]:
    return await bench.engine.write(lambda work: take(work, "default", holder, published))


async def test_events_and_the_ends_of_runs_go_out_in_their_order(bench: Bench) -> None:
    await bench.declare(more=PLATFORM % "events, runs")
    await bench.see(bench.event("up"), bench.event("down"))
    assert bench.engine.outgoing.is_set()
    instruction = await bench.take()
    assert instruction is not None
    await bench.finish(instruction)
    rows = await next_batch(bench, [])
    assert [(row.stream, row.subject) for row in rows] == [
        ("events", "eyes.web"),
        ("events", "eyes.web"),
        ("runs", "heal"),
    ]
    event, run = decode_plain(rows[1].document), decode_plain(rows[2].document)
    assert (event["specversion"], event["id"], event["data"]["state"]) == ("1.0", rows[1].id, "down")
    assert (run["type"], run["source"], run["id"]) == ("dev.outrider.run.completed", "rule/heal", rows[2].id)
    assert run["data"]["event"]["id"] == event["id"]
    assert run["data"]["steps"][0]["state"] == "completed"
    assert await next_batch(bench, [row.sequence for row in rows]) == []
    assert (await bench.store.read(lambda c: waiting(c, "default"))).messages == 0


async def test_an_event_that_is_known_is_not_published_again(bench: Bench) -> None:
    await bench.declare(more=PLATFORM % "events")
    event = bench.event("up", id="E")
    await bench.see(event)
    await bench.see(event)
    assert len(await next_batch(bench, [])) == 1


async def test_nothing_is_published_that_is_not_named(bench: Bench) -> None:
    await bench.declare(more=PLATFORM % "runs")
    await bench.see(bench.event())
    assert await next_batch(bench, []) == []
    await bench.declare()
    await bench.see(bench.event())
    assert await next_batch(bench, []) == []
    assert not bench.engine.outgoing.is_set()


async def test_a_source_that_is_no_subject(bench: Bench) -> None:
    await bench.declare(more=PLATFORM % "events")
    event = bench.event()
    event.source = "a b.>/*//é"
    await bench.see(event)
    (row,) = await next_batch(bench, [])
    assert row.subject == "a_b__._._._"
    assert decode_plain(row.document)["source"] == event.source


async def test_one_publishes_at_a_time_until_it_falls_silent(bench: Bench) -> None:
    await bench.declare(more=PLATFORM % "events")
    await bench.see(bench.event())
    assert len(await next_batch(bench, [], "a")) == 1
    assert await next_batch(bench, [], "b") == []
    bench.clock.advance(DUTY_SECONDS - 1)
    assert len(await next_batch(bench, [], "a")) == 1, "which is a sign of life too"
    bench.clock.advance(DUTY_SECONDS - 1)
    assert await next_batch(bench, [], "b") == []
    bench.clock.advance(2)
    (row,) = await next_batch(bench, [], "b")
    assert await next_batch(bench, [row.sequence], "a") == [], "what was published is removed, whoever has the duty"
    assert await next_batch(bench, [], "b") == []


async def test_a_batch_is_bounded(bench: Bench) -> None:
    await bench.declare(more=PLATFORM % "events")
    await bench.see(*(bench.event("up") for _ in range(outbox.BATCH + 10)))
    first = await next_batch(bench, [])
    assert len(first) == outbox.BATCH
    assert len(await next_batch(bench, [row.sequence for row in first])) == 10


async def test_what_waits_for_too_long_is_given_up(bench: Bench) -> None:
    await bench.declare(more=PLATFORM % "events")
    await bench.see(bench.event("up"))
    bench.clock.advance(1800)
    await bench.see(bench.event("up"))
    bench.clock.advance(1900)
    await prune_once(bench.engine)
    state = await bench.store.read(lambda c: waiting(c, "default"))
    assert state.messages == 1
    await bench.declare()
    await prune_once(bench.engine)
    assert (await bench.store.read(lambda c: waiting(c, "default"))).messages == 0, "nobody would ever publish it"
    assert bench.clock.now() - state.oldest < 1901
