"""Deployments that are there already: a mark on their template has their pods given a sidecar, and nothing else of them is written.

The mark is owned by a field manager of its own, so that taking it back leaves the Deployment as it was. As that must happen before
an AgentType is gone, the AgentType is held by a finalizer while a Deployment has its mark.
"""

from typing import Any

from outrider.controller.children import NameTakenError
from outrider.controller.definitions import AGENT_TYPES
from outrider.controller.owned import maker_of, target_of
from outrider.core.errors import NotFoundError
from outrider.kinds.agenttype.injection import INJECT, INJECTED
from outrider.kinds.agenttype.manifests import LABEL
from outrider.kinds.agenttype.target import TargetRef
from outrider.ports.kube.cache import ObjectCache
from outrider.ports.kube.client import KubeClient
from outrider.ports.kube.finalizers import add_finalizer, remove_finalizer
from outrider.ports.kube.objects import KubeObject, plain, read_object
from outrider.ports.kube.resources import DEPLOYMENTS

FINALIZER = "outrider.dev/target"
MANAGER = "outrider-agenttype-target"


class TargetMissingError(NotFoundError):
    """The Deployment that an AgentType is for is not there."""


class Targets:
    """The Deployments that AgentTypes are for.

    Args:
        client: Who is asked.
        cache: The Deployments that have our label, with the index `target`.
    """

    def __init__(self, client: KubeClient, cache: ObjectCache) -> None:
        self._client, self._cache = client, cache

    async def find(self, item: KubeObject, ref: TargetRef) -> KubeObject:
        """Return the Deployment of an AgentType.

        Raises:
            TargetMissingError: It is not there.
            NameTakenError: It belongs to another AgentType.
            OutriderError: What else the server says.
        """
        metadata = item.metadata
        found = self._cache.get(f"{metadata.namespace}/{ref.name}")
        if found is None:
            found = await self._unlabelled(metadata.namespace, ref)
        holder = found.metadata.labels.get(LABEL, metadata.name)
        made_by = maker_of(found)
        if holder != metadata.name or made_by:
            raise NameTakenError(
                f"Deployment {found.key} belongs to AgentType {made_by or holder} already", found=made_by or holder,
                expected="a Deployment of nobody else", suggestions=["name another Deployment, or remove the other AgentType"],
            )  # fmt: skip
        return found

    async def attach(self, item: KubeObject, ref: TargetRef, there: KubeObject, digest: str) -> bool:
        """Have the pods of a Deployment given a sidecar, and return whether that had to be written.

        Args:
            item: The AgentType, which is held from then on.
            ref: How it names the Deployment.
            there: The Deployment.
            digest: Of what its pods are given; another one makes other pods.

        Raises:
            OutriderError: What the server says.
        """
        await add_finalizer(self._client, AGENT_TYPES, item, FINALIZER)
        name = item.metadata.name
        labels, annotations = {LABEL: name, INJECT: ref.on_failure}, {INJECTED: digest}
        found = _template(there)
        if (
            there.metadata.labels.get(LABEL) == name
            and labels.items() <= found["labels"].items()
            and annotations.items() <= found["annotations"].items()
        ):
            return False
        metadata = {**there.identity, "labels": {LABEL: name}}
        template = {"metadata": {"labels": labels, "annotations": annotations}}
        await self._apply({"metadata": metadata, "spec": {"template": template}})
        return True

    async def release_others(self, item: KubeObject, keep: str = "") -> None:
        """Take the mark back from all Deployments of an AgentType but one, and hold the AgentType no longer where none is left.

        Args:
            item: The AgentType.
            keep: Name of the Deployment that it is for.

        Raises:
            OutriderError: What the server says.
        """
        await self.release(item.key, keep)
        if not keep and FINALIZER in item.metadata.finalizers:
            await remove_finalizer(self._client, AGENT_TYPES, item, FINALIZER)

    async def release(self, agent: str, keep: str = "") -> None:
        """Take the mark back from all Deployments of an AgentType, which may be gone, but one.

        Args:
            agent: Its key.
            keep: Name of that Deployment.

        Raises:
            OutriderError: What the server says.
        """
        for there in self._cache.found("target", agent):
            if there.metadata.name != keep and INJECTED in _template(there)["annotations"]:
                await self._release(there)

    async def _release(self, there: KubeObject) -> None:
        try:
            await self._apply({"metadata": there.identity})
        except NotFoundError:
            return  # with it went its mark

    async def _apply(self, content: dict[str, Any]) -> None:
        await self._client.apply(DEPLOYMENTS, content, manager=MANAGER, force=True)

    async def _unlabelled(self, namespace: str, ref: TargetRef) -> KubeObject:
        """Return a Deployment that the cache does not have, which holds those with our label alone."""
        try:
            found = await self._client.get(DEPLOYMENTS, ref.name, namespace)
        except NotFoundError as error:
            raise TargetMissingError(
                f"there is no Deployment {namespace}/{ref.name}", path="spec.targetRef.name", found=ref.name, expected="a Deployment of its namespace",
                suggestions=["create it, or correct the name"],
            ) from error  # fmt: skip
        return read_object(found)


async def let_go(client: KubeClient) -> None:
    """Take all marks back and hold no AgentType any longer; for when no controller is there that does it.

    Raises:
        OutriderError: What the server says.
    """
    cache = ObjectCache({"target": target_of})
    for content in await client.list(DEPLOYMENTS, labels=LABEL):
        cache.observe(read_object(content))
    targets = Targets(client, cache)
    for content in await client.list(AGENT_TYPES):
        await targets.release_others(read_object(content))


async def hold_no_longer(client: KubeClient) -> None:
    """Hold no AgentType any longer, and leave all else as it is: nobody is to wait for a controller that is not there.

    Raises:
        OutriderError: What the server says.
    """
    for content in await client.list(AGENT_TYPES):
        await remove_finalizer(client, AGENT_TYPES, read_object(content), FINALIZER)


def pods_of(there: KubeObject) -> dict[str, Any]:
    """Return the template of a Deployment's pods: metadata and spec."""
    template: dict[str, Any] = plain(there.spec).get("template") or {}
    return template


def attached(there: KubeObject, digest: str) -> bool:
    """Return whether the pods of a Deployment are given what has this digest."""
    return bool(_template(there)["annotations"].get(INJECTED) == digest)


def _template(there: KubeObject) -> dict[str, dict[str, str]]:
    metadata = pods_of(there).get("metadata") or {}
    return {name: metadata.get(name) or {} for name in ("labels", "annotations")}
