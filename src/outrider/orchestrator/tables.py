"""The tables that own the truth: objects, events, runs, instructions, leases, approvals.

Times are seconds since the epoch on the orchestrator's clock; documents are JSON text. Every row has its tenant.
"""

from typing import Any

import sqlalchemy as sa

from outrider.ports.store import Migration

metadata = sa.MetaData()


def _tenant() -> sa.Column[str]:
    return sa.Column("tenant", sa.String(64), primary_key=True)


objects = sa.Table(
    "objects",
    metadata,
    _tenant(),
    sa.Column("kind", sa.String(64), primary_key=True),
    sa.Column("name", sa.String(64), primary_key=True),
    sa.Column("uid", sa.String(26), nullable=False),
    sa.Column("generation", sa.Integer, nullable=False),
    sa.Column("document", sa.Text, nullable=False),
    sa.Column("applied_by", sa.String(160), nullable=False),
    sa.Column("applied", sa.Float, nullable=False),
)

agents = sa.Table(
    "agents",
    metadata,
    _tenant(),
    sa.Column("name", sa.String(64), primary_key=True),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("last_seen", sa.Float, nullable=False),
    sa.Column("health", sa.Text, nullable=False),
    sa.Column("revoked", sa.Boolean, nullable=False, default=False),
)

enrolment_tokens = sa.Table(
    "enrolment_tokens",
    metadata,
    _tenant(),
    sa.Column("secret_hash", sa.String(64), primary_key=True),
    sa.Column("agent", sa.String(64), nullable=False),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("expires", sa.Float, nullable=False),
)

events = sa.Table(
    "events",
    metadata,
    sa.Column("sequence", sa.Integer, primary_key=True),
    sa.Column("tenant", sa.String(64), nullable=False),
    sa.Column("id", sa.String(64), nullable=False),
    sa.Column("source", sa.String(130), nullable=False),
    sa.Column("received", sa.Float, nullable=False),
    sa.Column("document", sa.Text, nullable=False),
    sa.Column("decisions", sa.Text, nullable=False, server_default=""),
    sa.UniqueConstraint("tenant", "id"),
    sqlite_autoincrement=True,
)

facts = sa.Table(
    "facts",
    metadata,
    _tenant(),
    sa.Column("source", sa.String(130), primary_key=True),
    sa.Column("data", sa.Text, nullable=False),
)

rule_keys = sa.Table(
    "rule_keys",
    metadata,
    _tenant(),
    sa.Column("rule_uid", sa.String(26), primary_key=True),
    sa.Column("key", sa.String(512), primary_key=True),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("due", sa.Float, nullable=True, index=True),
)

rule_rates = sa.Table(
    "rule_rates",
    metadata,
    _tenant(),
    sa.Column("rule_uid", sa.String(26), primary_key=True),
    sa.Column("state", sa.Text, nullable=False),
)

rule_windows = sa.Table(
    "rule_windows",
    metadata,
    _tenant(),
    sa.Column("rule_uid", sa.String(26), primary_key=True),
    sa.Column("key", sa.String(512), primary_key=True),
    sa.Column("generation", sa.Integer, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("due", sa.Float, nullable=True, index=True),
    sa.Column("oldest", sa.Float, nullable=True, index=True),
    sa.Column("expires", sa.Float, nullable=False, index=True),
)

schedules = sa.Table(
    "schedules",
    metadata,
    _tenant(),
    sa.Column("uid", sa.String(26), primary_key=True),
    sa.Column("generation", sa.Integer, nullable=False),
    sa.Column("due", sa.Float, nullable=False),
)

holds = sa.Table(
    "holds",
    metadata,
    _tenant(),
    sa.Column("id", sa.String(26), primary_key=True),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("subject", sa.String(200), nullable=False),
    sa.Column("comment", sa.Text, nullable=False),
    sa.Column("placed_by", sa.String(160), nullable=False),
    sa.Column("placed", sa.Float, nullable=False),
    sa.Column("until", sa.Float, nullable=True),
)

runs = sa.Table(
    "runs",
    metadata,
    _tenant(),
    sa.Column("id", sa.String(26), primary_key=True),
    sa.Column("rule", sa.String(64), nullable=False),
    sa.Column("rule_uid", sa.String(26), nullable=False, index=True),
    sa.Column("rule_generation", sa.Integer, nullable=False),
    sa.Column("spec", sa.Text, nullable=False),
    sa.Column("event", sa.Text, nullable=False),
    sa.Column("matched", sa.Text, nullable=False, server_default="[]"),
    sa.Column("state", sa.String(24), nullable=False, index=True),
    sa.Column("step", sa.Integer, nullable=False),
    sa.Column("message", sa.Text, nullable=False),
    sa.Column("trace_id", sa.String(32), nullable=False),
    sa.Column("created", sa.Float, nullable=False, index=True),
    sa.Column("finished", sa.Float, nullable=True),
)

instructions = sa.Table(
    "instructions",
    metadata,
    _tenant(),
    sa.Column("id", sa.String(26), primary_key=True),
    sa.Column("run", sa.String(26), nullable=False, index=True),
    sa.Column("step", sa.Integer, nullable=False),
    sa.Column("name", sa.String(128), nullable=False),
    sa.Column("document", sa.Text, nullable=False),
    sa.Column("state", sa.String(24), nullable=False, index=True),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("epoch", sa.Integer, nullable=False),
    sa.Column("agent", sa.String(64), nullable=False),
    sa.Column("expires", sa.Float, nullable=False),
    sa.Column("not_before", sa.Float, nullable=False),
    sa.Column("on_lost", sa.String(8), nullable=False),
    sa.Column("backoff", sa.Float, nullable=False),
    sa.Column("cancel_requested", sa.Boolean, nullable=False),
    sa.Column("created", sa.Float, nullable=False),
    sa.Column("finished", sa.Float, nullable=True),
    sa.Column("result", sa.Text, nullable=True),
    sa.Column("start_by", sa.Float, nullable=True, index=True),
)

eligible = sa.Table(
    "eligible",
    metadata,
    _tenant(),
    sa.Column("agent", sa.String(64), primary_key=True),
    sa.Column("instruction", sa.String(26), primary_key=True),
)

attempts = sa.Table(
    "attempts",
    metadata,
    _tenant(),
    sa.Column("instruction", sa.String(26), primary_key=True),
    sa.Column("epoch", sa.Integer, primary_key=True),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("agent", sa.String(64), nullable=False),
    sa.Column("claimed", sa.Float, nullable=False),
    sa.Column("started", sa.Float, nullable=True),
    sa.Column("finished", sa.Float, nullable=True),
    sa.Column("status", sa.String(24), nullable=False),
    sa.Column("document", sa.Text, nullable=False),
)

log_lines = sa.Table(
    "log_lines",
    metadata,
    _tenant(),
    sa.Column("instruction", sa.String(26), primary_key=True),
    sa.Column("epoch", sa.Integer, primary_key=True),
    sa.Column("sequence", sa.Integer, primary_key=True),
    sa.Column("time", sa.String(32), nullable=False),
    sa.Column("stream", sa.String(8), nullable=False),
    sa.Column("text", sa.Text, nullable=False),
)

approvals = sa.Table(
    "approvals",
    metadata,
    _tenant(),
    sa.Column("instruction", sa.String(26), primary_key=True),
    sa.Column("groups", sa.Text, nullable=False),
    sa.Column("question", sa.Text, nullable=False),
    sa.Column("requested", sa.Float, nullable=False),
    sa.Column("expires", sa.Float, nullable=False),
    sa.Column("decision", sa.String(16), nullable=False),
    sa.Column("decided_by", sa.String(160), nullable=False),
    sa.Column("decided", sa.Float, nullable=True),
)

audit_heads = sa.Table(
    "audit_heads",
    metadata,
    _tenant(),
    sa.Column("writer", sa.String(160), primary_key=True),
    sa.Column("sequence", sa.Integer, nullable=False),
    sa.Column("hash", sa.String(64), nullable=False),
    sa.Column("seen", sa.Float, nullable=False),
)


outbox = sa.Table(
    "outbox",
    metadata,
    sa.Column("sequence", sa.Integer, primary_key=True),
    sa.Column("tenant", sa.String(64), nullable=False),
    sa.Column("stream", sa.String(16), nullable=False),
    sa.Column("subject", sa.String(300), nullable=False),
    sa.Column("id", sa.String(64), nullable=False),
    sa.Column("document", sa.Text, nullable=False),
    sa.Column("created", sa.Float, nullable=False),
    sqlite_autoincrement=True,
)

# What one of several orchestrators does for all, and until when it has promised to.
duties = sa.Table(
    "duties",
    metadata,
    _tenant(),
    sa.Column("duty", sa.String(64), primary_key=True),
    sa.Column("holder", sa.String(64), nullable=False),
    sa.Column("expires", sa.Float, nullable=False),
)


# Grows with every change of what orchestrators remember beside the store.
changes = sa.Table("changes", metadata, _tenant(), sa.Column("number", sa.Integer, nullable=False))


def _added(table: sa.Table) -> Migration:
    """Return the step that adds a table; a new store has it already."""
    return lambda connection: table.create(connection, checkfirst=True)


def _queue(connection: sa.Connection) -> None:
    for table in (outbox, duties):
        table.create(connection, checkfirst=True)


def _rules_over_time(connection: sa.Connection) -> None:
    rule_windows.create(connection, checkfirst=True)
    for column in (events.c.decisions, runs.c.matched, instructions.c.start_by):
        _add_column(connection, column)


def _add_column(connection: sa.Connection, column: sa.Column[Any]) -> None:
    """Add a column with its index; a new store has it already."""
    table = column.table
    assert isinstance(table, sa.Table)
    if column.name in {found["name"] for found in sa.inspect(connection).get_columns(table.name)}:
        return
    described = sa.schema.CreateColumn(column).compile(dialect=connection.dialect)
    connection.execute(sa.text(f"ALTER TABLE {table.name} ADD COLUMN {described}"))
    for index in table.indexes:
        if list(index.columns) == [column]:
            index.create(connection, checkfirst=True)


def _index_rule_uid(connection: sa.Connection) -> None:
    for index in runs.indexes:
        index.create(connection, checkfirst=True)


MIGRATIONS: list[Migration] = [
    metadata.create_all,
    _added(schedules),
    _added(holds),
    _index_rule_uid,
    _rules_over_time,
    _added(changes),
    _queue,
]
