from typing import Annotated, Any, Literal

import msgspec

from outrider.core.errors import InvalidConfigError
from outrider.core.events import OnLost
from outrider.core.objects import Name
from outrider.core.policy import ApprovalTerms
from outrider.core.quantities import Duration, duration

VARIABLES = ("event", "state", "labels")


class Condition(msgspec.Struct, kw_only=True, rename={"condition": "if"}, forbid_unknown_fields=True):
    """An event of this trigger, for which the expression holds.

    Attributes:
        trigger: `agent/trigger`.
        condition: CEL over `event`, `state` (the last data of every trigger) and `labels`; empty holds always.
    """

    # `schedule:NAME` stands in stored runs of scheduled calls; in a Rule no trigger has such a name.
    trigger: Annotated[str, msgspec.Meta(pattern=r"^([a-z0-9-]+/|schedule:)[a-z0-9-]+$", examples=["eyes/web"])]
    condition: str = ""


class When(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Which events start the rule: any one of the listed."""

    any: Annotated[list[Condition], msgspec.Meta(min_length=1)]


class OncePer(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """At most one run per value of `key` (CEL) in `period`."""

    key: str
    period: Duration


class RateLimit(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """At most `count` runs of the rule in `period`."""

    count: Annotated[int, msgspec.Meta(ge=1, le=10_000)]
    period: Duration


class Retry(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """How often a step is tried in all, and the delay before a repetition."""

    attempts: Annotated[int, msgspec.Meta(ge=1, le=100)] = 1
    backoff: Duration = duration("1s")


class Step(msgspec.Struct, kw_only=True, rename={"parameters": "with", "run_on": "runOn", "on_lost": "onLost",
                                                "require_approval": "requireApproval"}, forbid_unknown_fields=True):  # fmt: skip
    """One thing to do: an action plugin, or an operation.

    Attributes:
        plugin: Id of an action plugin.
        call: An operation, such as `host.service_restart`.
        mode: Must be `apply` where the operation changes anything.
        run_on: An action agent by name, or by labels; without it any that lists the plugin or allows the operation.
        on_lost: What follows when the agent vanished while it ran; the plugin's own answer if absent.
    """

    plugin: Name | None = None
    call: str | None = None
    mode: Literal["apply"] | None = None
    run_on: str | dict[str, str] | None = None
    parameters: dict[str, Any] = {}
    timeout: Duration = duration("60s")
    retry: Retry = msgspec.field(default_factory=Retry)
    on_lost: OnLost | None = None
    require_approval: ApprovalTerms | None = None

    def __post_init__(self) -> None:
        if (self.plugin is None) == (self.call is None):
            raise InvalidConfigError(
                "a step names either a plugin or a call",
                found="both" if self.plugin else "none",
                expected="plugin: NAME or call: family.operation",
                suggestions=["remove one of the two" if self.plugin else "add plugin: NAME or call: family.operation"],
            )


class RuleSpec(msgspec.Struct, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A rule.

    Attributes:
        enabled: A rule that is not matches nothing; its runs that are under way go on.
        debounce: The condition must hold for this long; an event of the trigger that does not meet it starts over.
        do: Steps, one after the other; the first that fails ends the run.
        report: Outputs that get the report of each run.
    """

    enabled: bool = True
    when: When
    debounce: Duration = duration("0s")
    once_per: OncePer | None = None
    rate_limit: RateLimit | None = None
    do: list[Step] = []
    report: list[Name] = []
