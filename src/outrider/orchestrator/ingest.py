"""The transaction of an event: stored, matched and turned into runs, or nothing of it."""

from outrider.core.codec import encode
from outrider.core.errors import InvalidConfigError
from outrider.core.events import MAX_EVENT_BYTES, Event, EventOutcome
from outrider.core.timestamps import parse_timestamp
from outrider.orchestrator.evaluation import Evaluator
from outrider.orchestrator.statements import DECIDE_EVENT, INSERT_EVENT, UPSERT_FACT
from outrider.orchestrator.transaction import Transaction
from outrider.ports.telemetry import span

MAX_ID, MAX_SOURCE = 64, 130
# Begins the ids of the events that stand for tasks from the queue.
QUEUE_EVENT = "queue-"


class Ingest:
    """Stores events and has the rules evaluated on them; its methods run inside a writing transaction.

    Args:
        tenant: Whose events.
        evaluator: Evaluates the rules.
    """

    def __init__(self, tenant: str, evaluator: Evaluator) -> None:
        self._tenant = tenant
        self._evaluator = evaluator

    def store(self, work: Transaction, batch: list[Event]) -> list[EventOutcome]:
        """Store a batch; an event that is known already changes nothing."""
        facts: dict[str, Event] = {}
        outcomes = [self._store_one(work, event, facts) for event in batch]
        self._remember(work, facts)
        return outcomes

    def _store_one(self, work: Transaction, event: Event, facts: dict[str, Event]) -> EventOutcome:
        document = encode(event)
        refusal = _refusal(event, len(document))
        if refusal:
            return EventOutcome(event.id, "rejected", refusal)
        if not insert_event(work, self._tenant, event, document.decode()):
            return EventOutcome(event.id, "duplicate")
        work.timeline("event", event.source, _describe(event), event=event.id)
        with span(f"event {event.type}", {"outrider.event": event.id}, trace_id=event.trace_id):
            facts[event.source] = event
            if self._evaluator.concerns(event):
                self._remember(work, facts)  # rules and steps may look at them
            decisions = self._evaluator.evaluate(work, event)
        if decisions:
            key = {"key_tenant": self._tenant, "key_id": event.id}
            DECIDE_EVENT.run(work.connection, {**key, "decisions": encode(decisions).decode()})
        return EventOutcome(event.id, "accepted")

    def _remember(self, work: Transaction, facts: dict[str, Event]) -> None:
        """Write the last data of triggers: of many events of one trigger the last is enough."""
        for source, event in facts.items():
            row = {"tenant": self._tenant, "source": source, "data": encode(event.data).decode()}
            UPSERT_FACT.run(work.connection, row)
        facts.clear()


def insert_event(work: Transaction, tenant: str, event: Event, document: str) -> bool:
    """Store an event and return whether it was not there before."""
    row = {"tenant": tenant, "id": event.id, "source": event.source, "received": work.now}
    fresh = INSERT_EVENT.run(work.connection, {**row, "document": document, "decisions": ""}) == 1
    if fresh and work.outbox is not None:
        work.outbox.add_event(work, event)
    return fresh


def _refusal(event: Event, size: int) -> str:
    """Return why an event can never be stored; empty where it can."""
    if size > MAX_EVENT_BYTES:
        return f"{size} bytes; at most {MAX_EVENT_BYTES} are taken"
    if not 0 < len(event.id) <= MAX_ID:
        return f"id: {len(event.id)} characters; 1 to {MAX_ID} are taken"
    if event.id.startswith(QUEUE_EVENT):
        return f"id: those that begin with '{QUEUE_EVENT}' stand for tasks from the queue"
    if not 0 < len(event.source) <= MAX_SOURCE:
        return f"source: {len(event.source)} characters; 1 to {MAX_SOURCE} are taken"
    try:
        parse_timestamp(event.time)
    except InvalidConfigError as error:
        return f"time: {error.message}"
    return ""


def _describe(event: Event) -> str:
    """Return the event on one line: what plugins put into `summary`, else the data."""
    summary = event.data.get("summary")
    text = str(summary) if summary else encode(event.data).decode()
    repeated = f" (still, {event.count}. report)" if event.count > 1 else ""
    return f"{text[:160]}{repeated}"
