"""Agents: enrolment, signs of life, and what became of those that are silent."""

from typing import Any

import msgspec
import sqlalchemy as sa

from outrider.core.audit import ChainHead
from outrider.core.codec import encode
from outrider.core.errors import UnauthenticatedError
from outrider.core.events import Heartbeat
from outrider.orchestrator.tables import agents, audit_heads, enrolment_tokens
from outrider.orchestrator.transaction import Transaction
from outrider.ports.store import upsert

HEARTBEAT_SECONDS = 10.0
SILENT_AFTER = 3 * HEARTBEAT_SECONDS
TOKEN_SECONDS = 600.0


class Enrolee(msgspec.Struct, frozen=True):
    """Whom a token was made for."""

    agent: str
    kind: str


def store_token(work: Transaction, tenant: str, secret_hash: str, enrolee: Enrolee) -> None:
    """Keep the hash of a one-time token."""
    work.connection.execute(enrolment_tokens.delete().where(enrolment_tokens.c.expires <= work.now))
    work.connection.execute(
        enrolment_tokens.insert().values(
            tenant=tenant,
            secret_hash=secret_hash,
            agent=enrolee.agent,
            kind=enrolee.kind,
            expires=work.now + TOKEN_SECONDS,
        )
    )


def take_token(work: Transaction, tenant: str, secret_hash: str) -> Enrolee:
    """Use a token up and return whom it was made for.

    Raises:
        UnauthenticatedError: It is unknown, used or expired.
    """
    row = work.connection.execute(
        sa.select(enrolment_tokens).where(
            enrolment_tokens.c.tenant == tenant,
            enrolment_tokens.c.secret_hash == secret_hash,
            enrolment_tokens.c.expires > work.now,
        )
    ).one_or_none()
    if row is None:
        raise UnauthenticatedError(
            "the enrolment token is not valid",
            expected="a token that was made in the last ten minutes and not used yet",
            suggestions=["make a new one: outrider agents token NAME"],
        )
    work.connection.execute(
        enrolment_tokens.delete().where(
            enrolment_tokens.c.tenant == tenant, enrolment_tokens.c.secret_hash == secret_hash
        )
    )
    return Enrolee(row.agent, row.kind)


def record_heartbeat(work: Transaction, tenant: str, enrolee: Enrolee, beat: Heartbeat) -> None:
    """Store an agent's health and anchor the end of its audit chain."""
    row = work.connection.execute(_agent(tenant, enrolee.agent)).one_or_none()
    values = {"kind": enrolee.kind, "status": beat.status, "last_seen": work.now, "health": encode(beat).decode()}
    work.connection.execute(
        upsert(agents)
        .values(tenant=tenant, name=enrolee.agent, revoked=False, **values)
        .on_conflict_do_update(index_elements=["tenant", "name"], set_=values)
    )
    if beat.audit_head is not None and beat.audit_head.sequence:
        _anchor(work, tenant, beat.audit_head)
    if row is None or row.status != beat.status:
        work.timeline("agent", enrolee.agent, "online" if beat.status == "online" else "offline")


def greet(work: Transaction, tenant: str) -> None:
    """After a start, count the silence of agents from now: they could not reach us before."""
    work.connection.execute(
        agents.update().where(agents.c.tenant == tenant, agents.c.status == "online").values(last_seen=work.now)
    )


def mark_silent(work: Transaction, tenant: str) -> None:
    """Call agents lost that were silent for three heartbeats."""
    lost = work.connection.execute(
        sa.select(agents.c.name).where(
            agents.c.tenant == tenant, agents.c.status == "online", agents.c.last_seen <= work.now - SILENT_AFTER
        )
    ).all()
    for row in lost:
        work.connection.execute(
            agents.update().where(agents.c.tenant == tenant, agents.c.name == row.name).values(status="lost")
        )
        work.timeline("agent", row.name, f"no sign of life for {SILENT_AFTER:.0f} s")


def revoked_agents(connection: sa.Connection, tenant: str) -> set[str]:
    """Return the agents that may no longer come in."""
    return set(connection.scalars(sa.select(agents.c.name).where(agents.c.tenant == tenant, agents.c.revoked)))


def revoke(work: Transaction, tenant: str, name: str) -> bool:
    """Refuse an agent from its next request on; returns whether it is known."""
    changed = work.connection.execute(
        agents.update().where(agents.c.tenant == tenant, agents.c.name == name).values(revoked=True, status="revoked")
    )
    return changed.rowcount == 1


def restore(work: Transaction, tenant: str, name: str) -> bool:
    """Let a revoked agent in again; returns whether it was revoked."""
    changed = work.connection.execute(
        agents.update()
        .where(agents.c.tenant == tenant, agents.c.name == name, agents.c.revoked)
        .values(revoked=False, status="offline")
    )
    return changed.rowcount == 1


def _agent(tenant: str, name: str) -> Any:
    return sa.select(agents).where(agents.c.tenant == tenant, agents.c.name == name)


def _anchor(work: Transaction, tenant: str, head: ChainHead) -> None:
    """Keep the furthest head seen of each writer; a chain that was cut can no longer show it."""
    values = {"sequence": head.sequence, "hash": head.hash, "seen": work.now}
    statement = upsert(audit_heads).values(tenant=tenant, writer=head.writer, **values)
    work.connection.execute(
        statement.on_conflict_do_update(
            index_elements=["tenant", "writer"], set_=values, where=audit_heads.c.sequence <= head.sequence
        )
    )
