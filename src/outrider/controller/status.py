"""What the controller says of an AgentType: its status in the cluster."""

from typing import Literal

import msgspec

ConditionStatus = Literal["True", "False", "Unknown"]


class Condition(msgspec.Struct, kw_only=True, rename="camel"):
    """One thing that is so or is not (meta/v1 Condition).

    Attributes:
        reason: In CamelCase.
        message: For people; where something is wrong, what to do.
        last_transition_time: When `status` changed last.
    """

    type: str
    status: ConditionStatus
    reason: str
    message: str = ""
    last_transition_time: str = ""
    observed_generation: int = 0


class DiscoveredTool(msgspec.Struct, kw_only=True, rename="camel", omit_defaults=True):
    """A tool that the agent has.

    Attributes:
        tool: As its program calls it.
        server: The Tool that it is of.
        version: Of that Tool.
        hash: Of its definition.
        changed: `text` or `schema` where its server says something else by now under the same version.
    """

    tool: str
    server: str
    version: str = ""
    hash: str = ""
    changed: str = ""


class Spending(msgspec.Struct, kw_only=True, rename="camel", omit_defaults=True):
    """What calls of models have cost, as its sidecars have said; their ledgers and metrics are exact.

    Attributes:
        amount: With its currency.
        since: From when on it is counted.
        counted: Of this, what each pod that runs has spent, by its uid, in nano-units.
    """

    amount: str
    since: str
    counted: dict[str, int] = {}


class AgentTypeStatus(msgspec.Struct, kw_only=True, rename="camel", omit_defaults=True):
    """The status of an AgentType.

    Attributes:
        observed_generation: Of the spec that this is said of.
        tools: How many tools its grants name.
        model: The route that its program asks first.
        replicas: Pods that there are.
        ready_replicas: Of these, those that are ready.
        message: The most important thing, in one line.
        discovered_tools: Those that its program sees, at most a hundred.
        spent: What its models have cost.
        references: A digest of each object that it names: another one means that it has changed.
    """

    observed_generation: int = 0
    tools: int = 0
    model: str = ""
    replicas: int = 0
    ready_replicas: int = 0
    message: str = ""
    discovered_tools: list[DiscoveredTool] = []
    spent: Spending | None = None
    references: dict[str, str] = {}
    conditions: list[Condition] = []


def merged(before: list[Condition], now: list[Condition], moment: str) -> list[Condition]:
    """Return conditions with the times at which they changed: those whose status has stayed keep theirs.

    Args:
        before: As they were said last.
        now: As they are.
        moment: Now, as RFC 3339 has it.
    """
    known = {one.type: one for one in before}
    made = []
    for one in now:
        old = known.get(one.type)
        since = old.last_transition_time if old is not None and old.status == one.status else moment
        made.append(msgspec.structs.replace(one, last_transition_time=since))
    return made
