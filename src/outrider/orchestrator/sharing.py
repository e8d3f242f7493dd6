"""Several orchestrators on one store: who changed something tells the others, and nobody decides by what is old.

What an orchestrator keeps in memory beside the store (objects, holds, revoked agents) has a number in the store that grows with
every change of it. Each transaction looks at that number first. Wake-ups of waiting agents are told through the database at the
commit; one that is lost is made up for by the next sweep.
"""

import os

import sqlalchemy as sa

from outrider.orchestrator.statements import SELECT_CHANGES
from outrider.orchestrator.tables import changes
from outrider.ports.store import upsert

CHANNEL = "outrider_wake"


def bump(connection: sa.Connection, tenant: str) -> None:
    """Say, in the transaction that changes it, that what orchestrators remember is old now."""
    statement = upsert(changes).values(tenant=tenant, number=1)
    connection.execute(
        statement.on_conflict_do_update(index_elements=["tenant"], set_={"number": changes.c.number + 1})
    )


def look(connection: sa.Connection, tenant: str) -> int:
    """Return the number."""
    row = SELECT_CHANGES.first(connection, {"key_tenant": tenant})
    return row.number if row is not None else 0


def server_time(connection: sa.Connection) -> float:
    """Return the seconds since the epoch by the database's clock, which is the one clock of all that share it."""
    return float(connection.scalar(sa.select(sa.func.extract("epoch", sa.func.clock_timestamp()))) or 0.0)


class Telling:
    """Wake-ups to and from the other orchestrators.

    Args:
        tenant: Whose agents.
    """

    def __init__(self, tenant: str) -> None:
        self._tenant = tenant
        # Whose own words these are, so that they are not listened to.
        self._identity = os.urandom(8).hex()

    def tell(self, connection: sa.Connection, agents: set[str]) -> None:
        """Tell, once this transaction is committed, that something waits for agents."""
        for agent in sorted(agents):
            text = f"{self._identity} {self._tenant} {agent}"
            connection.execute(sa.select(sa.func.pg_notify(CHANNEL, text)))

    def heard(self, text: str) -> str:
        """Return the agent of another one's words; empty where they are our own, or not for us."""
        identity, _, rest = text.partition(" ")
        tenant, _, agent = rest.partition(" ")
        return agent if identity != self._identity and tenant == self._tenant else ""
