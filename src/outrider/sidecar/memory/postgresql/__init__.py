"""The stores in a PostgreSQL database, which several sidecars may share; vectors by its extension pgvector."""

from outrider.sidecar.memory.postgresql.opening import open_conversations, open_key_values, open_vectors

__all__ = ["open_conversations", "open_key_values", "open_vectors"]
