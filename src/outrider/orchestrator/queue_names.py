"""Streams, subjects and consumers of a platform's queue."""

from outrider.kinds.agenttype.invocation import TaskQueue
from outrider.kinds.platform.model import PlatformSpec
from outrider.kinds.platform.queue import DEAD_BYTES, Inbox, Queue
from outrider.orchestrator.queue_use import QueueUse
from outrider.ports.nats.streams import StreamSpec
from outrider.ports.nats.work import WorkQueue

INBOX, DEAD, TASKS, RESULTS = "inbox", "dead", "tasks", "results"
# What an orchestrator that was killed had in hand, another one gets after this time.
PATIENCE_SECONDS = 10.0
# A task is a run from its first delivery on, so that none of these is a second attempt at it.
TASK_DELIVERIES = 1000


def subject(queue: Queue, tenant: str, name: str) -> str:
    """Return a subject, such as that of the inbox."""
    return f"{queue.prefix}.{tenant}.{name}"


def streams(platform: PlatformSpec, use: QueueUse) -> list[StreamSpec]:
    """Return the streams that the platform needs."""
    queue, kept = use.queue, float(platform.retention.runs)

    def limited(name: str, subjects: str, age: float, size: int) -> StreamSpec:
        return StreamSpec(
            name=queue.stream(name), subjects=[f"{queue.prefix}.*.{subjects}"], retention="limits",
            max_age=age, max_bytes=size, replicas=queue.replicas,
        )  # fmt: skip

    def work(name: str, subjects: list[str], size: int) -> StreamSpec:
        return StreamSpec(
            name=queue.stream(name), subjects=[f"{queue.prefix}.*.{one}" for one in subjects], retention="workqueue",
            max_bytes=size, replicas=queue.replicas,
        )  # fmt: skip

    ages = {"events": float(platform.retention.events), "runs": kept}
    needed = [limited(name, f"{name}.>", ages[name], int(queue.storage)) for name in sorted(set(queue.publish))]
    if queue.inbox is not None:
        needed.append(work(INBOX, [INBOX], int(queue.inbox.storage)))
    if None in use.tasks.values():
        needed.append(
            work(TASKS, [f"{TASKS}.{agent}" for agent, own in use.tasks.items() if own is None], int(queue.storage))
        )
    if use.tasks:
        needed.append(limited(RESULTS, f"{RESULTS}.*", kept, int(queue.storage)))
    if use.taken:
        needed.append(limited(DEAD, DEAD, kept, DEAD_BYTES))
    return needed


def home_of(use: QueueUse, tenant: str, found: str) -> str:
    """Return the platform's stream that what was sent to a subject is taken from; empty where none is."""
    queue = use.queue
    if queue.inbox is not None and found == subject(queue, tenant, INBOX):
        return queue.stream(INBOX)
    own = [subject(queue, tenant, f"{TASKS}.{agent}") for agent, stream in use.tasks.items() if stream is None]
    return queue.stream(TASKS) if found in own else ""


def inbox_work(queue: Queue, tenant: str, inbox: Inbox) -> WorkQueue:
    """Return the work queue of the inbox."""
    return WorkQueue(
        stream=queue.stream(INBOX), consumer=tenant, subject=subject(queue, tenant, INBOX),
        dead_stream=queue.stream(DEAD), dead_subject=subject(queue, tenant, DEAD),
        patience=PATIENCE_SECONDS, deliveries=inbox.deliveries, concurrency=inbox.concurrency,
    )  # fmt: skip


def tasks_work(queue: Queue, tenant: str, agent: str, own: TaskQueue | None) -> WorkQueue:
    """Return the work queue of an AI agent, which has one task at a time.

    Args:
        queue: Of the platform.
        tenant: Whose.
        agent: Name of the agent.
        own: Where its tasks come from, if not from the platform's stream.
    """
    return WorkQueue(
        stream=own.stream if own is not None else queue.stream(TASKS), consumer=f"{queue.prefix}-{tenant}-{agent}",
        subject=own.subject if own is not None else subject(queue, tenant, f"{TASKS}.{agent}"),
        dead_stream=queue.stream(DEAD), dead_subject=subject(queue, tenant, DEAD),
        patience=PATIENCE_SECONDS, deliveries=TASK_DELIVERIES,
    )  # fmt: skip
