"""The controller of AgentTypes: what one declares is there, and its status says how that does."""

from datetime import UTC, datetime

import msgspec

from outrider.controller.children import Children, NameTakenError, Wanted, owned, wanted
from outrider.controller.conditions import Seen, conditions
from outrider.controller.definitions import AGENT_TYPES, MODEL_PROVIDERS, TOOLS
from outrider.controller.references import Named, named, read_agent
from outrider.controller.status import AgentTypeStatus, merged
from outrider.core.codec import decode, to_builtins
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
from outrider.kinds.agenttype.manifests import LABEL, Rendered, kubernetes_manifests
from outrider.kinds.agenttype.pod import Images
from outrider.ports.clock import Clock, SystemClock
from outrider.ports.kube.cache import Change, by_namespace, by_owner
from outrider.ports.kube.client import KubeClient
from outrider.ports.kube.controller import After, Controller, Work, owner_keys
from outrider.ports.kube.events import Recorder, Subject
from outrider.ports.kube.informer import Informer
from outrider.ports.kube.manager import Manager
from outrider.ports.kube.metrics import ControllerMetrics
from outrider.ports.kube.objects import KubeObject, plain
from outrider.ports.kube.reflector import Selection
from outrider.ports.kube.resources import (
    AUTOSCALERS,
    CONFIG_MAPS,
    CRON_JOBS,
    DEPLOYMENTS,
    DISRUPTION_BUDGETS,
    NETWORK_POLICIES,
    PODS,
    SERVICE_ACCOUNTS,
    SERVICES,
    VOLUME_CLAIMS,
    Resource,
)

NAME = "agenttype"
# What an AgentType may have, in the order in which it is made.
CHILD_KINDS: tuple[Resource, ...] = (
    SERVICE_ACCOUNTS, CONFIG_MAPS, VOLUME_CLAIMS, DEPLOYMENTS, CRON_JOBS, SERVICES, NETWORK_POLICIES, AUTOSCALERS, DISRUPTION_BUDGETS,
)  # fmt: skip
_BY_KIND = {resource.kind: resource for resource in CHILD_KINDS}
# What is none of the AgentType's fault passes by itself.
_PASSING = (UnavailableError, LimitedError, ConnectionFailedError, DeadlineExceededError, ConflictError)


class AgentTypes:
    """Reconciles AgentTypes.

    Args:
        client: Who is asked.
        manager: Whose caches are used.
        images: Of what stands beside the programs.
        recorder: Says what happens to whoever looks at an object.
        metrics: Where it is counted.
        clock: For times in the status.
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
        self._client, self._images, self._recorder = client, images, recorder
        self._clock = clock or SystemClock()
        ours = Selection(labels=LABEL)
        self._agents = manager.informer(AGENT_TYPES, indexes={"namespace": by_namespace})
        self._tools = manager.informer(TOOLS, indexes={"namespace": by_namespace})
        self._providers = manager.informer(MODEL_PROVIDERS, indexes={"namespace": by_namespace})
        self._pods = manager.informer(PODS, selection=ours, indexes={"agent": _agent_of})
        informers = {one: manager.informer(one, selection=ours, indexes={"owner": by_owner}) for one in CHILD_KINDS}
        self._children = {
            one: Children(client, one, informer.cache, made_once=one == VOLUME_CLAIMS)
            for one, informer in informers.items()
        }
        self._deployments = informers[DEPLOYMENTS].cache
        self.controller = manager.add(Controller(NAME, self.reconcile, metrics=metrics, workers=16))
        self._follow(informers)

    def _follow(self, informers: dict[Resource, Informer]) -> None:
        self.controller.follow(self._agents)
        for informer in (self._tools, self._providers):
            self.controller.follow(informer, self._who_may_name)
        for resource, informer in informers.items():
            self.controller.follow(informer, owner_keys(AGENT_TYPES))
            informer.on_change(self._children[resource].hear)
        self.controller.follow(self._pods, lambda change: _agent_of(change.after or change.before))

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
        if item is None or item.metadata.deletion_timestamp:
            return None  # with it goes all that it owns
        status = AgentTypeStatus(observed_generation=item.metadata.generation)
        seen = Seen(item.metadata.generation)
        try:
            there = named(item.metadata.namespace, self._tools.cache, self._providers.cache)
            rendered = self._rendered(item, there)
            status.references = _named_by(item, there.digests)
            status.tools, status.model = rendered.tools, rendered.model
            seen = await self._keep(item, rendered)
        except OutriderError as error:
            if isinstance(error, _PASSING) and not isinstance(error, NameTakenError):
                raise
            seen = msgspec.structs.replace(seen, fault=error)
        await self._say(item, status, seen)
        return _later(seen.fault)

    def _rendered(self, item: KubeObject, there: Named) -> Rendered:
        try:
            return kubernetes_manifests(read_agent(item), item.metadata.namespace, there.references, self._images)
        except NotFoundError as error:
            broken = next(
                (f"{name}: {fault}" for name, fault in there.faults.items() if error.found == name.partition("/")[2]),
                "",
            )
            if not broken:
                raise
            raise InvalidConfigError(f"what it names cannot be read: {broken}", suggestions=["correct it"]) from error

    async def _keep(self, item: KubeObject, rendered: Rendered) -> Seen:
        names: dict[Resource, list[str]] = {resource: [] for resource in CHILD_KINDS}
        deployment: KubeObject | None = None
        current = True
        for content in rendered.manifests:
            resource = _BY_KIND[content["kind"]]
            one = wanted(resource, content, item, AGENT_TYPES)
            names[resource].append(content["metadata"]["name"])
            if resource == DEPLOYMENTS:
                await self._leave_replicas(one, item)
            changed = await self._children[resource].keep(one, item)
            if resource == DEPLOYMENTS:
                deployment = self._deployments.get(one.key)
                current = self._children[resource].settled(one)
            if changed and self._recorder is not None and resource in (DEPLOYMENTS, CRON_JOBS):
                note = f"{resource.kind} {one.key} is as declared"
                await self._recorder.say(Subject(AGENT_TYPES, item), "Normal", "Applied", "Apply", note)
        seen = Seen(
            item.metadata.generation, jobs=not names[DEPLOYMENTS], deployment=deployment, current=current,
            pods=self._pods.cache.found("agent", item.key),
        )  # fmt: skip
        for resource, wanted_names in names.items():
            # What an agent remembers goes with it, and not by a change of its spec; settings stay as long as pods have them.
            if resource != VOLUME_CLAIMS and (resource != CONFIG_MAPS or seen.complete):
                await self._children[resource].remove_others(item, wanted_names)
        return seen

    async def _leave_replicas(self, one: Wanted, item: KubeObject) -> None:
        """Keep a number of pods that is no longer ours to say: what nobody owns would fall back to one."""
        there = self._deployments.get(one.key)
        if there is None or not owned(there, item) or "replicas" in one.content["spec"]:
            return
        if self._children[DEPLOYMENTS].settled(one):
            return
        replicas = plain(there.spec).get("replicas")
        metadata = {name: one.content["metadata"][name] for name in ("name", "namespace")} | {"uid": there.metadata.uid}
        content = {"metadata": metadata, "spec": {"replicas": replicas}}
        await self._client.apply(DEPLOYMENTS, content, manager=f"outrider-{NAME}-replicas", force=True)

    async def _say(self, item: KubeObject, status: AgentTypeStatus, seen: Seen) -> None:
        before, fault = _status_of(item), seen.fault
        found = conditions(seen)
        if seen.deployment is not None and seen.deployment.status:
            counted = plain(seen.deployment.status)
            status.replicas, status.ready_replicas = counted.get("replicas", 0), counted.get("readyReplicas", 0)
        moment = datetime.fromtimestamp(self._clock.now(), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        ours = {one.type for one in found}
        status.conditions = merged(before.conditions, found, moment)
        status.message = found[0].message
        # Of conditions that others have added nothing is said.
        known = msgspec.structs.replace(before, conditions=[one for one in before.conditions if one.type in ours])
        if status == known:
            return
        # The version is named: a uid alone does not keep the status of a custom resource from one that has its name now.
        metadata = {
            "name": item.metadata.name, "namespace": item.metadata.namespace, "uid": item.metadata.uid, "resourceVersion": item.metadata.resource_version,
        }  # fmt: skip
        content = {"metadata": metadata, "status": to_builtins(status)}
        await self._client.apply(AGENT_TYPES, content, part="status", manager=f"outrider-{NAME}-status", force=True)
        if fault is not None and self._recorder is not None and status.message != before.message:
            await self._recorder.say(
                Subject(AGENT_TYPES, item), "Warning", found[0].reason, "Reconcile", status.message
            )


def _later(fault: OutriderError | None) -> After | None:
    """Return when to look again at what nobody tells of: that a name is free, or that the server takes what it has refused."""
    if isinstance(fault, NameTakenError):
        return After(30.0)
    return After(60.0) if fault is not None and "status" in fault.context else None


def _status_of(item: KubeObject) -> AgentTypeStatus:
    try:
        return decode(bytes(item.status), AgentTypeStatus) if item.status else AgentTypeStatus()
    except OutriderError:
        return AgentTypeStatus()  # somebody else has written it


def _agent_of(item: KubeObject | None) -> list[str]:
    name = item.metadata.labels.get(LABEL) if item is not None else None
    return [f"{item.metadata.namespace}/{name}"] if item is not None and name else []


def _named_by(item: KubeObject, digests: dict[str, str]) -> dict[str, str]:
    """Return the digests of what an AgentType names."""
    spec = plain(item.spec)
    uses = {f"Tool/{use.get('server')}" for use in spec.get("tools", ()) if use.get("server")}
    uses |= {f"Tool/{hook.get('server')}" for hook in spec.get("llm", {}).get("hooks", ())}
    for route in spec.get("llm", {}).get("routes", ()):
        uses |= {f"ModelProvider/{one.get('ref')}" for one in route.get("providers", ()) if one.get("ref")}
    return {name: digests[name] for name in sorted(uses) if name in digests}
