"""Objects of all kinds in memory, under versions that grow, with a bounded history of each kind.

Documents that are stored are never changed afterwards: a write makes a new one. Whoever gets one must not change it either.
"""

import asyncio
import itertools
from collections import deque
from collections.abc import Iterator
from typing import Literal

import msgspec

from tests.servers.kube_api.errors import Document, expired, no_such_path, no_such_resource
from tests.servers.kube_api.kinds import Kind

Key = tuple[str, str]
ChangeType = Literal["ADDED", "MODIFIED", "DELETED"]


class Change(msgspec.Struct, frozen=True):
    """What a write did.

    Attributes:
        version: That of the write.
        key: Namespace and name.
        type: ADDED, MODIFIED or DELETED.
        object: What is there after it; of what is deleted, its last state with the version of the deletion.
        before: What was there before it.
    """

    version: int
    key: Key
    type: ChangeType
    object: Document
    before: Document | None


class Mark(msgspec.Struct, frozen=True):
    """A version up to which there are no more changes to tell."""

    version: int


class End(msgspec.Struct, frozen=True):
    """There will be nothing more."""


Item = Change | Mark | End
Queue = asyncio.Queue[Item]


class Collection:
    """The objects of one kind.

    Attributes:
        kind: Which.
        objects: By namespace and name.
        oldest: The oldest version from which the history is whole.
        queues: Of those who watch.
    """

    def __init__(self, kind: Kind, version: int, limit: int) -> None:
        self.kind = kind
        self.objects: dict[Key, Document] = {}
        self.oldest = version
        self.queues: set[Queue] = set()
        self._history: deque[Change] = deque()
        self._limit = limit

    def record(self, change: Change) -> None:
        """Keep a change for those who come later, and tell those who watch."""
        self._history.append(change)
        if len(self._history) > self._limit:
            self.oldest = self._history.popleft().version
        self.tell(change)

    def tell(self, item: Item) -> None:
        """Tell those who watch."""
        for queue in self.queues:
            queue.put_nowait(item)

    def since(self, version: int) -> list[Change]:
        """Return the changes after a version.

        Raises:
            ApiError: It is forgotten (410).
        """
        if version < self.oldest:
            raise expired(version, self.oldest)
        return [change for change in self._history if change.version > version]

    def at(self, version: int) -> dict[Key, Document]:
        """Return the objects that were there at a version.

        Raises:
            ApiError: It is forgotten (410).
        """
        objects = dict(self.objects)
        for change in reversed(self.since(version)):
            if change.before is None:
                del objects[change.key]
            else:
                objects[change.key] = change.before
        return objects

    def forget(self, version: int) -> None:
        """Keep no history of what was before a version."""
        self._history.clear()
        self.oldest = version


class Store:
    """All kinds.

    Args:
        limit: Changes of each kind that are remembered.

    Attributes:
        version: Of the last write of any kind.
    """

    def __init__(self, limit: int) -> None:
        self.version = 100
        self._limit = limit
        self._collections: dict[str, Collection] = {}
        self._uids = itertools.count(1)

    @property
    def kinds(self) -> list[Kind]:
        """All, in the order of their registration."""
        return [collection.kind for collection in self._collections.values()]

    def register(self, kind: Kind) -> None:
        """Serve a kind from now on, without objects."""
        self._collections[kind.path] = Collection(kind, self.version, self._limit)

    def drop(self, path: str) -> None:
        """Serve a kind no longer; its watches end."""
        collection = self._collections.pop(path)
        collection.tell(End())

    def collection(self, path: str) -> Collection:
        """Return the objects of a kind.

        Args:
            path: `GROUP/VERSION/PLURAL`.

        Raises:
            ApiError: There is none (404).
        """
        found = self._collections.get(path)
        if found is None:
            group = path.rpartition("/")[0]
            ours = any(kind.builtin and kind.api_version == group for kind in self.kinds)
            raise no_such_resource() if ours else no_such_path()
        return found

    def find(self, name: str) -> Collection:
        """Return the objects of the kind of this path, or of the only one of this plural.

        Raises:
            KeyError: There is none, or there are several.
        """
        if name in self._collections:
            return self._collections[name]
        found = [one for one in self._collections.values() if one.kind.plural == name]
        if len(found) != 1:
            raise KeyError(name)
        return found[0]

    def __iter__(self) -> Iterator[Collection]:
        return iter(self._collections.values())

    def next_uid(self) -> str:
        """Return a uid that no object has had."""
        return f"00000000-0000-4000-8000-{next(self._uids):012x}"

    def bump(self) -> int:
        """Return the version of a new write."""
        self.version += 1
        return self.version

    def put(self, collection: Collection, key: Key, document: Document) -> Document:
        """Store an object, new or changed, and return it with its version."""
        version = self.bump()
        before = collection.objects.get(key)
        stored = with_version(document, version)
        collection.objects[key] = stored
        collection.record(Change(version, key, "MODIFIED" if before else "ADDED", stored, before))
        return stored

    def remove(self, collection: Collection, key: Key, last: Document | None = None) -> Document:
        """Take an object away and return its last state with the version of its deletion.

        Args:
            collection: Those of its kind.
            key: Which.
            last: Its last state, if that is not the one that is stored.
        """
        version = self.bump()
        before = collection.objects.pop(key)
        gone = with_version(last or before, version)
        collection.record(Change(version, key, "DELETED", gone, before))
        return gone


def with_version(document: Document, version: int) -> Document:
    """Return an object as of another version."""
    return {**document, "metadata": {**document["metadata"], "resourceVersion": str(version)}}
