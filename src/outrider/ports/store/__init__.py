"""The SQL store: one writer with grouped commits, several readers, migrations of each owner's tables."""

from sqlalchemy import Connection
from sqlalchemy.dialects.sqlite import insert as upsert

from outrider.ports.store.copy import copy_sqlite
from outrider.ports.store.migrations import Migration, check_current
from outrider.ports.store.prepared import Prepared
from outrider.ports.store.store import Store, open_sqlite

__all__ = ["Connection", "Migration", "Prepared", "Store", "check_current", "copy_sqlite", "open_sqlite", "upsert"]
