"""The SQL store: one writer with grouped commits, several readers, migrations of each owner's tables."""

from outrider.ports.store.migrations import Migration
from outrider.ports.store.store import Store, open_sqlite

__all__ = ["Migration", "Store", "open_sqlite"]
