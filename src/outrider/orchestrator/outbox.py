"""What is to be published: written in the transaction of what it tells, removed when the queue has stored it.

So it is published at least once, in its order, and a queue that is down delays it. What waits for longer than events are kept is
given up.
"""

import re
from collections.abc import Sequence
from typing import Any, Literal

import msgspec
import sqlalchemy as sa

from outrider.core.cloudevents import envelope, to_cloudevent
from outrider.core.codec import encode
from outrider.core.events import Event
from outrider.core.timestamps import timestamp
from outrider.kinds.platform.queue import Queue
from outrider.orchestrator.instructions import Run
from outrider.orchestrator.statements import INSERT_OUTGOING
from outrider.orchestrator.tables import duties, outbox
from outrider.orchestrator.transaction import Transaction
from outrider.ports.store import upsert

PUBLISH = "publish"
# How long who publishes does so alone. If it falls silent in a batch two publish it, and the queue drops what it has.
DUTY_SECONDS = 10.0
BATCH = 256
RUN_TYPE = "dev.outrider.run."
_NO_TOKEN = re.compile(r"[^A-Za-z0-9_-]")
Published = Literal["events", "runs"]


class Outgoing(msgspec.Struct, frozen=True):
    """A message that waits; `subject` without what the queue puts before it."""

    sequence: int
    stream: str
    subject: str
    id: str
    document: str


class Waiting(msgspec.Struct, kw_only=True):
    """How much waits; `oldest` in seconds since the epoch, 0 where nothing does."""

    messages: int
    oldest: float


class Outbox:
    """Takes what the platform publishes; its methods run inside writing transactions.

    Args:
        tenant: Whose.
        queue: What is published, and under which prefix.
    """

    def __init__(self, tenant: str, queue: Queue) -> None:
        self._tenant = tenant
        self._queue = queue

    def takes(self, what: Published) -> bool:
        """Whether this is published."""
        return what in self._queue.publish

    def add_event(self, work: Transaction, event: Event) -> None:
        """Have an event published, if events are."""
        if self.takes("events"):
            parts = ".".join(_NO_TOKEN.sub("_", part) or "_" for part in event.source.split("/"))
            self._add(work, "events", parts, event.id, to_cloudevent(event))

    def add_run(self, work: Transaction, run: Run, report: dict[str, Any]) -> None:
        """Have the end of a run published; its id is that of the run."""
        document = envelope(
            key=run.id, source=f"rule/{run.rule}", kind=f"{RUN_TYPE}{report['state']}", time=timestamp(work.now), data=report,
            extensions={"traceid": run.trace_id},
        )  # fmt: skip
        self._add(work, "runs", _NO_TOKEN.sub("_", run.rule), run.id, document)

    def _add(self, work: Transaction, stream: Published, parts: str, key: str, document: dict[str, Any]) -> None:
        row = {
            "tenant": self._tenant,
            "stream": stream,
            "subject": parts,  # what stands before it is the queue's, and may be another one by then
            "id": key,
            "document": encode(document).decode(),
            "created": work.now,
        }
        INSERT_OUTGOING.run(work.connection, row)
        work.outgoing = True


def take(work: Transaction, tenant: str, holder: str, published: Sequence[int]) -> list[Outgoing]:
    """Remove what was published and return what comes next; nothing where another orchestrator publishes.

    Args:
        work: The transaction.
        tenant: Whose.
        holder: Who asks; empty where nobody else can.
        published: Sequence numbers.
    """
    if published:
        work.connection.execute(outbox.delete().where(outbox.c.tenant == tenant, outbox.c.sequence.in_(published)))
    if holder and not _on_duty(work, tenant, holder):
        return []
    query = sa.select(*(outbox.c[field] for field in Outgoing.__struct_fields__))
    first = query.where(outbox.c.tenant == tenant).order_by(outbox.c.sequence).limit(BATCH)
    return [Outgoing(*row) for row in work.connection.execute(first)]


def _on_duty(work: Transaction, tenant: str, holder: str) -> bool:
    """Take the duty, or keep it, and return whether it is this one's; nobody else decides at the same time."""
    query = sa.select(duties).where(duties.c.tenant == tenant, duties.c.duty == PUBLISH)
    row = work.connection.execute(query).first()
    if row is not None and row.holder != holder and row.expires > work.now:
        return False
    values = {"holder": holder, "expires": work.now + DUTY_SECONDS}
    statement = upsert(duties).values(tenant=tenant, duty=PUBLISH, **values)
    work.connection.execute(statement.on_conflict_do_update(index_elements=["tenant", "duty"], set_=values))
    return True


def give_up_old(work: Transaction, tenant: str, before: float, limit: int) -> int:
    """Remove what has waited since before a time, and return how many messages that were."""
    # In the order of their numbers they are in that of their times too.
    query = sa.select(outbox.c.sequence, outbox.c.created).where(outbox.c.tenant == tenant)
    first = work.connection.execute(query.order_by(outbox.c.sequence).limit(limit)).all()
    old = [row.sequence for row in first if row.created < before]
    if old:
        work.connection.execute(outbox.delete().where(outbox.c.sequence.in_(old)))
    return len(old)


def waiting(connection: sa.Connection, tenant: str) -> Waiting:
    """Return how much waits to be published."""
    query = sa.select(sa.func.count(), sa.func.min(outbox.c.created)).where(outbox.c.tenant == tenant)
    count, oldest = connection.execute(query).one()
    return Waiting(messages=count, oldest=oldest or 0.0)
