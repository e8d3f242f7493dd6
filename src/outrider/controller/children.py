"""Objects that belong to another one: made, kept as they are wanted, and removed when they no longer are.

What is wanted has a digest, which stands in an annotation of the object: so a controller that starts anew sees, without a
request, that nothing is to be done. That somebody else has changed an object since is seen by its generation, or where it has
none by its version.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from outrider.core.codec import digest
from outrider.core.errors import ConflictError, NotFoundError
from outrider.ports.kube.cache import ObjectCache
from outrider.ports.kube.client import KubeClient
from outrider.ports.kube.objects import KubeObject
from outrider.ports.kube.resources import Resource

INTENT = "outrider.dev/intent"
_DIGEST = 32


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
        return f"{metadata['namespace']}/{metadata['name']}"


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
    """

    def __init__(self, client: KubeClient, resource: Resource, cache: ObjectCache) -> None:
        self.resource, self.cache = resource, cache
        self._client = client
        # By uid: as it was when it last had what is wanted of it.
        self._settled: dict[str, str] = {}

    async def keep(self, one: Wanted, owner: KubeObject) -> bool:
        """Have an object be as it is wanted, and return whether anything was written.

        Raises:
            NameTakenError: There is another one of its name that belongs to somebody else.
            OutriderError: What else the server says.
        """
        there = self.cache.get(one.key)
        if there is not None and not owned(there, owner):
            raise _taken(one, there)
        if there is None:
            await self._check_free(one, owner)
        elif self._settles(there, one):
            return False
        else:
            # This very object is meant: one that was deleted meanwhile is not to come back by itself.
            one.content["metadata"]["uid"] = there.metadata.uid
        written = await self._client.apply(self.resource, one.content, force=True)
        metadata = written.object["metadata"]
        self._settled[metadata["uid"]] = _mark(int(metadata.get("generation", 0)), str(metadata["resourceVersion"]))
        return True

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

    def forget(self, uid: str) -> None:
        """Forget an object that is gone."""
        self._settled.pop(uid, None)

    def _settles(self, there: KubeObject, one: Wanted) -> bool:
        """Return whether an object is as it is wanted."""
        if there.metadata.annotations.get(INTENT) != one.intent:
            return False
        mark = _mark(there.metadata.generation, there.metadata.resource_version)
        # Seen for the first time by this process: what its annotation says is believed.
        return self._settled.setdefault(there.metadata.uid, mark) == mark

    async def _check_free(self, one: Wanted, owner: KubeObject) -> None:
        """Check that no object of somebody else has the name; the cache holds those with our label alone."""
        metadata = one.content["metadata"]
        try:
            found = await self._client.get(self.resource, metadata["name"], metadata["namespace"])
        except NotFoundError:
            return
        owners = found["metadata"].get("ownerReferences") or ()
        if not any(each.get("uid") == owner.metadata.uid for each in owners):
            raise _taken(one, None)


def owned(there: KubeObject, owner: KubeObject) -> bool:
    """Return whether an object belongs to an owner."""
    return any(each.uid == owner.metadata.uid for each in there.metadata.owner_references)


def _mark(generation: int, version: str) -> str:
    return f"g{generation}" if generation else version


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
