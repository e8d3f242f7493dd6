"""The controller of AgentTypes: what one declares is there, and its status says how that does."""

from datetime import UTC, datetime
from functools import partial
from typing import Any

from outrider.controller.children import Children, NameTakenError, wanted
from outrider.controller.conditions import Seen, conditions
from outrider.controller.definitions import AGENT_TYPES, MODEL_PROVIDERS, TOOLS
from outrider.controller.references import named, read_agent
from outrider.controller.status import AgentTypeStatus, merged
from outrider.core.codec import decode, to_builtins
from outrider.core.errors import (
    ConflictError,
    ConnectionFailedError,
    DeadlineExceededError,
    LimitedError,
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
from outrider.ports.kube.objects import KubeObject
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
        self._children = {one: Children(client, one, informer.cache) for one, informer in informers.items()}
        self._deployments = informers[DEPLOYMENTS].cache
        self.controller = manager.add(Controller(NAME, self.reconcile, metrics=metrics, workers=16))
        self._follow(informers)

    def _follow(self, informers: dict[Resource, Informer]) -> None:
        self.controller.follow(self._agents)
        for informer in (self._tools, self._providers):
            self.controller.follow(informer, self._who_may_name)
        for resource, informer in informers.items():
            self.controller.follow(informer, owner_keys(AGENT_TYPES))
            informer.on_change(partial(_forget, self._children[resource]))
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
        fault: OutriderError | None = None
        rendered: Rendered | None = None
        try:
            there = named(item.metadata.namespace, self._tools.cache, self._providers.cache)
            rendered = kubernetes_manifests(read_agent(item), item.metadata.namespace, there.references, self._images)
            status.references = _named_by(item, there.digests)
            await self._keep(item, rendered)
        except OutriderError as error:
            if isinstance(error, _PASSING) and not isinstance(error, NameTakenError):
                raise
            fault = error
        if rendered is not None:
            status.tools, status.model = rendered.tools, rendered.model
        await self._say(item, status, fault)
        # Somebody else's object is not seen when it goes: its label is not ours.
        return After(30.0) if isinstance(fault, NameTakenError) else None

    async def _keep(self, item: KubeObject, rendered: Rendered) -> None:
        names: dict[Resource, list[str]] = {resource: [] for resource in CHILD_KINDS}
        for content in rendered.manifests:
            resource = _BY_KIND[content["kind"]]
            one = wanted(resource, content, item, AGENT_TYPES)
            names[resource].append(content["metadata"]["name"])
            if (
                await self._children[resource].keep(one, item)
                and self._recorder is not None
                and resource in (DEPLOYMENTS, CRON_JOBS)
            ):
                await self._recorder.say(
                    Subject(AGENT_TYPES, item),
                    "Normal",
                    "Applied",
                    "Apply",
                    f"{resource.kind} {one.key} is as declared",
                )
        for resource, wanted_names in names.items():
            if resource != VOLUME_CLAIMS:  # what an agent remembers is removed with it, and not by a change of its spec
                await self._children[resource].remove_others(item, wanted_names)

    async def _say(self, item: KubeObject, status: AgentTypeStatus, fault: OutriderError | None) -> None:
        before = _status_of(item)
        deployment = self._deployments.get(item.key)
        seen = Seen(item.metadata.generation, deployment, self._pods.cache.found("agent", item.key), fault)
        found = conditions(seen)
        if deployment is not None and deployment.status:
            counted = decode(bytes(deployment.status), dict[str, Any])
            status.replicas, status.ready_replicas = counted.get("replicas", 0), counted.get("readyReplicas", 0)
        moment = datetime.fromtimestamp(self._clock.now(), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        status.conditions = merged(before.conditions, found, moment)
        status.message = found[0].message
        if status == before:
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
    spec = decode(bytes(item.spec) or b"{}", dict[str, Any])
    uses = {f"Tool/{use.get('server')}" for use in spec.get("tools", ()) if use.get("server")}
    uses |= {f"Tool/{hook.get('server')}" for hook in spec.get("llm", {}).get("hooks", ())}
    for route in spec.get("llm", {}).get("routes", ()):
        uses |= {f"ModelProvider/{one.get('ref')}" for one in route.get("providers", ()) if one.get("ref")}
    return {name: digests[name] for name in sorted(uses) if name in digests}


def _forget(children: Children, change: Change, first: bool) -> None:
    del first
    if change.type == "deleted" and change.before is not None:
        children.forget(change.before.metadata.uid)
