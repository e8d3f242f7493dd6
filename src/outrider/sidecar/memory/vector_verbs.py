"""What an agent can do with texts that are found by their meaning."""

import os
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import msgspec

from outrider.core.codec import to_builtins
from outrider.core.errors import InvalidConfigError
from outrider.core.identifiers import time_ordered
from outrider.ports.clock import Clock
from outrider.sidecar.memory.limits import MAX_BATCH, MAX_MATCHES
from outrider.sidecar.memory.model import Item, Metadata, Scope
from outrider.sidecar.memory.store import DEFAULT_MATCHES, VectorStore
from outrider.sidecar.memory.verbs import Arguments, Verb

# Returns the vectors of texts.
Embed = Callable[[list[str]], Awaitable[list[list[float]]]]


class NewItem(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A text; one whose id is there is replaced. With a vector it is kept as it is, without one it is embedded."""

    text: str
    id: str = ""
    metadata: Metadata = {}
    vector: list[float] | None = None


class Add(Arguments):
    """Texts that are to be remembered."""

    items: Annotated[list[NewItem], msgspec.Meta(max_length=MAX_BATCH)]


class Search(Arguments):
    """What is looked for: a text or its vector; `where` names metadata that a match must have."""

    text: str = ""
    vector: list[float] | None = None
    k: Annotated[int, msgspec.Meta(ge=1, le=MAX_MATCHES)] = DEFAULT_MATCHES
    where: Metadata = msgspec.field(default_factory=dict)


class Get(Arguments):
    """The ids that are wanted."""

    ids: Annotated[list[str], msgspec.Meta(max_length=MAX_BATCH)]


class Delete(Arguments):
    """What is to be deleted: these ids, or all that have this metadata."""

    ids: list[str] | None = None
    where: Metadata | None = None


class Count(Arguments):
    """Which metadata is counted; all without it."""

    where: Metadata = msgspec.field(default_factory=dict)


class VectorVerbs:
    """The verbs of a memory.

    Args:
        store: Where it is kept.
        scope: Which one it is.
        clock: Gives ids in their order.
        embed: Makes vectors of texts; None where the agent brings them.
    """

    def __init__(self, store: VectorStore, scope: Scope, clock: Clock, embed: Embed | None) -> None:
        self._store, self._scope, self._clock, self._embed = store, scope, clock, embed

    def verbs(self) -> list[Verb]:
        """Return all of them."""
        return [
            Verb(
                name="add", does="Remember texts, so that they are found by their meaning.", arguments=Add, run=self._add,
                destroys=True,
            ),
            Verb(
                name="search", does="Return what is remembered that is nearest in meaning to a text, best first.",
                arguments=Search, run=self._search, reads=True,
            ),
            Verb(name="get", does="Return texts by their ids.", arguments=Get, run=self._get, reads=True),
            Verb(
                name="delete", does="Forget texts by their ids or their metadata.", arguments=Delete, run=self._delete,
                destroys=True, repeats=True,
            ),
            Verb(
                name="count", does="Say how many texts are remembered.", arguments=Count, run=self._count, reads=True
            ),
        ]  # fmt: skip

    async def _add(self, asked: Add) -> dict[str, Any]:
        bare = [one.text for one in asked.items if one.vector is None]
        made = iter(await self._vectors(bare))
        items = [
            Item(
                id=one.id or time_ordered(self._clock.now(), os.urandom(10)), text=one.text, metadata=one.metadata,
                vector=next(made) if one.vector is None else one.vector,
            )
            for one in asked.items
        ]  # fmt: skip
        await self._store.upsert(self._scope, items)
        return {"ids": [one.id for one in items]}

    async def _search(self, asked: Search) -> dict[str, Any]:
        if bool(asked.text) == (asked.vector is not None):
            raise InvalidConfigError(
                "search: one of text and vector says what is looked for", path="text", found="both" if asked.text else "neither",
                expected="a text or a vector",
            )  # fmt: skip
        vector = asked.vector if asked.vector is not None else (await self._vectors([asked.text]))[0]
        return {"matches": to_builtins(await self._store.search(self._scope, vector, k=asked.k, where=asked.where))}

    async def _get(self, asked: Get) -> dict[str, Any]:
        found = await self._store.get(self._scope, asked.ids)
        return {"items": [{"id": one.id, "text": one.text, "metadata": one.metadata} for one in found]}

    async def _delete(self, asked: Delete) -> dict[str, Any]:
        return {"deleted": await self._store.delete(self._scope, ids=asked.ids, where=asked.where)}

    async def _count(self, asked: Count) -> dict[str, Any]:
        return {"count": await self._store.count(self._scope, asked.where)}

    async def _vectors(self, texts: list[str]) -> list[list[float]]:
        if not texts:
            return []
        if self._embed is None:
            raise InvalidConfigError(
                f"memory '{self._scope.name}' has no model that embeds texts", path="vector", found="no vector", expected="a vector",
                suggestions=["bring vectors", "name a route in the memory's `embedding`"],
            )  # fmt: skip
        return await self._embed(texts)
