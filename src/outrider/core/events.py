"""What agents and the orchestrator say to each other: events, instructions, results.

Field names of instructions and results follow the agent protocol described in docs/reference/agent-protocol.md.
"""

from enum import StrEnum
from typing import Any, Literal

import msgspec

from outrider.core.audit import ChainHead
from outrider.core.errors import ErrorBody
from outrider.core.policy import ApprovalTerms

MAX_EVENT_BYTES = 256 * 1024
MAX_EVENTS_PER_REQUEST = 500
Severity = Literal["low", "medium", "high", "critical"]


class Event(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Something that a trigger saw.

    Attributes:
        id: Time-ordered and unique; repeats of a delivery carry the same one.
        source: `agent/trigger`, set by the agent, never by the plugin.
        type: Id of the trigger plugin.
        time: RFC 3339, when it was seen.
        count: 1 for a transition; 2, 3... when an unhealthy state is repeated.
    """

    id: str
    source: str
    type: str
    time: str
    severity: Severity = "medium"
    data: dict[str, Any] = {}
    labels: dict[str, str] = {}
    count: int = 1
    trace_id: str = ""


class EventBatch(msgspec.Struct):
    """Body of `POST .../events`."""

    events: list[Event]


class EventOutcome(msgspec.Struct):
    """What became of one event: stored now, known already, or refused for good."""

    id: str
    outcome: Literal["accepted", "duplicate", "rejected"]
    reason: str = ""


class EventOutcomes(msgspec.Struct):
    """Answer to an EventBatch, in its order."""

    outcomes: list[EventOutcome]


class InstructionState(StrEnum):
    """Where an instruction stands; the last five are final."""

    AWAITING_APPROVAL = "awaiting_approval"
    PENDING = "pending"
    DELIVERED = "delivered"
    EXECUTING = "executing"
    COMPLETED = "completed"
    FAILED = "failed"
    TIMEOUT = "timeout"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"

    @property
    def final(self) -> bool:
        """Whether nothing follows."""
        return self in _FINAL


_FINAL = frozenset(
    {
        InstructionState.COMPLETED,
        InstructionState.FAILED,
        InstructionState.TIMEOUT,
        InstructionState.CANCELLED,
        InstructionState.UNKNOWN,
    }
)
OnLost = Literal["retry", "fail", "manual"]
InstructionType = Literal["execute", "call", "output", "task", "question"]


class Instruction(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One attempt at one step, as it is handed to an agent.

    Attributes:
        instruction_type: `execute` an action plugin, `call` an operation, send an `output`, or give an AI agent a `task`.
            A `question` is for people and is handed to no agent.
        plugin_id: The plugin, or the operation as `family.operation`.
        plugin_configuration: Configuration of the plugin's host.
        input_data: Parameters of this execution.
        context: The event and the rule behind it.
        lease_epoch: Number of the claim; a result with an older one is refused.
        lease_seconds: How long the claim lasts without renewal.
        idempotency_key: The same for every attempt of this step.
    """

    id: str
    instruction_type: InstructionType
    plugin_id: str
    plugin_configuration: dict[str, Any] = {}
    input_data: dict[str, Any] = {}
    context: dict[str, Any] = {}
    timeout_seconds: float = 60.0
    max_retries: int = 0
    correlation_id: str = ""
    attempt: int = 1
    lease_epoch: int = 0
    lease_seconds: float = 30.0
    idempotency_key: str = ""
    on_lost: OnLost = "fail"
    trace_id: str = ""
    principal: str = ""


class CallRequest(msgspec.Struct, kw_only=True):
    """An operation that an AI agent asks for, or leave to call a tool that is no operation.

    Attributes:
        id: Of the request; a second one with the same id asks for nothing more.
        tool: For which `approval` is wanted, in place of an operation.
        input_data: Arguments; of a tool as people are to see them.
    """

    id: str
    operation: str = ""
    tool: str = ""
    input_data: dict[str, Any] = {}
    approval: ApprovalTerms | None = None


# Names the conversation that a task belongs to: of an HTTP request, and of a message.
SESSION_HEADER = "x-outrider-session"


class CallAnswer(msgspec.Struct, kw_only=True):
    """What became of an operation that was asked for.

    Attributes:
        run: The run that does it.
        state: That of the run; `running` while it waits or works.
        result: What the operation gave.
        error: Why it did not.
        session: The conversation that a task belongs to.
        waits: What a task waits for, if it is more than its own end: its turn, or a person.
        decided_by: Who approved or rejected it, where somebody was asked.
    """

    run: str
    state: str = "running"
    result: dict[str, Any] = {}
    error: ErrorBody | None = None
    session: str = ""
    waits: str = ""
    decided_by: str = ""


class PollAnswer(msgspec.Struct, kw_only=True):
    """Answer to a poll: `instruction` is the first of `instructions`, for clients that take one at a time."""

    instruction: Instruction | None = None
    instructions: list[Instruction] = []
    status: Literal["no_pending_instructions", "instruction_delivered"] = "no_pending_instructions"
    next_poll_interval: int = 0


class LeaseRequest(msgspec.Struct):
    """Renewal of a claim; the first one, before the start, makes the instruction `executing`."""

    lease_epoch: int
    progress: str = ""


class LeaseAnswer(msgspec.Struct):
    """The claim still holds for `lease_seconds` from now; `cancel` asks the agent to stop the work."""

    lease_epoch: int
    lease_seconds: float
    cancel: bool = False


class LogLine(msgspec.Struct):
    """One line of an execution's log."""

    time: str
    text: str
    stream: Literal["plugin", "agent"] = "plugin"


class LogBatch(msgspec.Struct):
    """Ordered, resumable log lines of one attempt; `first_sequence` counts from 0 within it."""

    lease_epoch: int
    first_sequence: int
    lines: list[LogLine]


class LogAnswer(msgspec.Struct):
    """How many lines of the attempt are stored."""

    next_sequence: int


class Result(msgspec.Struct, kw_only=True, omit_defaults=True):
    """How an attempt ended."""

    status: Literal["completed", "failed", "timeout", "cancelled", "unknown_outcome"]
    lease_epoch: int
    attempt: int = 1
    result: dict[str, Any] = {}
    error: ErrorBody | None = None
    started_at: str = ""
    completed_at: str = ""
    duration: float = 0.0


class ResultAnswer(msgspec.Struct):
    """The result is stored, or was before."""

    acknowledged: bool
    duplicate: bool = False


class Heartbeat(msgspec.Struct, kw_only=True):
    """Sign of life of an agent.

    Attributes:
        running: Instructions being executed now.
        plugins: Health of each plugin, by name.
        audit_head: End of the agent's audit chain, anchored by the orchestrator.
    """

    timestamp: str
    status: Literal["online", "offline"] = "online"
    version: str = ""
    pid: int = 0
    running: int = 0
    outbox: int = 0
    sandbox: str = ""
    config_generation: int = 0
    plugins: dict[str, "PluginHealth"] = {}
    audit_head: ChainHead | None = None


class PluginHealth(msgspec.Struct, kw_only=True):
    """State of one plugin host."""

    status: Literal["stopped", "starting", "running", "stopping", "error"]
    health: Literal["healthy", "degraded", "unhealthy", "unknown"] = "unknown"
    message: str = ""
    restarts: int = 0


class HeartbeatAnswer(msgspec.Struct):
    """Newest configuration that the agent should have."""

    config_generation: int = 0


class EnrolmentRequest(msgspec.Struct):
    """A one-time token and a signing request; identity comes from the token, never from the request."""

    token: str
    csr: str


class EnrolmentAnswer(msgspec.Struct):
    """The agent's certificate and whom to trust."""

    agent_id: str
    certificate_chain: str
    ca_bundle: str
    not_after: float
