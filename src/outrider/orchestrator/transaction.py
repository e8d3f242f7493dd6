"""One writing transaction: its connection and time, and what is to happen once it is on disk.

Agents are woken, the timeline is told and the audit chain is written after the commit; a transaction that is undone does none
of it.
"""

from typing import TYPE_CHECKING

import sqlalchemy as sa

from outrider.core.audit import AuditEntry
from outrider.orchestrator.wire import TimelineEntry

if TYPE_CHECKING:
    from outrider.orchestrator.outbox import Outbox


class Transaction:
    """What the steps of one transaction share.

    Attributes:
        connection: The store's, inside its transaction.
        now: The one time of everything that is decided in it.
        outbox: Takes what is to be published; None where nothing is.
        outgoing: Whether something was put into it.
        wake: Agents for whom something waits.
    """

    def __init__(self, connection: sa.Connection, now: float, outbox: "Outbox | None" = None) -> None:
        self.connection = connection
        self.now = now
        self.outbox = outbox
        self.outgoing = False
        self.wake: set[str] = set()
        self.entries: list[TimelineEntry] = []
        self.audit: list[AuditEntry] = []

    def timeline(
        self, kind: str, subject: str, text: str, *, event: str = "", run: str = "", instruction: str = ""
    ) -> None:
        """Tell the timeline."""
        self.entries.append(
            TimelineEntry(kind=kind, subject=subject, text=text, event=event, run=run, instruction=instruction)
        )
