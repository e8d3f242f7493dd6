"""What a sidecar is told: rendered from an AgentType, read by the sidecar's process."""

from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from outrider.core.mutual_tls import MutualTlsSettings
from outrider.core.secrets import SecretRef
from outrider.core.tool_settings import AnyToolServer, ToolsSettings

Dialect = Literal["openai", "anthropic", "gemini"]
Period = Literal["hour", "day", "month"]
OnExceed = Literal["stop", "finish"]
Hosting = Literal["azure", "bedrock", "aws"]
DetectorName = Literal["email", "phone", "credit_card", "iban", "us_ssn", "ip_address", "api_key", "jwt", "private_key"]
GuardPlace = Literal["prompt", "answer", "both"]
GuardAction = Literal["redact", "refuse"]
HookFailure = Literal["refuse", "pass"]
MemoryType = Literal["conversation", "kv", "vector"]


class ProviderSettings(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """A model of a provider, in a route.

    Attributes:
        provider: Its name, as prices, ledger and metrics show it.
        dialect: Which it speaks.
        url: Its address; that of OpenAI's dialect holds the version, such as `https://api.openai.com/v1`.
        model: As the provider names it; empty where the name that the agent uses is the provider's.
        key: Secret with its key; none where it wants none.
        priority: Those of the lowest number are asked first, others where these fail.
        weight: Share of the calls among those of one priority.
        ca: File with the authorities to trust, in place of the machine's.
        mutual_tls: What the sidecar shows of itself.
        hosting: The cloud that hosts the model, where paths, keys or answers differ from those of the dialect.
        api_version: Of Azure's older API; empty for its v1 API.
        region: Of AWS; empty where the address says it.
    """

    provider: str
    dialect: Dialect
    url: str
    model: str = ""
    key: SecretRef | None = None
    priority: int = 0
    weight: Annotated[int, msgspec.Meta(ge=1)] = 1
    ca: Path | None = None
    mutual_tls: MutualTlsSettings | None = None
    hosting: Hosting | None = None
    api_version: str = ""
    region: str = ""


class RouteSettings(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """A name that the agent uses for a model, and who may answer; nobody may where a script answers."""

    alias: str
    providers: list[ProviderSettings]


class LimitSettings(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """Bounds of the agent; None for none."""

    requests_per_minute: Annotated[int, msgspec.Meta(ge=1)] | None = None
    tokens_per_minute: Annotated[int, msgspec.Meta(ge=1)] | None = None
    concurrent: Annotated[int, msgspec.Meta(ge=1)] | None = None


class BudgetSettings(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """Money for a period.

    Attributes:
        amount: In nano-units of the currency.
        currency: Of the amount; empty where it is that of the prices.
        zone: Where a period begins, such as `Europe/Berlin`.
        on_exceed: `stop` ends a stream for which no money is left, `finish` lets it come to its end.
    """

    amount: Annotated[int, msgspec.Meta(ge=0)]
    currency: str = ""
    per: Period
    zone: str = "UTC"
    on_exceed: OnExceed = "stop"


class GuardSettings(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """Something that must not pass.

    Attributes:
        detect: Kinds of personal data and of secrets.
        pattern: What else, in RE2's syntax.
        name: Of the pattern, as it stands in place of what was taken out.
        place: In what.
        action: Whether it is taken out, or the call refused.
    """

    detect: list[DetectorName] = []
    pattern: str = ""
    name: str = ""
    place: GuardPlace = "both"
    action: GuardAction = "redact"


class SimilarSettings(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """When a call is answered as one whose last text of the user is another one.

    Attributes:
        embedding: Name of the route whose model makes vectors of texts.
        similarity: Cosine of their vectors, at least.
    """

    embedding: str
    similarity: Annotated[float, msgspec.Meta(ge=0.8, le=1)] = 0.95


class CacheSettings(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """How long answers are given again to the same call.

    Attributes:
        ttl: Seconds.
        entries: At most.
        bytes: Of all together.
        similar: None gives them to the same call only.
    """

    ttl: Annotated[float, msgspec.Meta(gt=0)]
    entries: Annotated[int, msgspec.Meta(ge=1)] = 1000
    bytes: Annotated[int, msgspec.Meta(ge=1)] = 64 * 1024 * 1024
    similar: SimilarSettings | None = None


class SampleSettings(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """Which calls are kept with what they say.

    Attributes:
        share: Of all, from 0 to 1.
        retention: Seconds after which they are deleted, by whole days.
    """

    share: Annotated[float, msgspec.Meta(gt=0, le=1)]
    retention: Annotated[float, msgspec.Meta(gt=0)]


class SharedSettings(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """Where the sidecars of an agent share its limits and its budget.

    Attributes:
        url: Of the store: `postgresql://`, `redis://` or `nats://`.
        password: Secret with its password.
        allotment: Of each amount, what a sidecar draws at a time, from 0 to 1.
        alone: Of each amount, what a sidecar may use in a minute or period while the store is away, from 0 to 1.
    """

    url: str
    password: SecretRef | None = None
    allotment: Annotated[float, msgspec.Meta(gt=0, le=1)] = 0.05
    alone: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.0


class HookSettings(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """A tool that looks at prompts before they leave.

    Attributes:
        server: Where it is.
        tool: Its name there.
        timeout: Seconds for its word.
        on_failure: Whether a prompt of which it says nothing is refused, or passes.
    """

    server: AnyToolServer
    tool: str
    timeout: Annotated[float, msgspec.Meta(gt=0)] = 5.0
    on_failure: HookFailure = "refuse"


class LlmSettings(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """The gateway to the models.

    Attributes:
        routes: Models by the names that the agent uses; any other one is refused.
        limits: Bounds of the agent.
        budget: Money; none for no bound.
        prices: File of prices, in place of the list that comes with the sidecar.
        usual_answer: Tokens that are reserved for an answer where the client names no bound.
        offline: File with answers in place of every provider; no key is opened then, and every answer says so.
        guard: What must not pass.
        cache: None to ask anew each time.
        samples: None keeps nothing of what calls say.
        hooks: Tools that look at prompts, one after the other, behind `guard`.
        shared: Where limits per minute and the budget are shared with other sidecars; None where this one is alone.
    """

    routes: list[RouteSettings] = []
    limits: LimitSettings = LimitSettings()
    budget: BudgetSettings | None = None
    prices: Path | None = None
    usual_answer: int = 4096
    offline: Path | None = None
    guard: list[GuardSettings] = []
    cache: CacheSettings | None = None
    samples: SampleSettings | None = None
    hooks: list[HookSettings] = []
    shared: SharedSettings | None = None


class SummarySettings(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """When a model sums up the older messages of a session.

    Attributes:
        route: Name of the route whose model does it.
        above: Tokens; a session that counts more is shortened.
        keep: About how many tokens of its newest messages stay as they are.
        instructions: What matters to this agent, besides what every summary is asked for.
    """

    route: str
    above: Annotated[int, msgspec.Meta(ge=500)]
    keep: Annotated[int, msgspec.Meta(ge=0)]
    instructions: str = ""


class MemorySettings(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """A memory of the agent.

    Attributes:
        name: Its tools are called `NAME_...`.
        type: What it keeps: `conversation` messages by session, `kv` values by key, `vector` texts by their meaning.
        retention: Seconds after which what was written is deleted; None keeps it.
        entries: Messages, values or texts at most; None for any number.
        bytes: Of these at most.
        url: Of a database, `postgresql://` or `redis://`; empty for files in the sidecar's own folder.
        password: Secret with the password of the database.
        embedding: Name of a route whose model makes vectors of texts; empty where the agent brings them.
        summary: When a model sums up older messages; None leaves that to the agent.
    """

    name: str
    type: MemoryType
    retention: Annotated[float, msgspec.Meta(gt=0)] | None = None
    entries: Annotated[int, msgspec.Meta(ge=1)] | None = None
    bytes: Annotated[int, msgspec.Meta(ge=1)] | None = None
    url: str = ""
    password: SecretRef | None = None
    embedding: str = ""
    summary: SummarySettings | None = None


class TelemetrySettings(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """A collector to which goes what the program sends of traces, metrics and logs.

    Attributes:
        url: Where it speaks OTLP over HTTP, without `/v1/traces`.
        headers: Fields that it wants to see, as text or from a secret.
        ca: File with the authorities to trust, in place of the machine's.
    """

    url: str
    headers: dict[str, str | SecretRef] = {}
    ca: Path | None = None


class PreparationSettings(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """What is put into place before the program of an agent begins.

    Attributes:
        shared: The folder that the program reads.
        home: Where hooks come from; no link leads out of it.
        folders: To be made.
        runtimes: Whose wrapper is copied into `wrapper` of the shared folder.
        hooks: Where each hook comes from, and where it is copied to.
        shared_with: Whom its folders are for besides who makes them: `group` where the program is another user of the same group,
            `all` where it has nothing in common with the sidecar but the pod.
    """

    shared: Path
    home: Path
    folders: list[Path] = []
    runtimes: list[str] = []
    hooks: list[tuple[Path, Path]] = []
    shared_with: Literal["nobody", "group", "all"] = "nobody"


class TaskSettings(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """The door by which tasks come to a program that serves HTTP beside its sidecar.

    Attributes:
        listen: `host:port`.
        url: Where the program listens.
        path: To which tasks are posted.
        ready: A path that answers with a status of 2xx once it takes work; empty where any answer will do.
        timeout: Seconds for a task.
        most: Tasks at a time; more are refused.
    """

    listen: str
    url: str
    path: str = "/"
    ready: str = ""
    timeout: Annotated[float, msgspec.Meta(gt=0)] = 600.0
    most: Annotated[int, msgspec.Meta(ge=1)] = 64


class WrapperSettings(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """The wrapper in the agent's process.

    Attributes:
        seen: Folder in which it leaves a sign.
        required: Whether an agent without it is not ready.
    """

    seen: Path
    required: bool = False


class SidecarSettings(msgspec.Struct, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """The settings file of a sidecar (JSON, mode 0600).

    Attributes:
        agent: Name of the agent beside it.
        listen: `host:port`; port 0 takes a free one. Empty where it only serves doors.
        state: Its folder: the ledger, the address at which it listens, and its sockets.
        keys: Secrets that the agent calls with; without one everybody who reaches the address may call.
        llm: The gateway to the models.
        control: Folder of its sockets, which only its user may open: for whoever runs the agent; None for none.
        admin: `host:port` at which health, readiness, status and metrics are told; empty for none.
        traceparent: The trace of the task, for calls that bring none.
        tools: What else it may call.
        memories: What it remembers.
        egress: Hosts, with ports, to which it gets tunnels.
        tasks: The door by which tasks come; None where somebody else brings them.
        telemetry: Where what it sends of telemetry goes; None takes none.
        wrapper: What is known of the wrapper; None where there is none.
        secret_sources: Where secrets come from, as `Platform.spec.secrets` declares them, if the encrypted store does not
            have them.
        secrets: Folder of the encrypted store.
        folder: Where relative paths of secrets start.
        protected: Files and folders that programs which it starts must not see, besides its own.
    """

    agent: str
    listen: str = "127.0.0.1:0"
    state: Path
    keys: list[SecretRef] = []
    llm: LlmSettings = LlmSettings()
    admin: str = ""
    traceparent: str = ""
    tools: ToolsSettings = ToolsSettings()
    memories: list[MemorySettings] = []
    egress: list[str] = []
    telemetry: TelemetrySettings | None = None
    tasks: TaskSettings | None = None
    control: Path | None = None
    wrapper: WrapperSettings | None = None
    secret_sources: dict[str, dict[str, Any]] = {}
    secrets: Path | None = None
    folder: Path = Path()
    protected: list[Path] = []
