"""From an AgentType to what is to be started: a pure function, the same for processes, pods on a laptop, and Kubernetes."""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from outrider.core.errors import InvalidConfigError, NotFoundError, did_you_mean
from outrider.core.model_endpoints import ModelEndpoint
from outrider.core.objects import Object
from outrider.core.sidecar_settings import (
    BudgetSettings,
    CacheSettings,
    GuardSettings,
    HookSettings,
    LimitSettings,
    LlmSettings,
    MemorySettings,
    PreparationSettings,
    ProviderSettings,
    RouteSettings,
    SampleSettings,
    SharedSettings,
    SidecarSettings,
    SimilarSettings,
    SummarySettings,
    TelemetrySettings,
    WrapperSettings,
)
from outrider.core.tool_endpoints import ToolEndpoint
from outrider.kinds.agenttype.environment import AGENT_KEY, PACKAGES, Value, environment, hook_file, wraps
from outrider.kinds.agenttype.granting import check_hook, granted, server_settings
from outrider.kinds.agenttype.identity import shown
from outrider.kinds.agenttype.invocation import Invocation
from outrider.kinds.agenttype.memory import Memory, MemorySummary
from outrider.kinds.agenttype.mesh import Mesh
from outrider.kinds.agenttype.model import AgentTypeSpec, Egress, Isolation, PackageTarget, Resources, Wrapper
from outrider.kinds.agenttype.models import (
    Budget,
    Llm,
    PromptHook,
    PromptSamples,
    ProviderUse,
    ResponseCache,
    SharedStore,
)
from outrider.kinds.agenttype.place import Place, inside
from outrider.kinds.agenttype.scaling import Scaling
from outrider.kinds.agenttype.telemetry import Telemetry

# The kinds of the objects that an AgentType may name.
NAMED_KINDS = ("ModelProvider", "Tool")


class References(msgspec.Struct, kw_only=True, frozen=True):
    """The objects that an AgentType may name.

    Attributes:
        providers: ModelProviders by name.
        tools: Tools by name.
    """

    providers: Mapping[str, ModelEndpoint] = {}
    tools: Mapping[str, ToolEndpoint] = {}


class InitPlan(msgspec.Struct, kw_only=True, frozen=True):
    """What is prepared before the program begins.

    Attributes:
        folders: To be made.
        made: Those that the program reads.
        runtimes: Whose wrapper is copied into `wrapper` of the shared folder.
        hooks: Where each hook is copied to, by where it comes from.
        packages: Of Python, to be installed into `packages` of the shared folder.
        target: For which Python, where not for any.
    """

    folders: list[Path]
    made: list[Path]
    runtimes: list[str]
    hooks: dict[Path, Path]
    packages: list[str] = []
    target: PackageTarget | None = None

    def settings(self, shared: Path, home: Path) -> PreparationSettings:
        """Return what is to be put into place from files that are at hand; packages are not."""
        return PreparationSettings(
            shared=shared, home=home, folders=self.folders, runtimes=self.runtimes, hooks=list(self.hooks.items())
        )


class Workload(msgspec.Struct, kw_only=True, frozen=True):
    """What is to be started.

    Attributes:
        init: What comes first.
        sidecar: What the sidecar is told.
        command: Of the program; empty where the image has one.
        image: Of the program; empty on a laptop without containers.
        env: Its variables.
        folder: Where it runs.
        inside: The same in a container; empty where its image says it.
        invocation: How it gets its work.
        egress: What must hold of what it reaches.
        isolation: How it is confined.
        resources: Its bounds.
        scaling: How many of it there are, where that is not one.
        mesh: In which its pods are.
    """

    name: str
    init: InitPlan
    sidecar: SidecarSettings
    command: list[str]
    image: str
    env: dict[str, Value]
    folder: Path
    inside: str
    invocation: Invocation
    egress: Egress
    isolation: Isolation
    resources: Resources
    scaling: Scaling
    mesh: Mesh | None = None


def render(item: Object, place: Place, references: References) -> Workload:
    """Return what is to be started for an AgentType.

    Args:
        item: The AgentType.
        place: Where it is to run.
        references: What it may name.

    Raises:
        OutriderError: What it names is not there, a provider has no address, or the program is that of a Deployment.
    """
    spec: AgentTypeSpec = item.spec
    if spec.identity is not None:
        place = msgspec.structs.replace(place, identity=spec.identity.files(place.folder))
    agent = spec.program
    return Workload(
        name=item.name,
        init=_init(spec.wrapper, place),
        sidecar=_sidecar(item.name, spec, place, references),
        command=agent.command,
        image=agent.image,
        env=environment(
            agent.env,
            agent=item.name,
            address=place.address,
            shared=place.shared,
            work=place.work,
            wrapper=spec.wrapper,
            port=spec.invocation.port,
            tunnels=bool(spec.egress.allow),
            telemetry=spec.telemetry.otlp is not None,
        ),
        folder=place.folder / agent.folder,
        inside=agent.folder,
        invocation=spec.invocation,
        egress=spec.egress,
        isolation=spec.isolation,
        resources=spec.bounds,
        scaling=spec.scaling,
        mesh=spec.mesh,
    )


def _runtimes(wrapper: Wrapper) -> list[str]:
    return [runtime for runtime in ("python", "nodejs") if wraps(wrapper, runtime)]


def _init(wrapper: Wrapper, place: Place) -> InitPlan:
    runtimes = _runtimes(wrapper)
    return InitPlan(
        folders=[inside(place.work, "seen"), inside(place.shared, "hooks")],
        made=[inside(place.shared, name) for name in ("wrapper", "hooks", PACKAGES)],
        runtimes=runtimes,
        hooks={place.folder / hook: hook_file(place.shared, number, hook) for number, hook in enumerate(wrapper.hooks)},
        packages=wrapper.packages if "python" in runtimes else [],
        target=wrapper.target,
    )


def _sidecar(name: str, spec: AgentTypeSpec, place: Place, references: References) -> SidecarSettings:
    seen = WrapperSettings(seen=inside(place.work, "seen"), required=spec.wrapper.required)
    return SidecarSettings(
        agent=name,
        listen=place.listen,
        state=place.state,
        keys=[AGENT_KEY],
        llm=_llm(spec.llm, place, references, name),
        tools=granted(name, spec, references.tools, place),
        memories=[memory_settings(one) for one in spec.memory],
        egress=spec.egress.allow,
        telemetry=_telemetry(spec.telemetry, place),
        wrapper=seen if _runtimes(spec.wrapper) else None,
        secret_sources={AGENT_KEY.secret: {"file": str(place.key)}},
        folder=place.folder,
    )


def _telemetry(telemetry: Telemetry, place: Place) -> TelemetrySettings | None:
    otlp = telemetry.otlp
    if otlp is None:
        return None
    return TelemetrySettings(url=otlp.url, headers=otlp.headers, ca=place.folder / otlp.ca if otlp.ca else None)


def _llm(llm: Llm, place: Place, references: References, agent: str) -> LlmSettings:
    limits = llm.limits
    return LlmSettings(
        routes=[
            RouteSettings(
                alias=route.alias, providers=[_provider(use, place, references.providers) for use in route.providers]
            )
            for route in llm.routes
        ],
        limits=LimitSettings(
            requests_per_minute=limits.requests_per_minute,
            tokens_per_minute=limits.tokens_per_minute,
            concurrent=limits.concurrent,
        ),
        budget=_budget(llm.budget),
        prices=place.folder / llm.prices if llm.prices else None,
        usual_answer=llm.usual_answer,
        offline=_script(llm, place),
        guard=[
            GuardSettings(detect=one.detect, pattern=one.pattern, name=one.name, place=one.place, action=one.action)
            for one in llm.guard
        ],
        hooks=[_hook(one, references, place, agent) for one in llm.hooks],
        cache=None if llm.cache is None else _cache(llm.cache),
        samples=None if llm.samples is None else _samples(llm.samples),
        shared=None if llm.shared is None else _shared(llm.shared),
    )


def _hook(hook: PromptHook, references: References, place: Place, agent: str) -> HookSettings:
    check_hook(hook.server, references.tools, agent)
    server = server_settings(hook.server, references.tools, place)
    return HookSettings(server=server, tool=hook.tool, timeout=float(hook.timeout), on_failure=hook.on_failure)


def _samples(samples: PromptSamples) -> SampleSettings:
    return SampleSettings(share=samples.share, retention=float(samples.retention))


def _shared(shared: SharedStore) -> SharedSettings:
    return SharedSettings(url=shared.url, password=shared.password, allotment=shared.allotment, alone=shared.alone)


def _cache(cache: ResponseCache) -> CacheSettings:
    similar = cache.similar
    return CacheSettings(
        ttl=float(cache.ttl),
        entries=cache.entries,
        bytes=int(cache.size),
        similar=None
        if similar is None
        else SimilarSettings(embedding=similar.embedding, similarity=similar.similarity),
    )


def _script(llm: Llm, place: Place) -> Path | None:
    """Return the script that answers: where that is asked for, or where no route has anybody else."""
    if llm.offline is None or not (place.offline or not any(route.providers for route in llm.routes)):
        return None
    return place.folder / llm.offline.script


def memory_settings(memory: Memory) -> MemorySettings:
    """Return what a sidecar is told of a memory."""
    quota, store = memory.quota, memory.store
    return MemorySettings(
        name=memory.name,
        type=memory.type,
        retention=None if memory.retention is None else float(memory.retention),
        entries=quota.entries,
        bytes=None if quota.size is None else int(quota.size),
        url="" if store is None else store.url,
        password=None if store is None else store.password,
        embedding=memory.embedding,
        summary=None if memory.summary is None else _summary(memory.summary),
    )


def _summary(summary: MemorySummary) -> SummarySettings:
    return SummarySettings(
        route=summary.route, above=summary.above, keep=summary.keep, instructions=summary.instructions
    )


def _budget(budget: Budget | None) -> BudgetSettings | None:
    if budget is None:
        return None
    amount = budget.amount
    return BudgetSettings(
        amount=int(amount), currency=amount.currency, per=budget.per, zone=budget.zone, on_exceed=budget.on_exceed
    )


def _provider(use: ProviderUse, place: Place, providers: Mapping[str, ModelEndpoint]) -> ProviderSettings:
    endpoint = resolved(use, providers)
    address = endpoint.place()
    return ProviderSettings(
        provider=endpoint.provider,
        dialect=address.dialect,
        url=address.url,
        model=use.model,
        key=endpoint.key,
        priority=use.priority,
        weight=use.weight,
        ca=place.folder / endpoint.ca if endpoint.ca else None,
        mutual_tls=shown(endpoint.mutual_tls, place.identity, f"provider '{endpoint.provider}'"),
        hosting=address.hosting,
        api_version=endpoint.api_version,
        region=endpoint.region,
    )


def resolved(use: ProviderUse, providers: Mapping[str, ModelEndpoint]) -> ModelEndpoint:
    """Return an entry of a route, filled with what its ModelProvider says.

    Raises:
        OutriderError: There is no such ModelProvider, or the entry has no name.
    """
    if use.ref is None:
        if not use.provider:
            raise InvalidConfigError(
                "a provider has no name", path="provider", found="neither provider nor ref", expected="one of the two",
                suggestions=["add provider: NAME; prices and the ledger show it"],
            )  # fmt: skip
        return use
    found = providers.get(use.ref)
    if found is None:
        raise NotFoundError(
            f"no ModelProvider is called '{use.ref}'", found=use.ref, expected=", ".join(providers) or "a ModelProvider",
            suggestions=did_you_mean(use.ref, providers) or [f"declare a ModelProvider named '{use.ref}'"],
        )  # fmt: skip
    return ModelEndpoint(
        provider=use.provider or found.provider or use.ref,
        dialect=use.dialect or found.dialect,
        url=use.url or found.url,
        key=use.key or found.key,
        ca=use.ca or found.ca,
        mutual_tls=use.mutual_tls or found.mutual_tls,
        hosting=use.hosting or found.hosting,
        api_version=use.api_version or found.api_version,
        region=use.region or found.region,
    )
