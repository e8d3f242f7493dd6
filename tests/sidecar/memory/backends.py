"""What the contract suite runs on: each kind of database, opened as the product does, and looked into past the product."""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import psycopg

from outrider.ports.clock.manual import ManualClock
from outrider.sidecar.memory import postgresql, redis, sqlite
from outrider.sidecar.memory.model import Quota, Scope
from outrider.sidecar.memory.store import ConversationStore, KeyValueStore, MemoryStore, VectorStore
from tests.servers.redis import RedisServer

S = TypeVar("S", bound=MemoryStore)
SCOPE = Scope("acme", "helper", "notes")
# Each differs from SCOPE in one name only, or would be it where names are joined without care.
OTHERS = [
    Scope("acme2", "helper", "notes"),
    Scope("acme", "helper2", "notes"),
    Scope("acme", "helper", "notes2"),
    Scope("acme/helper", "notes", "x"),
    Scope("acme", "helper/notes", "x"),
    Scope("acm", "ehelper", "notes"),
    Scope("acme%2Fhelper", "notes", "{x}"),
]


class Backend(ABC):
    """One database.

    Attributes:
        clock: Of its stores.
        opened: They are closed after the test.
    """

    # Typed as the protocols, which the stores must therefore have.
    opens_conversations: Callable[..., Awaitable[ConversationStore]]
    opens_key_values: Callable[..., Awaitable[KeyValueStore]]
    opens_vectors: Callable[..., Awaitable[VectorStore]]

    def __init__(self, place: Any) -> None:
        self.place = place
        self.clock = ManualClock()
        self.opened: list[MemoryStore] = []

    async def conversations(self, quota: Quota | None = None) -> ConversationStore:
        return await self._open(self.opens_conversations, quota)

    async def key_values(self, quota: Quota | None = None) -> KeyValueStore:
        return await self._open(self.opens_key_values, quota)

    async def vectors(self, quota: Quota | None = None) -> VectorStore:
        return await self._open(self.opens_vectors, quota)

    async def _open(self, opens: Callable[..., Awaitable[S]], quota: Quota | None) -> S:
        store = await opens(self.place, clock=self.clock, quota=quota or Quota())
        self.opened.append(store)
        return store

    async def close(self) -> None:
        for store in self.opened:
            await store.close()

    @abstractmethod
    def content(self) -> list[Any]:
        """Return what there is in the database, but its tables themselves."""


class SqliteBackend(Backend):
    opens_conversations = staticmethod(sqlite.open_conversations)
    opens_key_values = staticmethod(sqlite.open_key_values)
    opens_vectors = staticmethod(sqlite.open_vectors)

    def content(self) -> list[Any]:
        # Past SQLite: deleted rows must not stand in free pages or in the log either.
        files = sorted(
            path for path in Path(self.place).iterdir() if path.suffix == ".db" or path.name.endswith("-wal")
        )
        return [path.name for path in files if any(mark in path.read_bytes() for mark in (b"marked", b"acme"))]


class PostgresqlBackend(Backend):
    opens_conversations = staticmethod(postgresql.open_conversations)
    opens_key_values = staticmethod(postgresql.open_key_values)
    opens_vectors = staticmethod(postgresql.open_vectors)

    def content(self) -> list[Any]:
        with psycopg.connect(self.place) as connection:
            tables = connection.execute(
                "SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema()"
                " AND table_name <> 'memory_schema'"
            ).fetchall()
            return [
                (name, row)
                for (name,) in tables
                for row in connection.execute(f"SELECT * FROM {name}".encode()).fetchall()
            ]


class RedisBackend(Backend):
    opens_conversations = staticmethod(redis.open_conversations)
    opens_key_values = staticmethod(redis.open_key_values)
    opens_vectors = staticmethod(redis.open_vectors)

    def __init__(self, server: RedisServer) -> None:
        super().__init__(f"redis://127.0.0.1:{server.port}/0")
        self._server = server

    def content(self) -> list[Any]:
        found: list[Any] = self._server.call("KEYS", "*")
        return found
