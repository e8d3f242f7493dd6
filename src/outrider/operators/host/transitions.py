"""Start and stop of a service: the same steps towards opposite states."""

from collections.abc import Mapping
from typing import Any

import msgspec

from outrider.core.operation import Change, Difference
from outrider.operators.host.services import ServiceParams, check_same_process, find_manager, service_target
from outrider.runtime.context import Context
from outrider.runtime.implementation import Implementation, Inverse


class ServiceChanged(msgspec.Struct, kw_only=True):
    """The service afterwards; `changed` is false where there was nothing to do."""

    service: str
    manager: str
    state: str
    pid: int
    changed: bool


def transition(action: str, *, running: bool, undone_by: str) -> Implementation[ServiceParams, ServiceChanged]:
    """Return an operation that brings a service into a state.

    Args:
        action: What the manager is told: `start` or `stop`.
        running: Whether the service runs afterwards.
        undone_by: The operation that is the inverse.
    """

    async def plan(params: ServiceParams, context: Context) -> Change:
        before = await (await find_manager(params.service, context)).status(params.service)
        difference = Difference("state", f"{before.state} (pid {before.pid})", "running" if running else "stopped")
        return Change(
            target=service_target(params),
            difference=[] if bool(before.pid) is running else [difference],
            preconditions={"pid": before.pid},
        )

    async def run(params: ServiceParams, context: Context) -> ServiceChanged:
        manager = await find_manager(params.service, context)
        before = await manager.status(params.service)
        check_same_process(before, context)
        after = await manager.act(params.service, action)
        return ServiceChanged(
            service=params.service,
            manager=manager.name,
            state=after.state,
            pid=after.pid,
            changed=before.pid != after.pid,
        )

    def inverse(params: ServiceParams, result: Mapping[str, Any]) -> Inverse | None:
        return (undone_by, {"service": params.service}) if result["changed"] else None

    return Implementation(
        params=ServiceParams, result=ServiceChanged, run=run, plan=plan, inverse=inverse, target=service_target
    )
