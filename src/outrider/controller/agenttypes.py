"""The controller of AgentTypes: what one declares is there, and its status says how that does."""

from typing import Any

import msgspec

from outrider.controller.children import NameTakenError
from outrider.controller.conditions import Seen
from outrider.controller.definitions import AGENT_TYPES, MODEL_PROVIDERS, TOOLS
from outrider.controller.owned import OwnedObjects, agent_of
from outrider.controller.references import Named, named, read_agent
from outrider.controller.reporting import Reporter
from outrider.controller.sidecars import Sidecars
from outrider.controller.status import AgentTypeStatus
from outrider.controller.targets import TargetMissingError, Targets, attached, pods_of
from outrider.core.errors import (
    ConflictError,
    ConnectionFailedError,
    DeadlineExceededError,
    InvalidConfigError,
    LimitedError,
    NotFoundError,
    OutriderError,
    UnavailableError,
)
from outrider.core.objects import Object
from outrider.kinds.agenttype.injection import injection
from outrider.kinds.agenttype.manifests import LABEL, kubernetes_manifests
from outrider.kinds.agenttype.pod import Images
from outrider.kinds.agenttype.pod_settings import PodSettings
from outrider.kinds.agenttype.target import TargetRef
from outrider.ports.clock import Clock, SystemClock
from outrider.ports.kube.cache import Change, by_namespace
from outrider.ports.kube.client import KubeClient
from outrider.ports.kube.controller import After, Controller, Work
from outrider.ports.kube.events import Recorder, Subject
from outrider.ports.kube.manager import Manager
from outrider.ports.kube.metrics import ControllerMetrics
from outrider.ports.kube.objects import KubeObject, plain
from outrider.ports.kube.reflector import Selection
from outrider.ports.kube.resources import (
    DEPLOYMENTS,
    PODS,
)

NAME = "agenttype"
# What is none of the AgentType's fault passes by itself.
_PASSING = (UnavailableError, LimitedError, ConnectionFailedError, DeadlineExceededError, ConflictError)


class Plan(msgspec.Struct, frozen=True):
    """What is to be done for an AgentType.

    Attributes:
        manifests: Objects that are to be there.
        told: What its sidecars are told; of a target `fixed` is the digest of all that its pods are given.
        target: The Deployment that is there already, where it is for one.
    """

    manifests: list[dict[str, Any]]
    told: PodSettings
    target: KubeObject | None = None


class AgentTypes:
    """Reconciles AgentTypes.

    Args:
        client: Who is asked.
        manager: Whose caches are used.
        images: Of what stands beside the programs.
        recorder: Says what happens to whoever looks at an object.
        metrics: Where it is counted.
        clock: For times in the status.

    Attributes:
        config_maps: What sidecars are told.
    """

    def __init__(
        self,
        client: KubeClient,
        manager: Manager,
        images: Images,
        *,
        recorder: Recorder | None = None,
        metrics: ControllerMetrics | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._images, self._recorder = images, recorder
        self._reporter = Reporter(client, recorder, clock or SystemClock())
        self._agents = manager.informer(AGENT_TYPES, indexes={"namespace": by_namespace})
        self._tools = manager.informer(TOOLS, indexes={"namespace": by_namespace})
        self._providers = manager.informer(MODEL_PROVIDERS, indexes={"namespace": by_namespace})
        self._pods = manager.informer(PODS, selection=Selection(labels=LABEL), indexes={"agent": agent_of})
        self._owned = OwnedObjects(client, manager, self._agents, f"outrider-{NAME}")
        self._targets = Targets(client, self._owned.deployments.cache)
        self.config_maps = self._owned.config_maps
        self.controller = manager.add(Controller(NAME, self.reconcile, metrics=metrics, workers=16))
        self._sidecars = Sidecars(manager, self._pods, self.controller.add, metrics=metrics)
        self._follow()

    def _follow(self) -> None:
        self.controller.follow(self._agents)
        for informer in (self._tools, self._providers):
            self.controller.follow(informer, self._who_may_name)
        self._owned.follow(self.controller)
        for labelled in (self._pods, self._owned.deployments):
            self.controller.follow(labelled, lambda change: agent_of(change.after) + agent_of(change.before))

    def _who_may_name(self, change: Change) -> list[str]:
        item = change.after or change.before
        namespace = item.metadata.namespace if item is not None else ""
        return [agent.key for agent in self._agents.cache.found("namespace", namespace)]

    async def reconcile(self, work: Work) -> After | None:
        """Have what one AgentType declares be there, and say how it does.

        Raises:
            OutriderError: Something that may pass; it is tried again.
        """
        item = self._agents.cache.get(work.key)
        if item is None:
            # With it went all that it owned; a mark is left where nobody was there to take it back.
            await self._targets.release(work.key)
            return None
        if item.metadata.deletion_timestamp:
            await self._targets.release_others(item)
            return None
        status = AgentTypeStatus(observed_generation=item.metadata.generation)
        seen = Seen(item.metadata.generation)
        try:
            there = named(item.metadata.namespace, self._tools.cache, self._providers.cache)
            status.references = _named_by(item, there.digests)
            agent = read_agent(item)
            ref = agent.spec.target_ref
            plan = await self._plan(item, agent, there)
            status.tools, status.model = plan.told.tools, plan.told.model
            seen = await (self._keep_own(item, plan) if ref is None else self._keep_target(item, ref, plan))
        except OutriderError as error:
            if isinstance(error, _PASSING) and not isinstance(error, NameTakenError):
                raise
            seen = msgspec.structs.replace(seen, fault=error)
        await self._reporter.say(item, status, seen, self._sidecars.of(item.key))
        return _later(seen.fault)

    async def _plan(self, item: KubeObject, agent: Object, there: Named) -> Plan:
        namespace, ref = item.metadata.namespace, agent.spec.target_ref
        try:
            if ref is None:
                made = kubernetes_manifests(agent, namespace, there.references, self._images)
                return Plan(made.manifests, made.told)
            target = await self._targets.find(item, ref)
            made_for = injection(agent, namespace, there.references, self._images, pods_of(target))
            return Plan(made_for.manifests, made_for.told, target)
        except NotFoundError as error:
            broken = next(
                (f"{name}: {fault}" for name, fault in there.faults.items() if error.found == name.partition("/")[2]),
                "",
            )
            if not broken:
                raise
            raise InvalidConfigError(f"what it names cannot be read: {broken}", suggestions=["correct it"]) from error

    async def _keep_own(self, item: KubeObject, plan: Plan) -> Seen:
        """Have the objects of an agent whose pods are ours be there."""
        kept = await self._owned.keep(item, plan.manifests)
        for one in kept.changed:
            await self._applied(item, f"{one} is as declared")
        jobs = not kept.names[DEPLOYMENTS]
        deployment = None if jobs else self._owned.deployments.cache.get(item.key)
        seen = Seen(
            item.metadata.generation, jobs=jobs, deployment=deployment, current=kept.settled,
            pods=self._pods.cache.found("agent", item.key),
        )  # fmt: skip
        await self._targets.release_others(item)
        await self._owned.remove_others(item, kept, complete=seen.complete)
        return seen

    async def _keep_target(self, item: KubeObject, ref: TargetRef, plan: Plan) -> Seen:
        """Have the pods of a Deployment that is there already be given a sidecar."""
        assert plan.target is not None
        # What its pods are told is there before any of them.
        kept = await self._owned.keep(item, plan.manifests)
        await self._targets.release_others(item, ref.name)
        if await self._targets.attach(item, ref, plan.target, plan.told.fixed):
            await self._applied(item, f"pods of Deployment {plan.target.key} are given a sidecar")
        seen = Seen(
            item.metadata.generation, deployment=plan.target, current=attached(plan.target, plan.told.fixed),
            pods=self._pods.cache.found("agent", item.key), target=True,
        )  # fmt: skip
        await self._owned.remove_others(item, kept, complete=seen.complete)
        return seen

    async def _applied(self, item: KubeObject, note: str) -> None:
        if self._recorder is not None:
            await self._recorder.say(Subject(AGENT_TYPES, item), "Normal", "Applied", "Apply", note)


def _later(fault: OutriderError | None) -> After | None:
    """Return when to look again at what nobody tells of: a Deployment, a name that is free, or a server that takes what it has refused."""
    if isinstance(fault, TargetMissingError):
        return After(5.0)
    if isinstance(fault, NameTakenError):
        return After(30.0)
    # An API server that has just started refuses for some seconds what it will take then.
    return After(15.0) if fault is not None and "status" in fault.context else None


def _named_by(item: KubeObject, digests: dict[str, str]) -> dict[str, str]:
    """Return the digests of what an AgentType names."""
    spec = plain(item.spec)
    uses = {f"Tool/{use.get('server')}" for use in spec.get("tools", ()) if use.get("server")}
    uses |= {f"Tool/{hook.get('server')}" for hook in spec.get("llm", {}).get("hooks", ())}
    for route in spec.get("llm", {}).get("routes", ()):
        uses |= {f"ModelProvider/{one.get('ref')}" for one in route.get("providers", ()) if one.get("ref")}
    return {name: digests[name] for name in sorted(uses) if name in digests}
