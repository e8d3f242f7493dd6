"""The objects of AgentTypes: made, kept and removed, those of kinds that a cluster may not have among them."""

from typing import Any

import msgspec

from outrider.controller.children import Children, Wanted, owned, wanted
from outrider.controller.definitions import AGENT_TYPES
from outrider.core.errors import OutriderError, UnsupportedError
from outrider.kinds.agenttype.manifests import LABEL
from outrider.ports.kube.cache import Change, IndexFunction, by_owner
from outrider.ports.kube.client import KubeClient
from outrider.ports.kube.controller import Controller, owner_keys
from outrider.ports.kube.informer import Informer
from outrider.ports.kube.manager import Manager
from outrider.ports.kube.objects import KubeObject, plain
from outrider.ports.kube.reflector import Selection
from outrider.ports.kube.resources import (
    AUTOSCALERS,
    CONFIG_MAPS,
    CRDS,
    CRON_JOBS,
    DEPLOYMENTS,
    DISRUPTION_BUDGETS,
    NETWORK_POLICIES,
    SCALED_OBJECTS,
    SERVICE_ACCOUNTS,
    SERVICES,
    VOLUME_CLAIMS,
    Resource,
)

# What an AgentType may have, in the order in which it is made.
CHILD_KINDS: tuple[Resource, ...] = (
    SERVICE_ACCOUNTS, CONFIG_MAPS, VOLUME_CLAIMS, DEPLOYMENTS, CRON_JOBS, SERVICES, NETWORK_POLICIES, AUTOSCALERS, DISRUPTION_BUDGETS,
)  # fmt: skip
# Of these there is one or none: each refuses a Deployment that another one scales.
_SCALERS = (AUTOSCALERS, SCALED_OBJECTS)
_BY_KIND = {resource.kind: resource for resource in (*CHILD_KINDS, SCALED_OBJECTS)}
_OURS = Selection(labels=LABEL)
# Whose spec may need KEDA, at a glance.
_NEEDS_KEDA = b'"triggers"'


class Kept(msgspec.Struct):
    """What is there.

    Attributes:
        names: Of what is wanted, by kind.
        settled: Whether the cache has the Deployment, where there is one, as it is wanted.
        changed: Workloads that were written.
    """

    names: dict[Resource, list[str]]
    settled: bool
    changed: list[str]


class OwnedObjects:
    """The objects of AgentTypes.

    Args:
        client: Who is asked.
        manager: Whose caches are used.
        agents: The AgentTypes.
        name: Under which it writes what is others' to say.
    """

    def __init__(self, client: KubeClient, manager: Manager, agents: Informer, name: str) -> None:
        self._client, self._manager, self._agents, self._manager_name = client, manager, agents, name
        self._informers: dict[Resource, Informer] = {}
        self._children: dict[Resource, Children] = {}
        for resource in CHILD_KINDS:
            self._know(resource)
        self._keda = manager.informer(CRDS, selection=Selection(fields=f"metadata.name={SCALED_OBJECTS.title}"))
        self.deployments, self.config_maps = self._informers[DEPLOYMENTS], self._informers[CONFIG_MAPS].cache

    def follow(self, controller: Controller) -> None:
        """Have the AgentType be looked at to which something happens."""
        for resource in CHILD_KINDS:
            self._follow_one(controller, resource)

        def keda(change: Change) -> list[str]:
            if change.after is not None and SCALED_OBJECTS not in self._children:
                self._know(SCALED_OBJECTS)
                self._follow_one(controller, SCALED_OBJECTS, awaited=False)
            return [one.key for one in self._agents.cache if _NEEDS_KEDA in bytes(one.spec)]

        controller.follow(self._keda, keda)

    def _know(self, resource: Resource) -> None:
        """Have a cache of a kind, and whoever keeps its objects."""
        indexes: dict[str, IndexFunction] = {"owner": by_owner}
        if resource == DEPLOYMENTS:
            indexes["target"] = target_of
        informer = self._manager.informer(resource, selection=_OURS, indexes=indexes)
        self._informers[resource] = informer
        self._children[resource] = Children(self._client, resource, informer.cache, made_once=resource == VOLUME_CLAIMS)

    def _follow_one(self, controller: Controller, resource: Resource, *, awaited: bool = True) -> None:
        informer = self._informers[resource]
        controller.follow(informer, owner_keys(AGENT_TYPES), awaited=awaited)
        informer.on_change(self._children[resource].hear)

    async def keep(self, item: KubeObject, manifests: list[dict[str, Any]]) -> Kept:
        """Have objects be there.

        Raises:
            NameTakenError: There is another one of somebody else.
            UnsupportedError: The cluster has not the kind.
            OutriderError: What else the server says.
        """
        names: dict[Resource, list[str]] = {resource: [] for resource in self._children}
        kept = Kept(names, settled=True, changed=[])
        resources = [_BY_KIND[content["kind"]] for content in manifests]
        if not self._children.keys() >= set(resources):
            raise _no_keda()
        for resource, content in zip(resources, manifests, strict=True):
            names[resource].append(content["metadata"]["name"])
            if await self._keep_one(wanted(resource, content, item, AGENT_TYPES), item, kept):
                kept.changed.append(f"{resource.kind} {item.metadata.namespace}/{content['metadata']['name']}")
        return kept

    async def _keep_one(self, one: Wanted, item: KubeObject, kept: Kept) -> bool:
        """Have an object be there, and return whether a workload was written."""
        children = self._children[one.resource]
        if one.resource == DEPLOYMENTS:
            await self._leave_replicas(one, item)
        if one.resource in _SCALERS:
            await self._leave_scaling(one.resource, item)
        changed = await children.keep(one, item)
        if one.resource == DEPLOYMENTS:
            kept.settled = children.settled(one)
        return changed and one.resource in (DEPLOYMENTS, CRON_JOBS)

    async def remove_others(self, item: KubeObject, kept: Kept, *, complete: bool) -> None:
        """Remove what is no longer wanted.

        Args:
            item: The AgentType.
            kept: What is wanted.
            complete: Whether all pods are those that are wanted now: until then settings stay, as others have them.

        Raises:
            OutriderError: What the server says.
        """
        for resource, names in kept.names.items():
            # What an agent remembers goes with it, and not by a change of its spec.
            if resource != VOLUME_CLAIMS and (resource != CONFIG_MAPS or complete):
                await self._children[resource].remove_others(item, names)

    async def _leave_replicas(self, one: Wanted, item: KubeObject) -> None:
        """Keep a number of pods that is no longer ours to say: what nobody owns would fall back to one."""
        there = self.deployments.cache.get(one.key)
        if there is None or not owned(there, item) or "replicas" in one.content["spec"]:
            return
        if self._children[DEPLOYMENTS].settled(one):
            return
        replicas = plain(there.spec).get("replicas")
        content = {"metadata": there.identity, "spec": {"replicas": replicas}}
        await self._client.apply(DEPLOYMENTS, content, manager=f"{self._manager_name}-replicas", force=True)

    async def _leave_scaling(self, wanted_kind: Resource, item: KubeObject) -> None:
        """Remove an autoscaler of the other kind first: KEDA refuses a Deployment that has one."""
        for other in _SCALERS:
            if other != wanted_kind and other in self._children:
                await self._children[other].remove_others(item, [])


def agent_of(item: KubeObject | None) -> list[str]:
    """Return the key of the AgentType whose label an object has."""
    name = item.metadata.labels.get(LABEL) if item is not None else None
    return [f"{item.metadata.namespace}/{name}"] if item is not None and name else []


def maker_of(item: KubeObject) -> str:
    """Return the name of the AgentType that an object was made for; empty where it is somebody else's."""
    return next((one.name for one in item.metadata.owner_references if one.kind == AGENT_TYPES.kind), "")


def target_of(item: KubeObject) -> list[str]:
    """Index: the key of the AgentType whose mark a Deployment of somebody else has."""
    return [] if maker_of(item) else agent_of(item)


def _no_keda() -> OutriderError:
    return UnsupportedError(
        "scaling by triggers needs KEDA, and the cluster has none", path="spec.scaling.triggers", found=f"no kind {SCALED_OBJECTS.title}",
        expected="KEDA", suggestions=["install KEDA, or remove triggers"],
    )  # fmt: skip
