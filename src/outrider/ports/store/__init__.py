"""The SQL store: one writer with grouped commits, several readers, migrations of each owner's tables."""

from sqlalchemy import Connection

# The same insert serves both databases: SQLite's compiler reads what PostgreSQL's dialect builds.
from sqlalchemy.dialects.postgresql import insert as upsert

from outrider.ports.store.copy import copy_sqlite
from outrider.ports.store.migrations import Migration, check_current
from outrider.ports.store.postgresql import PostgresqlStore, open_postgresql
from outrider.ports.store.prepared import Prepared
from outrider.ports.store.sqlite import open_sqlite
from outrider.ports.store.store import Store

__all__ = [
    "Connection",
    "Migration",
    "PostgresqlStore",
    "Prepared",
    "Store",
    "check_current",
    "copy_sqlite",
    "open_postgresql",
    "open_sqlite",
    "upsert",
]
