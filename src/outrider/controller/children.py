"""Objects that belong to another one: made, kept as they are wanted, and removed when they no longer are.

What is wanted has a digest, which stands in an annotation of the object: so a controller that starts anew sees, without a
request, that nothing is to be done. That is not believed alone: each version of the object is compared once with what is wanted.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import msgspec

from outrider.core.codec import digest
from outrider.core.errors import ConflictError, InvalidConfigError, NotFoundError
from outrider.ports.kube.answers import Written
from outrider.ports.kube.cache import Change, ObjectCache
from outrider.ports.kube.client import KubeClient
from outrider.ports.kube.objects import KubeObject, plain, read_object
from outrider.ports.kube.resources import Resource

INTENT = "outrider.dev/intent"
_DIGEST = 32
# What of an object is compared with what is wanted.
_PARTS = ("spec", "data")


class NameTakenError(ConflictError):
    """An object of somebody else has the name of one that is wanted."""


class Wanted(msgspec.Struct, frozen=True):
    """An object that is wanted.

    Attributes:
        resource: Its kind.
        content: What is wanted of it, with owner and digest.
        intent: The digest.
    """

    resource: Resource
    content: dict[str, Any]
    intent: str

    @property
    def key(self) -> str:
        """`NAMESPACE/NAME`."""
        metadata = self.content["metadata"]
        return "/".join(filter(None, (metadata.get("namespace"), metadata["name"])))


def wanted(resource: Resource, content: dict[str, Any], owner: KubeObject, owner_resource: Resource) -> Wanted:
    """Return an object as it is applied.

    Args:
        resource: Its kind.
        content: What is wanted of it.
        owner: Who controls it; with that one it goes away.
        owner_resource: The owner's kind.
    """
    reference = {
        "apiVersion": owner_resource.api_version, "kind": owner_resource.kind, "name": owner.metadata.name, "uid": owner.metadata.uid,
        "controller": True, "blockOwnerDeletion": True,
    }  # fmt: skip
    intent = digest(content)[:_DIGEST]
    annotations = {**content["metadata"].get("annotations", {}), INTENT: intent}
    metadata = {**content["metadata"], "annotations": annotations, "ownerReferences": [reference]}
    return Wanted(resource, {**content, "metadata": metadata}, intent)


class Children:
    """The objects of one kind that belong to others.

    Args:
        client: Who is asked.
        resource: Their kind.
        cache: As the cluster has them.
        made_once: Whether one that is there is never changed, as volumes are whose size others have raised.
    """

    def __init__(self, client: KubeClient, resource: Resource, cache: ObjectCache, *, made_once: bool = False) -> None:
        self.resource, self.cache = resource, cache
        self._client, self._made_once = client, made_once
        # By uid: the version in which it was seen to be as wanted.
        self._settled: dict[str, str] = {}

    async def keep(self, one: Wanted, owner: KubeObject) -> bool:
        """Have an object be as it is wanted, and return whether that has changed anything.

        Raises:
            NameTakenError: There is another one of its name that belongs to somebody else.
            OutriderError: What else the server says.
        """
        there = self.cache.get(one.key)
        if there is None:
            there = await self._unlabelled(one)
        if there is not None and not owned(there, owner):
            await self._make_room(one, there, owner)
            there = None
        if there is not None and (self._made_once or self._settles(there, one)):
            return False
        if there is not None:
            # This very object is meant: one that was deleted meanwhile is not to come back by itself.
            one.content["metadata"]["uid"] = there.metadata.uid
        written = await self._write(one, there)
        metadata = written.object["metadata"]
        self._settled[metadata["uid"]] = str(metadata["resourceVersion"])
        return there is None or there.metadata.resource_version != metadata["resourceVersion"]

    async def _write(self, one: Wanted, there: KubeObject | None) -> Written:
        """Have an object be as it is wanted, also where others have put items of their own into its lists."""
        refused: InvalidConfigError | None = None
        try:
            written = await self._client.apply(self.resource, one.content, force=True)
            if there is None or _holds(read_object(written.object), one.content):
                return written
        except InvalidConfigError as error:
            if there is None:
                raise
            refused = error  # what is ours does not go together with what is theirs
        # Applied lists are joined with items of others. These replace them, and so all goes that is not wanted.
        metadata = one.content["metadata"]
        content = {name: value for name, value in one.content.items() if name in _PARTS}
        change = {
            "metadata": {name: metadata[name] for name in ("uid", "labels", "annotations") if name in metadata},
            **content,
        }
        try:
            return await self._client.patch(self.resource, metadata["name"], metadata["namespace"], change)
        except InvalidConfigError as error:
            raise refused or error from error

    def settled(self, one: Wanted) -> bool:
        """Return whether the cache has an object as it is wanted."""
        there = self.cache.get(one.key)
        return there is not None and self._settles(there, one)

    async def remove_others(self, owner: KubeObject, names: Sequence[str]) -> None:
        """Remove the objects of an owner that are no longer wanted.

        Args:
            owner: Whose.
            names: Of those that are wanted.

        Raises:
            OutriderError: What the server says.
        """
        for there in self.cache.found("owner", owner.metadata.uid):
            if there.metadata.name not in names and not there.metadata.deletion_timestamp:
                try:
                    await self._client.delete(
                        self.resource, there.metadata.name, there.metadata.namespace, uid=there.metadata.uid
                    )
                except NotFoundError:
                    continue

    def hear(self, change: Change, first: bool) -> None:
        """Forget an object that is gone; a handler of its informer."""
        del first
        if change.type == "deleted" and change.before is not None:
            self._settled.pop(change.before.metadata.uid, None)

    def _settles(self, there: KubeObject, one: Wanted) -> bool:
        """Return whether an object is as it is wanted: that its annotation says so is not enough."""
        uid, version = there.metadata.uid, there.metadata.resource_version
        if there.metadata.annotations.get(INTENT) != one.intent:
            return False
        if self._settled.get(uid) != version:
            if not _holds(there, one.content):
                return False
            self._settled[uid] = version
        return True

    async def _unlabelled(self, one: Wanted) -> KubeObject | None:
        """Return an object of the name that the cache does not have, which holds those with our label alone."""
        metadata = one.content["metadata"]
        try:
            found = await self._client.get(self.resource, metadata["name"], metadata["namespace"])
        except NotFoundError:
            return None
        return read_object(found)

    async def _make_room(self, one: Wanted, there: KubeObject, owner: KubeObject) -> None:
        """Remove an object of an owner of the same name that is gone, which Kubernetes would do too, but may take its time.

        Raises:
            NameTakenError: It belongs to somebody else.
            ConflictError: It stays for a while.
        """
        controller = next((each for each in there.metadata.owner_references if each.controller), None)
        reference = one.content["metadata"]["ownerReferences"][0]
        # Where the names are the same there is one such object at a time: another uid is that of one which is gone.
        if controller is None or (controller.kind, controller.name) != (reference["kind"], owner.metadata.name):
            raise _taken(one, there)
        with suppress(NotFoundError):
            await self._client.delete(
                self.resource, there.metadata.name, there.metadata.namespace, uid=there.metadata.uid
            )
        if there.metadata.finalizers or there.metadata.deletion_timestamp:
            raise ConflictError(
                f"{one.resource.kind} {one.key} of a {controller.kind} that is gone is being removed",
                found=one.key,
                expected="its end",
            )


def _holds(there: KubeObject, content: Mapping[str, Any]) -> bool:
    """Return whether an object has all that is wanted of it; what others have added does not count."""
    metadata, labels = content["metadata"], there.metadata.labels
    if not all(labels.get(name) == value for name, value in metadata.get("labels", {}).items()):
        return False
    for name in _PARTS:
        raw: msgspec.Raw = getattr(there, name)
        if name in content and not _within(content[name], plain(raw)):
            return False
    return True


def _within(wanted: Any, found: Any) -> bool:
    """Return whether a value has all that is wanted of it. What says nothing (an empty text, false) the server may leave out."""
    # Of ten thousand agents each start looks at all of it: what is the same is seen without a look at its parts.
    if wanted == found:
        return True
    if type(wanted) is dict and wanted:
        if type(found) is not dict:
            return False
        for name, value in wanted.items():
            there = found.get(name)
            if there != value and not _within(value, there):
                return False
        return True
    if type(wanted) is list and wanted:
        return type(found) is list and len(found) == len(wanted) and all(map(_within, wanted, found))
    return not wanted and found is None


def owned(there: KubeObject, owner: KubeObject) -> bool:
    """Return whether an object belongs to an owner."""
    return any(each.uid == owner.metadata.uid for each in there.metadata.owner_references)


def _taken(one: Wanted, there: KubeObject | None) -> NameTakenError:
    by = (
        there.metadata.owner_references[0].name
        if there is not None and there.metadata.owner_references
        else "nobody of ours"
    )
    return NameTakenError(
        f"{one.resource.kind} {one.key} is there already and belongs to {by}", found=one.key, expected="a name that is free",
        suggestions=[f"rename the AgentType, or remove the {one.resource.kind}"],
    )  # fmt: skip
