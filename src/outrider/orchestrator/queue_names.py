"""Streams, subjects and consumers of a platform's queue."""

from outrider.kinds.platform.model import PlatformSpec
from outrider.kinds.platform.queue import DEAD_BYTES, Inbox, Queue
from outrider.ports.nats.streams import StreamSpec
from outrider.ports.nats.work import WorkQueue

INBOX, DEAD = "inbox", "dead"
# What an orchestrator that was killed had in hand, another one gets after this time.
PATIENCE_SECONDS = 10.0


def subject(queue: Queue, tenant: str, name: str) -> str:
    """Return a subject, such as that of the inbox."""
    return f"{queue.prefix}.{tenant}.{name}"


def streams(platform: PlatformSpec, queue: Queue) -> list[StreamSpec]:
    """Return the streams that the platform needs."""
    kept = {"events": float(platform.retention.events), "runs": float(platform.retention.runs)}
    needed = [
        StreamSpec(
            name=queue.stream(name), subjects=[f"{queue.prefix}.*.{name}.>"], retention="limits",
            max_age=kept[name], max_bytes=int(queue.storage), replicas=queue.replicas,
        )
        for name in sorted(set(queue.publish))
    ]  # fmt: skip
    if queue.inbox is not None:
        needed += [
            StreamSpec(
                name=queue.stream(INBOX), subjects=[f"{queue.prefix}.*.{INBOX}"], retention="workqueue",
                max_bytes=int(queue.inbox.storage), replicas=queue.replicas,
            ),
            StreamSpec(
                name=queue.stream(DEAD), subjects=[f"{queue.prefix}.*.{DEAD}"], retention="limits",
                max_age=kept["runs"], max_bytes=DEAD_BYTES, replicas=queue.replicas,
            ),
        ]  # fmt: skip
    return needed


def inbox_work(queue: Queue, tenant: str, inbox: Inbox) -> WorkQueue:
    """Return the work queue of the inbox."""
    return WorkQueue(
        stream=queue.stream(INBOX), consumer=tenant, subject=subject(queue, tenant, INBOX),
        dead_stream=queue.stream(DEAD), dead_subject=subject(queue, tenant, DEAD),
        patience=PATIENCE_SECONDS, deliveries=inbox.deliveries, concurrency=inbox.concurrency,
    )  # fmt: skip
