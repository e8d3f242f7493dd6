"""The stores in a Redis database, which several sidecars may share; vectors where the server has search."""

from outrider.sidecar.memory.redis.opening import open_conversations, open_key_values, open_vectors

__all__ = ["open_conversations", "open_key_values", "open_vectors"]
