"""What a rule does: steps with templates, conditions, parallel parts and compensation."""

from typing import Annotated, Any, Literal

import msgspec

from outrider.core.errors import InvalidConfigError
from outrider.core.events import OnLost
from outrider.core.objects import Name
from outrider.core.policy import ApprovalTerms
from outrider.core.quantities import Duration, duration

# What templates and conditions of steps see, beside what conditions of events do.
STEP_VARIABLES = ("event", "events", "state", "labels", "steps", "run")
MAX_STEPS = 100


class Retry(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """How often a step is tried in all, and the delay before a repetition."""

    attempts: Annotated[int, msgspec.Meta(ge=1, le=100)] = 1
    backoff: Duration = duration("1s")


_FORMS = ("plugin", "call", "agent", "ask")
_NAMES = {
    "parameters": "with",
    "run_on": "runOn",
    "on_lost": "onLost",
    "require_approval": "requireApproval",
    "start_within": "startWithin",
    "condition": "if",
    "on_failure": "onFailure",
}


class Action(msgspec.Struct, kw_only=True, rename=_NAMES, omit_defaults=True, forbid_unknown_fields=True):
    """An action plugin, an operation, a task for an AI agent, or a question to people.

    Attributes:
        plugin: Id of an action plugin.
        call: An operation, such as `host.service_restart`.
        agent: An AgentType; `with` is the input of its task.
        ask: What somebody is asked, `with` the facts; the step is done when `requireApproval` is given.
        mode: Must be `apply` where the operation changes anything.
        run_on: An action agent by name, or by labels; without it any that lists the plugin or allows the operation.
        parameters: What it is given. Texts may hold `${CEL}` over `event`, `events`, `state`, `labels`, `steps` and `run`.
        timeout: How long one attempt may take.
        start_within: If nobody has taken it by then it has failed; without it, it waits for an agent.
        on_lost: What follows when the agent vanished while it ran; the plugin's own answer if absent.
        require_approval: Who must say yes before it starts.
    """

    plugin: Name | None = None
    call: str | None = None
    agent: Name | None = None
    ask: Annotated[str, msgspec.Meta(min_length=1, max_length=200)] | None = None
    mode: Literal["apply"] | None = None
    run_on: str | dict[str, str] | None = None
    parameters: dict[str, Any] = {}
    timeout: Duration = duration("60s")
    start_within: Duration | None = None
    retry: Retry = msgspec.field(default_factory=Retry)
    on_lost: OnLost | None = None
    require_approval: ApprovalTerms | None = None

    def __post_init__(self) -> None:
        self._check_one_of()

    def _check_one_of(self) -> None:
        given = [form for form in _FORMS if getattr(self, form) is not None]
        if len(given) != 1:
            raise InvalidConfigError(
                "a step names a plugin, a call, an agent or a question",
                found=" and ".join(given) or "none",
                expected="one of plugin: NAME, call: family.operation, agent: NAME, ask: QUESTION",
                suggestions=["remove all but one" if given else "add plugin: NAME or call: family.operation"],
            )

    @property
    def subject(self) -> str:
        """What it uses: the plugin, the operation or the agent; or what it asks."""
        return self.plugin or self.call or self.agent or self.ask or ""


class SingleStep(Action, kw_only=True):
    """An action in its place in a run.

    Attributes:
        name: Under which later steps find its result, as `steps.NAME`.
        condition: CEL as in `with`; where it does not hold the step is left out.
        on_failure: `continue` goes on with the next step.
        compensate: What undoes it, if the run fails after it was completed.
    """

    name: Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_]{0,62}$", examples=["check"])] | None = None
    condition: str = ""
    on_failure: Literal["stop", "continue"] = "stop"
    compensate: Action | None = None


class Step(SingleStep, kw_only=True):
    """A step, or several at the same time.

    Attributes:
        parallel: Steps that begin together; the next step begins when all have ended.
    """

    parallel: Annotated[list[SingleStep], msgspec.Meta(min_length=1, max_length=MAX_STEPS)] | None = None

    def __post_init__(self) -> None:
        if self.parallel is None:
            self._check_one_of()
            return
        given = [
            _NAMES.get(name, name)
            for name in Step.__struct_fields__
            if name not in ("parallel", "condition", "timeout", "retry")
            and getattr(self, name) not in (None, {}, "stop")
        ]
        if given:
            raise InvalidConfigError(
                f"a parallel step has no {given[0]} of its own", found=", ".join(given), expected="parallel, and perhaps if",
                suggestions=[f"move {given[0]} into the steps under parallel"],
            )  # fmt: skip

    @property
    def leaves(self) -> list[SingleStep]:
        """The step itself, or the parallel ones."""
        return [self] if self.parallel is None else list(self.parallel)
