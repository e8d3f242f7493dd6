"""The stores in SQLite files: the default, without a server.

One file for each type: a long search waits for no conversation, and a driver that brings a SQLite of its own never opens a file
that the one of the standard library has open, which the locks of POSIX do not allow within one process.
"""

from outrider.sidecar.memory.sqlite.opening import open_conversations, open_key_values, open_vectors

__all__ = ["open_conversations", "open_key_values", "open_vectors"]
