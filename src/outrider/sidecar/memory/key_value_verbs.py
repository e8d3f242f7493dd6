"""What an agent can do with values by key."""

from typing import Annotated, Any

import msgspec

from outrider.core.codec import to_builtins
from outrider.sidecar.memory.limits import MAX_LISTED, MAX_TTL
from outrider.sidecar.memory.model import Scope
from outrider.sidecar.memory.store import DEFAULT_LIMIT, KeyValueStore
from outrider.sidecar.memory.verbs import Arguments, Verb

Version = Annotated[int, msgspec.Meta(ge=0)]


class Get(Arguments):
    """The key that is wanted."""

    key: str


class Put(Arguments):
    """A value; with `if_version` it is written only where that is still the key's version, 0 for none."""

    key: str
    value: Any
    ttl: Annotated[float, msgspec.Meta(gt=0, le=MAX_TTL)] | None = None
    if_version: Version | None = None


class Delete(Arguments):
    """The key that is to be deleted."""

    key: str
    if_version: Version | None = None


class List(Arguments):
    """Which part of the list is wanted."""

    prefix: str = ""
    limit: Annotated[int, msgspec.Meta(ge=1, le=MAX_LISTED)] = DEFAULT_LIMIT
    after: str = ""


class KeyValueVerbs:
    """The verbs of a memory.

    Args:
        store: Where it is kept.
        scope: Which one it is.
    """

    def __init__(self, store: KeyValueStore, scope: Scope) -> None:
        self._store, self._scope = store, scope

    def verbs(self) -> list[Verb]:
        """Return all of them."""
        return [
            Verb(
                name="get", does="Return the value of a key with its version; null where there is none.", arguments=Get,
                run=self._get, reads=True,
            ),
            Verb(
                name="put", does="Write the value of a key, for some seconds (ttl) or until it is deleted.", arguments=Put,
                run=self._put, destroys=True, repeats=True,
            ),
            Verb(
                name="delete", does="Delete a key.", arguments=Delete, run=self._delete, destroys=True, repeats=True
            ),
            Verb(
                name="list", does="List entries whose keys begin with a prefix, by key.", arguments=List, run=self._list,
                reads=True,
            ),
        ]  # fmt: skip

    async def _get(self, asked: Get) -> dict[str, Any]:
        return {"entry": to_builtins(await self._store.get(self._scope, asked.key))}

    async def _put(self, asked: Put) -> dict[str, Any]:
        entry = await self._store.put(self._scope, asked.key, asked.value, ttl=asked.ttl, if_version=asked.if_version)
        return {"version": entry.version, "expires": entry.expires}

    async def _delete(self, asked: Delete) -> dict[str, Any]:
        return {"deleted": await self._store.delete(self._scope, asked.key, if_version=asked.if_version)}

    async def _list(self, asked: List) -> dict[str, Any]:
        found = await self._store.list(self._scope, asked.prefix, limit=asked.limit, after=asked.after)
        return {"entries": to_builtins(list(found))}
