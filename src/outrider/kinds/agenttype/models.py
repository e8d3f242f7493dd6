"""What an agent may ask models, and what that may cost."""

from typing import Annotated

import msgspec

from outrider.core.errors import InvalidConfigError
from outrider.core.model_endpoints import ModelEndpoint
from outrider.core.objects import Name
from outrider.core.quantities import Duration, Money, Size, duration, size
from outrider.core.secrets import SecretRef
from outrider.core.sidecar_settings import DetectorName, GuardAction, GuardPlace, HookFailure, OnExceed, Period

Alias = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}$", examples=["default"])]
Bound = Annotated[int, msgspec.Meta(ge=1)]


class ProviderUse(ModelEndpoint, kw_only=True, rename="camel", omit_defaults=True, forbid_unknown_fields=True):
    """A model of a provider, in a route.

    Attributes:
        ref: A ModelProvider; what else stands here comes before what that one says.
        model: As the provider names it; the alias of the route if absent.
        priority: Those of the lowest number are asked first, others where these fail.
        weight: Share of the calls among those of one priority.
    """

    ref: Name | None = None
    model: str = ""
    priority: Annotated[int, msgspec.Meta(ge=0)] = 0
    weight: Annotated[int, msgspec.Meta(ge=1)] = 1


class Route(msgspec.Struct, kw_only=True, rename="camel", omit_defaults=True, forbid_unknown_fields=True):
    """A name that the agent uses for a model, and who may answer; none means that only a script does."""

    alias: Alias
    providers: list[ProviderUse] = []


class ModelLimits(msgspec.Struct, kw_only=True, rename="camel", omit_defaults=True, forbid_unknown_fields=True):
    """Bounds of an agent; none where a field is absent."""

    requests_per_minute: Bound | None = None
    tokens_per_minute: Bound | None = None
    concurrent: Bound | None = None


class Budget(msgspec.Struct, kw_only=True, rename="camel", omit_defaults=True, forbid_unknown_fields=True):
    """Money for a period.

    Attributes:
        amount: How much.
        per: For how long.
        zone: Where a period begins.
        on_exceed: `stop` ends a stream for which no money is left, `finish` lets it come to its end.
    """

    amount: Money
    per: Period = "day"
    zone: str = "UTC"
    on_exceed: OnExceed = "stop"


class Offline(msgspec.Struct, kw_only=True, rename="camel", omit_defaults=True, forbid_unknown_fields=True):
    """Answers without a network, for `--offline`.

    Attributes:
        script: File of answers.
    """

    script: Annotated[str, msgspec.Meta(min_length=1)]


class GuardRule(
    msgspec.Struct, kw_only=True, rename={"place": "in", "action": "do"}, omit_defaults=True, forbid_unknown_fields=True
):
    """Something that must not pass.

    Attributes:
        detect: Kinds of personal data and of secrets.
        pattern: What else, as a regular expression in RE2's syntax.
        name: Of the pattern, as it stands in place of what was taken out.
        place: In what: prompts, answers, or both.
        action: `redact` takes it out, and leaves its name; `refuse` refuses a prompt with it.
    """

    detect: list[DetectorName] = []
    pattern: str = ""
    name: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9_]{0,32}$")] = ""
    place: GuardPlace = "both"
    action: GuardAction = "redact"

    def __post_init__(self) -> None:
        if not self.detect and not self.pattern:
            raise InvalidConfigError(
                "a guard looks for something", found="neither detect nor pattern", expected="one of the two",
                suggestions=["write for example detect: [email, api_key]"],
            )  # fmt: skip
        if self.action == "refuse" and self.place != "prompt":
            raise InvalidConfigError(
                "only prompts are refused", path="do", found=f"refuse, in {self.place}", expected="in: prompt, or do: redact",
                suggestions=["an answer is there already: take out of it what must not pass"],
            )  # fmt: skip


class PromptHook(msgspec.Struct, kw_only=True, rename="camel", omit_defaults=True, forbid_unknown_fields=True):
    """A tool that looks at each prompt before it leaves, behind the guards. It may change what is said, or refuse it.

    Attributes:
        server: A Tool, by its name; the agent needs no grant of it.
        tool: The name of the tool there. It is called with `agent`, `model` and `texts`, and answers with `texts` in their place,
            with `refuse` and the reason, or with nothing of both.
        timeout: For its word.
        on_failure: `refuse` lets no prompt leave of which it has said nothing; `pass` does.
    """

    server: Name
    tool: Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
    timeout: Duration = duration("5s")
    on_failure: HookFailure = "refuse"


class SimilarCalls(msgspec.Struct, kw_only=True, rename="camel", omit_defaults=True, forbid_unknown_fields=True):
    """When a call is answered as an earlier one that differs in the text of the user's last message only.

    Attributes:
        embedding: Route of a model that makes vectors of texts.
        similarity: Cosine of the vectors of both texts, at least.
    """

    embedding: Alias
    similarity: Annotated[float, msgspec.Meta(ge=0.8, le=1)] = 0.95


class ResponseCache(msgspec.Struct, kw_only=True, rename="camel", omit_defaults=True, forbid_unknown_fields=True):
    """Answers that are given again to the same call.

    Attributes:
        ttl: How long.
        entries: At most; the one that was not asked for longest goes.
        size: Of all of them.
        similar: None gives them to the same call only.
    """

    ttl: Duration
    entries: Bound = 1000
    size: Size = size("64Mi")
    similar: SimilarCalls | None = None


class PromptSamples(msgspec.Struct, kw_only=True, rename="camel", omit_defaults=True, forbid_unknown_fields=True):
    """Calls that are kept with what they say, after the guards, on the machine of the sidecar.

    Attributes:
        share: Of all calls, from 0 to 1.
        retention: When they are deleted, by whole days.
    """

    share: Annotated[float, msgspec.Meta(gt=0, le=1)]
    retention: Duration = duration("7d")


class SharedStore(msgspec.Struct, kw_only=True, rename="camel", omit_defaults=True, forbid_unknown_fields=True):
    """Where the sidecars of an agent share what it may use in a minute and its budget.

    Attributes:
        url: Of PostgreSQL, Redis or NATS with JetStream.
        password: Secret with its password.
        allotment: Share of each amount that a sidecar draws at a time, from 0 to 1.
        alone: Share of each amount that a sidecar may use in a minute or period while the store is away, from 0 to 1.
    """

    url: Annotated[
        str,
        msgspec.Meta(pattern=r"^(postgres(ql)?|rediss?|nats|tls)://\S+$", examples=["redis://limits.internal:6379/0"]),
    ]
    password: SecretRef | None = None
    allotment: Annotated[float, msgspec.Meta(gt=0, le=1)] = 0.05
    alone: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.0


class Llm(msgspec.Struct, kw_only=True, rename="camel", omit_defaults=True, forbid_unknown_fields=True):
    """The models of an agent; what no route names it cannot ask.

    Attributes:
        prices: File of prices, over those that come with Outrider.
        usual_answer: Tokens that are reserved for an answer where the agent names no bound.
        guard: What must not leave with prompts, or come back with answers.
        hooks: Tools that look at prompts, one after the other.
        cache: None asks anew each time.
        samples: None keeps nothing of what calls say.
        shared: Where several sidecars of the agent share limits per minute and budget; none where each has its own.
    """

    routes: list[Route] = []
    limits: ModelLimits = msgspec.field(default_factory=ModelLimits)
    budget: Budget | None = None
    prices: str = ""
    usual_answer: Bound = 4096
    offline: Offline | None = None
    guard: list[GuardRule] = []
    hooks: list[PromptHook] = []
    cache: ResponseCache | None = None
    shared: SharedStore | None = None
    samples: PromptSamples | None = None
