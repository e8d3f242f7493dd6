"""Says in the status of AgentTypes how they do."""

from collections.abc import Collection, Mapping

import msgspec

from outrider.controller.conditions import TYPES, Seen, conditions
from outrider.controller.definitions import AGENT_TYPES
from outrider.controller.sidecars import Look
from outrider.controller.status import AgentTypeStatus, DiscoveredTool, Spending, merged
from outrider.core.codec import decode, to_builtins
from outrider.core.errors import OutriderError
from outrider.core.timestamps import timestamp_of_second
from outrider.core.units import format_money, parse_money
from outrider.ports.clock import Clock
from outrider.ports.kube.client import KubeClient
from outrider.ports.kube.events import Recorder, Subject
from outrider.ports.kube.objects import KubeObject

MANAGER = "outrider-agenttype-status"
_MOST_TOOLS = 100


class Reporter:
    """Writes the status, where it says something else than before.

    Args:
        client: Who is asked.
        recorder: Says what is wrong to whoever looks at an AgentType.
        clock: For times.
    """

    def __init__(self, client: KubeClient, recorder: Recorder | None, clock: Clock) -> None:
        self._client, self._recorder, self._clock = client, recorder, clock

    async def say(self, item: KubeObject, status: AgentTypeStatus, seen: Seen, looks: Mapping[str, Look]) -> None:
        """Write how an AgentType does.

        Args:
            item: It.
            status: What its spec comes to.
            seen: What the cluster shows.
            looks: What its sidecars say, by the uid of their pod.

        Raises:
            OutriderError: What the server says.
        """
        before, fault = _status_of(item), seen.fault
        found = conditions(seen, list(looks.values()), tools=status.tools)
        if (counts := seen.counts) is not None:
            status.replicas, status.ready_replicas = counts.total, counts.ready
        moment = timestamp_of_second(self._clock.now())
        status.conditions = merged(before.conditions, found, moment)
        status.message = found[0].message
        status.discovered_tools = _tools(looks) if looks else before.discovered_tools
        pods = {pod.metadata.uid for pod in seen.pods} if fault is None else None
        status.spent = spent(before.spent, looks, moment, pods)
        # Of conditions that others have added nothing is said.
        known = msgspec.structs.replace(before, conditions=[one for one in before.conditions if one.type in TYPES])
        if status == known:
            return
        # The version is named: a uid alone does not keep the status of a custom resource from one that has its name now.
        metadata = {**item.identity, "resourceVersion": item.metadata.resource_version}
        content = {"metadata": metadata, "status": to_builtins(status)}
        await self._client.apply(AGENT_TYPES, content, part="status", manager=MANAGER, force=True)
        if fault is not None and self._recorder is not None and status.message != before.message:
            await self._recorder.say(
                Subject(AGENT_TYPES, item), "Warning", found[0].reason, "Reconcile", status.message
            )


def _status_of(item: KubeObject) -> AgentTypeStatus:
    try:
        return decode(bytes(item.status), AgentTypeStatus) if item.status else AgentTypeStatus()
    except OutriderError:
        return AgentTypeStatus()  # somebody else has written it


def _tools(looks: Mapping[str, Look]) -> list[DiscoveredTool]:
    """Return the tools of all pods; where these do not have the same, as while they are replaced, of each name one."""
    found = {
        tool.tool: DiscoveredTool(tool=tool.tool, server=tool.server, version=tool.version, hash=tool.hash, changed=tool.changed)
        for look in looks.values()
        for tool in look.tools.tools
    }  # fmt: skip
    return [found[name] for name in sorted(found)][:_MOST_TOOLS]


def spent(
    before: Spending | None, looks: Mapping[str, Look], moment: str, pods: Collection[str] | None
) -> Spending | None:
    """Return what was spent, with what sidecars have spent since they were asked last; one that has started anew counts from nothing.

    Args:
        before: As it was said last.
        looks: What sidecars say, by the uid of their pod.
        moment: Now, as RFC 3339 has it.
        pods: Those that are there, by uid; None where that is not known.
    """
    currency = next((look.currency for look in looks.values() if look.currency), "")
    if not currency:
        return before
    amount, known = 0, ""
    if before is not None:
        try:
            amount, known = parse_money(before.amount)
        except OutriderError:
            before = None  # somebody else has written it
    if before is None or known != currency:
        before, amount = Spending(amount="", since=moment), 0
    for uid, look in looks.items():
        last = before.counted.get(uid, 0)
        amount += look.cost - last if look.cost >= last else look.cost
    counted = {uid: cost for uid, cost in before.counted.items() if pods is None or uid in pods}
    counted |= {uid: look.cost for uid, look in looks.items()}
    nonzero = {uid: cost for uid, cost in sorted(counted.items()) if cost}
    return Spending(amount=format_money(amount, currency), since=before.since, counted=nonzero)
