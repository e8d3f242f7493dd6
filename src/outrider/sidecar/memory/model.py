"""The words of an agent's memory."""

from typing import Any

import msgspec

Metadata = dict[str, str | int | float | bool]
# Of agents whose objects name none.
TENANT = "default"


class Scope(msgspec.Struct, frozen=True):
    """Whose memory it is, and which one; nothing of one scope is ever seen in another.

    Attributes:
        name: Of the memory; memories of different types may have the same.
    """

    tenant: str
    agent: str
    name: str


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """One message of a conversation.

    Attributes:
        id: Unique in its session; the store gives one where it is empty.
        role: As providers name it: system, user, assistant, tool.
        content: What was said, in the form of its provider: text, blocks, or an object with `tool_calls`.
        tokens: How many it counts for; the store estimates them where none are given.
        time: Seconds since the epoch; 0 is the time at which it is stored.
    """

    id: str = ""
    role: str
    content: Any
    tokens: int = 0
    time: float = 0.0


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a session without reading it.

    Attributes:
        updated: The time of its newest message, seconds since the epoch.
    """

    name: str
    messages: int
    tokens: int
    updated: float


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A value under its key.

    Attributes:
        version: Grows with each write in its memory, and is never given twice: a key that was deleted and made again has another.
        expires: Seconds since the epoch from which on it is gone.
    """

    key: str
    value: Any
    version: int
    expires: float | None = None


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """A text that is found by its meaning.

    Attributes:
        id: Unique in its memory.
        vector: Its embedding; kept as 32-bit floats.
    """

    id: str
    text: str
    metadata: Metadata = {}
    vector: list[float]


class Match(msgspec.Struct, frozen=True, kw_only=True):
    """What a search found.

    Attributes:
        score: Cosine similarity, 1 for the same direction.
    """

    id: str
    text: str
    metadata: Metadata = {}
    score: float


class Quota(msgspec.Struct, frozen=True):
    """How much each memory of a store may hold.

    Attributes:
        entries: Messages, entries or items; absent: any number.
        bytes: As in `Usage`; absent: any number.
    """

    entries: int | None = None
    bytes: int | None = None


class Usage(msgspec.Struct, frozen=True):
    """How much a memory holds.

    Attributes:
        entries: Messages, entries that have not expired, or items.
        bytes: Of ids, keys, roles and texts in UTF-8, values, contents and metadata as JSON, and vectors; not what a
            database adds to them.
    """

    entries: int = 0
    bytes: int = 0
