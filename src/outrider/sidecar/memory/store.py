"""What a store of each type can do, whatever it keeps its memories in.

Every method may raise what its database does: UnavailableError where it cannot now, OutcomeUnknownError where it was lost while a
change was made, ExecutionFailedError where it refuses. InvalidConfigError and LimitedError say that what was given is of no form
or size that `limits` allows.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Protocol

from outrider.sidecar.memory.model import Entry, Item, Match, Message, Scope, Session, Usage

DEFAULT_LIMIT = 100
DEFAULT_MATCHES = 10


class MemoryStore(Protocol):
    """What stores of all types can do."""

    async def usage(self, scope: Scope) -> Usage:
        """Return how much a memory holds."""
        ...

    def export(self, scope: Scope) -> AsyncIterator[dict[str, Any]]:
        """Yield all of a memory as JSON-able records, in the order of its sessions, keys or ids.

        It is read in parts: what is changed meanwhile may or may not be in it, but nothing is in it twice.
        """
        ...

    async def delete_all(self, scope: Scope) -> int:
        """Delete a memory and all that is known of it, and return how many messages, entries or items it had."""
        ...

    async def expire(self, scope: Scope, before: float) -> int:
        """Delete what is too old, and return how much that was: messages, entries or items.

        Args:
            scope: Of the memory.
            before: Seconds since the epoch: what was written earlier goes. Entries whose time has come go in any case, and a
                call of a tool goes together with its results.
        """
        ...

    async def close(self) -> None:
        """Finish what is under way and close; the store is not used afterwards."""
        ...


class ConversationStore(MemoryStore, Protocol):
    """Messages in the order in which they were appended, by session."""

    async def append(self, scope: Scope, session: str, messages: Sequence[Message]) -> list[Message]:
        """Append messages, all or none, and return them as stored: with id, tokens and time.

        Raises:
            ConflictError: The session has a message of this id, or two were given.
            LimitedError: They would exceed the quota.
        """
        ...

    async def window(
        self, scope: Scope, session: str, *, tokens: int | None = None, last: int | None = None
    ) -> list[Message]:
        """Return the newest messages that fit, oldest first; none where the session is unknown.

        A call of a tool and its results are in it together or not at all, so that a provider takes it as it is.

        Args:
            scope: Of the memory.
            session: Its name.
            tokens: How many they may count for together.
            last: How many they may be. `limits` bounds the window in any case.
        """
        ...

    async def sessions(self, scope: Scope, *, limit: int = DEFAULT_LIMIT, after: str = "") -> list[Session]:
        """Return sessions by name (code points), from the one behind `after` on."""
        ...

    async def session(self, scope: Scope, session: str) -> Session | None:
        """Return what is known of one session; nothing where it has no messages."""
        ...

    async def oldest(self, scope: Scope, session: str) -> list[Message]:
        """Return the oldest messages of a session, oldest first and at least one, as many as may be read and replaced at once."""
        ...

    async def replace(
        self, scope: Scope, session: str, *, up_to: str, summary: Message, summed: Sequence[Message] = ()
    ) -> Message:
        """Put a summary in the place of a session's messages up to one of them, at once, and return it as stored.

        Args:
            scope: Of the memory.
            session: Its name.
            up_to: Id of the last message that is replaced.
            summary: What takes their place.
            summed: What it sums up. Where it is given, just that must stand there: so nothing that was deleted, added or summed up
                meanwhile comes back or is lost. Without it whatever stands there is replaced.

        Raises:
            NotFoundError: The session has no message `up_to`.
            InvalidConfigError: The results of a tool call would be left behind without it.
            ConflictError: The session has a message of the summary's id behind that place, or others than `summed` before it.
            LimitedError: The summary is larger than what it replaces, and would exceed the quota.
        """
        ...

    async def delete(self, scope: Scope, session: str | None) -> int:
        """Delete a session, or all of them, and return how many messages that were."""
        ...


class KeyValueStore(MemoryStore, Protocol):
    """Values by key; one whose time has come is gone, whether or not it was swept."""

    async def get(self, scope: Scope, key: str) -> Entry | None:
        """Return the entry of a key, or nothing."""
        ...

    async def put(
        self, scope: Scope, key: str, value: Any, *, ttl: float | None = None, if_version: int | None = None
    ) -> Entry:
        """Write the value of a key, and return the entry.

        Args:
            scope: Of the memory.
            key: Any text but the empty one.
            value: Any JSON.
            ttl: Seconds after which it is gone; absent: never.
            if_version: Which version it must have now; 0: there must be none.

        Raises:
            ConflictError: It has another version.
            LimitedError: It would exceed the quota.
        """
        ...

    async def delete(self, scope: Scope, key: str, *, if_version: int | None = None) -> bool:
        """Delete a key, and return whether it was there.

        Raises:
            ConflictError: It has another version than `if_version`.
        """
        ...

    async def list(
        self, scope: Scope, prefix: str = "", *, limit: int = DEFAULT_LIMIT, after: str = ""
    ) -> Sequence[Entry]:
        """Return entries whose keys begin with a prefix, by key (code points), from the one behind `after` on.

        There may be fewer than `limit` where they are large; an answer without entries is the end.
        """
        ...


class VectorStore(MemoryStore, Protocol):
    """Texts by the direction of their vectors. The first items of a memory say how many dimensions all of it has."""

    async def upsert(self, scope: Scope, items: Sequence[Item]) -> None:
        """Write items, all or none; one whose id is there is replaced.

        Raises:
            InvalidConfigError: A vector has another dimension than the memory, or no direction.
            ConflictError: Two were given with the same id.
            LimitedError: They would exceed the quota.
        """
        ...

    async def search(
        self, scope: Scope, vector: Sequence[float], *, k: int = DEFAULT_MATCHES, where: Mapping[str, Any] | None = None
    ) -> list[Match]:
        """Return the items nearest to a vector, best first.

        Args:
            scope: Of the memory.
            vector: Of the memory's dimension.
            k: How many at most.
            where: What an item's metadata must hold to be looked at.

        Raises:
            InvalidConfigError: The vector has another dimension than the memory.
        """
        ...

    async def get(self, scope: Scope, ids: Sequence[str]) -> list[Item]:
        """Return the items of these ids that are there, in the given order."""
        ...

    async def delete(
        self, scope: Scope, *, ids: Sequence[str] | None = None, where: Mapping[str, Any] | None = None
    ) -> int:
        """Delete the items of these ids, or those with this metadata, and return how many that were.

        Raises:
            InvalidConfigError: Neither was given, or both.
        """
        ...

    async def count(self, scope: Scope, where: Mapping[str, Any] | None = None) -> int:
        """Return how many items there are, or how many with this metadata."""
        ...
