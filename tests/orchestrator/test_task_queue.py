"""Tasks of AI agents that come from the queue: what is needed for them, and that each becomes one run."""

import pytest

from outrider.core.errors import NotFoundError
from outrider.kinds.agenttype.invocation import TaskQueue
from outrider.kinds.platform.model import PlatformSpec
from outrider.kinds.platform.queue import EmbeddedQueue, Inbox, Queue
from outrider.orchestrator.queue_names import home_of, streams
from outrider.orchestrator.queue_use import QueueUse
from outrider.orchestrator.runs import QUEUE_SOURCE
from outrider.orchestrator.tables import events
from outrider.orchestrator.wire import TaskRequest
from tests.orchestrator.bench import Bench

AGENT = """
---
apiVersion: outrider.dev/v1alpha1
kind: AgentType
metadata: {name: triage}
spec:
  agent: {command: [python3, triage.py]}
  invocation: {mode: queue, timeout: %s}
"""
POLICY = """
---
apiVersion: outrider.dev/v1alpha1
kind: Policy
metadata: {name: no-tasks}
spec: {principals: ["queue:*"], operations: ["agent.triage"], effect: deny}
"""
QUEUE = Queue(embedded=EmbeddedQueue())
OWN = TaskQueue(stream="ORDERS", subject="orders.*.created")


async def test_a_task_that_is_delivered_again_is_the_same_run(bench: Bench) -> None:
    await bench.declare(more=AGENT % "1m")
    request = TaskRequest(id="a" * 32, input_data={"number": 1})
    run = await bench.engine.give_task("triage", request, QUEUE_SOURCE)
    await bench.declare(more=AGENT % "2m")
    assert await bench.engine.give_task("triage", request, QUEUE_SOURCE) == run
    assert len(await bench.runs()) == 1
    task = await bench.take("triage")
    assert task is not None
    assert (task.principal, task.input_data, task.timeout_seconds) == ("queue:triage", {"number": 1}, 60.0)
    await bench.finish(task, agent="triage")
    assert (await bench.engine.called("triage", run, 0, QUEUE_SOURCE)).state == "completed"
    assert await bench.engine.give_task("triage", request, QUEUE_SOURCE) == run, (
        "its result was told, but not that it is done"
    )


async def test_a_task_is_the_same_run_though_its_event_is_kept_no_more(bench: Bench) -> None:
    await bench.declare(more=AGENT % "1m")
    request = TaskRequest(id="e" * 32)
    run = await bench.engine.give_task("triage", request, QUEUE_SOURCE)
    await bench.engine.write(lambda work: work.connection.execute(events.delete()))
    assert await bench.engine.give_task("triage", request, QUEUE_SOURCE) == run


async def test_nobody_takes_the_place_of_a_task(bench: Bench) -> None:
    await bench.declare()
    (outcome,) = await bench.see(bench.event(id="queue-1"))
    assert outcome.outcome == "rejected"
    assert "tasks from the queue" in outcome.reason


async def test_a_policy_may_refuse_them(bench: Bench) -> None:
    await bench.declare(more=AGENT % "1m" + POLICY)
    run = await bench.engine.give_task("triage", TaskRequest(id="b" * 32), QUEUE_SOURCE)
    answer = await bench.engine.called("triage", run, 0, QUEUE_SOURCE)
    assert (answer.state, answer.error and answer.error.code) == ("failed", "DENIED")


async def test_an_agent_that_was_made_anew_has_the_same_tasks(bench: Bench) -> None:
    await bench.declare(more=AGENT % "1m")
    request = TaskRequest(id="d" * 32)
    run = await bench.engine.give_task("triage", request, QUEUE_SOURCE)
    await bench.declare()
    await bench.declare(more=AGENT % "1m")
    assert await bench.engine.give_task("triage", request, QUEUE_SOURCE) == run


async def test_an_agent_that_is_gone_takes_none(bench: Bench) -> None:
    await bench.declare(more=AGENT % "1m")
    await bench.declare()
    assert bench.engine.world.queue_use is None
    with pytest.raises(NotFoundError):
        await bench.engine.give_task("triage", TaskRequest(id="c" * 32), QUEUE_SOURCE)


async def test_an_agent_in_mode_queue_has_the_platform_need_one(bench: Bench) -> None:
    await bench.declare(more=AGENT % "1m")
    use = bench.engine.world.queue_use
    assert use == QueueUse(queue=QUEUE, tasks={"triage": None})
    assert bench.engine.world.platform.queue == QUEUE


@pytest.mark.parametrize(
    ("use", "needed"),
    [
        (QueueUse(queue=QUEUE, tasks={}), []),
        (QueueUse(queue=QUEUE, tasks={"a": None}), ["TASKS", "RESULTS", "DEAD"]),
        (QueueUse(queue=QUEUE, tasks={"a": OWN}), ["RESULTS", "DEAD"]),
        (
            QueueUse(
                queue=Queue(embedded=EmbeddedQueue(), publish=["runs"], inbox=Inbox()), tasks={"a": OWN, "b": None}
            ),
            ["RUNS", "INBOX", "TASKS", "RESULTS", "DEAD"],
        ),
    ],
)
def test_streams_are_those_that_are_used(use: QueueUse, needed: list[str]) -> None:
    found = streams(PlatformSpec(), use)
    assert [one.name for one in found] == [f"OUTRIDER_{name}" for name in needed]
    assert sum(one.max_bytes for one in found) <= use.queue.needed_bytes(tasks=bool(use.tasks))


def test_a_dead_letter_goes_back_to_where_it_came_from() -> None:
    use = QueueUse(queue=Queue(embedded=EmbeddedQueue(), inbox=Inbox()), tasks={"a": None, "b": OWN})
    assert home_of(use, "default", "outrider.default.inbox") == "OUTRIDER_INBOX"
    assert home_of(use, "default", "outrider.default.tasks.a") == "OUTRIDER_TASKS"
    assert home_of(use, "default", "orders.de.created") == "", "others read there, too"
    assert home_of(use, "default", "outrider.default.tasks.b") == ""
    assert home_of(use, "other", "outrider.default.inbox") == ""
