"""What is known of all objects of one kind: as the API server told it last, with indexes, never asked and never changed by readers."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Literal

import msgspec

from outrider.core.errors import NotFoundError
from outrider.ports.kube.objects import KubeObject

IndexFunction = Callable[[KubeObject], Iterable[str]]
ChangeType = Literal["added", "updated", "deleted"]


class Change(msgspec.Struct, frozen=True, gc=False):
    """What a controller hears of an object.

    Attributes:
        before: As it was; None where it is new.
        after: As it is; None where it is gone. Its last state may not have been seen then.
    """

    type: ChangeType
    key: str
    before: KubeObject | None
    after: KubeObject | None


def by_namespace(item: KubeObject) -> Iterable[str]:
    """Index: the namespace."""
    return (item.metadata.namespace,)


def by_owner(item: KubeObject) -> Iterable[str]:
    """Index: the uids of all owners."""
    return [owner.uid for owner in item.metadata.owner_references]


class ObjectCache:
    """The objects of one kind, by their keys.

    Args:
        indexes: Functions that give the values under which an object is found, by name of the index.
    """

    def __init__(self, indexes: Mapping[str, IndexFunction] | None = None) -> None:
        self._objects: dict[str, KubeObject] = {}
        self._functions = dict(indexes or {})
        self._indexes: dict[str, dict[str, set[str]]] = {name: {} for name in self._functions}

    def __len__(self) -> int:
        return len(self._objects)

    def __iter__(self) -> Iterator[KubeObject]:
        return iter(self._objects.values())

    def __contains__(self, key: str) -> bool:
        return key in self._objects

    def get(self, key: str) -> KubeObject | None:
        """Return an object, or None."""
        return self._objects.get(key)

    def found(self, index: str, value: str) -> list[KubeObject]:
        """Return the objects that an index has under a value.

        Raises:
            NotFoundError: There is no such index.
        """
        values = self._indexes.get(index)
        if values is None:
            raise NotFoundError(
                f"the cache has no index '{index}'", found=index, expected=", ".join(self._indexes) or "an index"
            )
        return [self._objects[key] for key in values.get(value, ())]

    def observe(self, item: KubeObject, *, gone: bool = False) -> list[Change]:
        """Take an object as a watch tells it, and return what that changes.

        One that was seen in this version already changes nothing. Where another object has taken its name, the old one has gone.

        Args:
            item: The object; of one that is gone its last state.
            gone: Whether it was deleted.
        """
        key = item.key
        before = self._objects.get(key)
        if gone:
            return [] if before is None else [self._removed(key, before)]
        if before is None:
            return [self._put(key, None, item)]
        if before.metadata.uid != item.metadata.uid:
            return [self._removed(key, before), self._put(key, None, item)]
        if before.metadata.resource_version == item.metadata.resource_version:
            return []
        return [self._put(key, before, item)]

    def replace(self, items: Iterable[KubeObject]) -> list[Change]:
        """Take all objects as a list tells them, and return what that changes; what is not among them has gone unseen."""
        listed = {item.key: item for item in items}
        changes = [
            self._removed(key, self._objects[key]) for key in [key for key in self._objects if key not in listed]
        ]
        for item in listed.values():
            changes += self.observe(item)
        return changes

    def _put(self, key: str, before: KubeObject | None, item: KubeObject) -> Change:
        item = item.kept()
        # Before anything is changed: what a function raises must not leave half of it done.
        found = {name: list(function(item)) for name, function in self._functions.items()}
        self._unindex(key, before)
        self._objects[key] = item
        for name, values in found.items():
            index = self._indexes[name]
            for value in values:
                index.setdefault(value, set()).add(key)
        return Change("added" if before is None else "updated", key, before, item)

    def _removed(self, key: str, before: KubeObject) -> Change:
        self._unindex(key, before)
        del self._objects[key]
        return Change("deleted", key, before, None)

    def _unindex(self, key: str, before: KubeObject | None) -> None:
        for name, function in self._functions.items() if before is not None else ():
            values = self._indexes[name]
            for value in function(before) if before is not None else ():
                keys = values.get(value)
                if keys is not None:
                    keys.discard(key)
                    if not keys:
                        del values[value]
