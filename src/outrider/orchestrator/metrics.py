"""What the orchestrator counts, for Prometheus."""

from outrider.core.events import EventOutcome
from outrider.orchestrator.transaction import Transaction
from outrider.ports.telemetry import Metrics


class EngineMetrics:
    """Instruments of the engine."""

    def __init__(self, metrics: Metrics) -> None:
        self._events = metrics.counter("outrider_events_total", "Events by what became of them", ["outcome"])
        self._timeline = metrics.counter("outrider_activity_total", "Entries of the timeline by kind", ["kind"])
        self._transactions = metrics.histogram("outrider_transaction_seconds", "Time of a transaction with its commit")

    def ingested(self, outcomes: list[EventOutcome]) -> None:
        """Count events."""
        for outcome in outcomes:
            self._events.add(1, outcome=outcome.outcome)

    def committed(self, work: Transaction, seconds: float) -> None:
        """Count a transaction and what it did."""
        self._transactions.observe(seconds)
        for entry in work.entries:
            self._timeline.add(1, kind=entry.kind)


class QueueMetrics:
    """Instruments of what goes through the queue."""

    def __init__(self, metrics: Metrics) -> None:
        self._published = metrics.counter("outrider_published_total", "Messages by what the queue said", ["outcome"])
        self._taken = metrics.counter(
            "outrider_inbox_total", "Events from the inbox by what became of them", ["outcome"]
        )
        self._tasks = metrics.counter(
            "outrider_queue_tasks_total", "Tasks of AI agents from the queue by how they ended", ["agent", "state"]
        )
        self._connected = metrics.gauge("outrider_queue_connected", "Whether the queue can be reached")

    def published(self, outcome: str) -> None:
        """Count a message that was published."""
        self._published.add(1, outcome=outcome)

    def taken(self, outcome: str) -> None:
        """Count an event from the inbox."""
        self._taken.add(1, outcome=outcome)

    def task(self, agent: str, state: str) -> None:
        """Count a task from the queue that has ended."""
        self._tasks.add(1, agent=agent, state=state)

    def connected(self, connected: bool) -> None:
        """Say whether the queue can be reached."""
        self._connected.set(float(connected))
