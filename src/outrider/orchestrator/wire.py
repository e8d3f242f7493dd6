"""What users and the orchestrator say to each other. No database in here: the CLI and the supervisor import it too."""

from typing import Annotated, Any

import msgspec

from outrider.core.audit import ChainHead
from outrider.core.events import Event, Heartbeat, Result


class EventRow(msgspec.Struct, kw_only=True):
    """A stored event; `sequence` is its place in the order of arrival."""

    sequence: int
    received: str
    event: Event


class RunRow(msgspec.Struct, kw_only=True):
    """One line of the list of runs; `seconds` from the match to the end."""

    id: str
    rule: str
    state: str
    created: str
    seconds: float | None
    source: str
    message: str


class AttemptRow(msgspec.Struct, kw_only=True):
    """One try at a step."""

    attempt: int
    agent: str
    status: str
    claimed: str
    started: str
    finished: str


class StepRow(msgspec.Struct, kw_only=True):
    """One step of a run, what undoes one, or one report of it.

    Attributes:
        step: Name of the step in the rule, if it has one.
        undoes: The step that it undoes; empty for other ones.
    """

    step: str = ""
    undoes: str = ""
    instruction: str
    kind: str
    name: str
    state: str
    attempts: list[AttemptRow]
    result: Result | None
    log: list[str]
    offset: float
    seconds: float | None


class TaskRequest(msgspec.Struct, kw_only=True):
    """A task that a user gives to an AI agent.

    Attributes:
        id: Of the request; a second one with the same id is refused.
        input_data: What the agent is given.
        session: The conversation that it belongs to; empty for none.
    """

    id: str
    input_data: dict[str, Any] = {}
    session: Annotated[str, msgspec.Meta(pattern=r"^[!-~]*$", max_length=256)] = ""


def task_input(given: Any) -> dict[str, Any]:
    """Return what an AI agent is given: what is no object stands in one, under `input`."""
    return given if isinstance(given, dict) else {"input": given}


class RunDetail(msgspec.Struct, kw_only=True):
    """A whole run.

    Attributes:
        event: The last event of the match.
        matched: Ids of all its events.
        skipped: Steps that were left out because their conditions did not hold.
    """

    run: RunRow
    event: Event
    matched: list[str]
    trace_id: str
    steps: list[StepRow]
    skipped: list[str]


class WhyRow(msgspec.Struct, kw_only=True):
    """Why one rule did something about an event, or did not.

    Attributes:
        outcome: `started`, `shadow`, `waiting`, `limited`, `held back`, `left out`; `not met`, `disabled`, `other events`.
        checks: What its conditions say about the event, one line each.
    """

    rule: str
    outcome: str
    reason: str
    run: str = ""
    key: str = ""
    events: list[str] = []
    checks: list[str] = []


class WhyAnswer(msgspec.Struct, kw_only=True):
    """What the rules made of an event."""

    event: EventRow
    rules: list[WhyRow]


class AgentRow(msgspec.Struct, kw_only=True):
    """An agent and its last sign of life."""

    name: str
    kind: str
    status: str
    last_seen: str
    health: Heartbeat


class ApprovalRow(msgspec.Struct, kw_only=True):
    """A question to people.

    Attributes:
        decision: `approved`, `rejected`, `expired`, `withdrawn` as its run was cancelled, or nothing yet.
    """

    instruction: str
    question: str
    groups: list[str]
    requested: str
    expires: str
    decision: str
    decided_by: str


class TimelineEntry(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One line of the live timeline; `sequence` grows by one, `time` in seconds since the epoch."""

    sequence: int = 0
    time: float = 0.0
    kind: str
    subject: str
    text: str
    event: str = ""
    run: str = ""
    instruction: str = ""


class ObjectRow(msgspec.Struct, kw_only=True):
    """An applied object; `document` is what a person would write to declare it."""

    kind: str
    name: str
    generation: int
    applied: str
    applied_by: str
    document: dict[str, Any]


class ScheduleRow(msgspec.Struct, kw_only=True):
    """A scheduled call; `next` is empty while it is suspended, `errors` counts the runs that did not complete."""

    name: str
    operation: str
    schedule: str
    time_zone: str
    suspended: bool
    next: str
    last: str
    last_state: str
    last_message: str
    executions: int
    errors: int


class HoldRequest(msgspec.Struct, kw_only=True):
    """What is to be held back: `pause`, `cordon` of an agent, or `silence` of `rule/NAME` or `trigger/AGENT/TRIGGER`.

    Without `seconds` until somebody ends it. In a silence `*` stands for any text.
    """

    kind: str
    subject: str = ""
    comment: str = ""
    seconds: float | None = None


class HoldRow(msgspec.Struct, kw_only=True):
    """Something that is held back; `until` is empty where only a person ends it."""

    id: str
    kind: str
    subject: str
    comment: str
    placed_by: str
    placed: str
    until: str


class AgentWork(msgspec.Struct):
    """How many instructions an agent has taken and not finished."""

    running: int


class ApplyRequest(msgspec.Struct, kw_only=True):
    """Objects to store; with `prune` those that are not named are removed."""

    objects: list[dict[str, Any]]
    prune: bool = False


class ApplyAnswer(msgspec.Struct):
    """What changed, as `Kind/name created`."""

    changes: list[str]


class TokenRequest(msgspec.Struct):
    """For which agent a one-time enrolment token is wanted."""

    agent: str
    kind: str


class TokenAnswer(msgspec.Struct):
    """The token; it is shown once and kept as a hash."""

    token: str


class DecisionRequest(msgspec.Struct):
    """An answer to an approval: `approved` or `rejected`."""

    decision: str


class StatusAnswer(msgspec.Struct, kw_only=True):
    """The orchestrator at a glance."""

    version: str
    tenant: str
    agents: list[AgentRow]
    expected_agents: dict[str, str]
    approvals: int
    runs: list[RunRow]
    holds: list[HoldRow]


class QueueStream(msgspec.Struct, kw_only=True):
    """A stream of the queue; `size` in bytes."""

    name: str
    messages: int
    size: int


class QueueAnswer(msgspec.Struct, kw_only=True):
    """The queue as this orchestrator sees it.

    Attributes:
        declared: Whether the platform has one; nothing else says anything where it has none.
        connected: Whether it can be reached now.
        server: The one that answers.
        problem: Why it cannot be reached.
        problems: What else is wrong, such as with the stream of an agent's tasks.
        since: From when on that is so.
        publishes: What is published.
        inbox: Subject of the inbox; empty without one.
        tasks: From which subject AI agents in mode queue take their tasks, by name.
        waiting: Messages that are not published yet.
        oldest: When the first of them came.
        dead: Dead letters of the inbox and of tasks.
    """

    declared: bool
    connected: bool = False
    server: str = ""
    problem: str = ""
    since: str = ""
    publishes: list[str] = []
    inbox: str = ""
    tasks: dict[str, str] = {}
    problems: list[str] = []
    waiting: int = 0
    oldest: str = ""
    dead: int = 0
    streams: list[QueueStream] = []


class DeadLetter(msgspec.Struct, kw_only=True):
    """A message of the inbox that nobody could take; `data` as text, shortened in lists."""

    sequence: int
    stored: str
    deliveries: int
    reason: str
    data: str


class TimelineAnswer(msgspec.Struct):
    """Timeline entries after the asked sequence number.

    Attributes:
        began: When this timeline began, in ms since the epoch. Each orchestrator has one, and another after every start.
    """

    entries: list[TimelineEntry]
    began: int = 0


class AuditHeads(msgspec.Struct):
    """The furthest head seen of each writer's chain."""

    heads: list[ChainHead]
