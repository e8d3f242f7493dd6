"""Stop of a service with everything it started; one that is stopped stays so."""

from collections.abc import Mapping
from typing import Any

import msgspec

from outrider.core.operation import Change, Difference
from outrider.operators.host.services import ServiceName, check_same_process, find_manager
from outrider.runtime.context import Context
from outrider.runtime.implementation import Implementation, Inverse


class ServiceStopParams(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Which service.

    Attributes:
        service: Name of a supervised service or systemd unit.
    """

    service: ServiceName


class ServiceStopResult(msgspec.Struct, kw_only=True):
    """The service afterwards; `changed` is false where there was nothing to do."""

    service: str
    manager: str
    state: str
    pid: int
    changed: bool


async def plan(params: ServiceStopParams, context: Context) -> Change:
    """Say which process would end."""
    manager = await find_manager(params.service, context)
    before = await manager.status(params.service)
    difference = Difference("state", f"{before.state} (pid {before.pid})", "stopped")
    return Change(
        target=f"service/{params.service}",
        difference=[] if not before.pid else [difference],
        preconditions={"pid": before.pid},
    )


async def run(params: ServiceStopParams, context: Context) -> ServiceStopResult:
    """Stop it.

    Raises:
        NotFoundError: No service has this name.
        PreconditionFailedError: It was started or stopped since the plan was made.
    """
    manager = await find_manager(params.service, context)
    before = await manager.status(params.service)
    check_same_process(before, context)
    after = await manager.act(params.service, "stop")
    return ServiceStopResult(
        service=params.service, manager=manager.name, state=after.state, pid=after.pid, changed=before.pid != after.pid
    )


def inverse(params: ServiceStopParams, result: Mapping[str, Any]) -> Inverse | None:
    """Return the call that starts it again; None where nothing was changed."""
    return ("service_start", {"service": params.service}) if result["changed"] else None


OPERATION = Implementation(
    params=ServiceStopParams,
    result=ServiceStopResult,
    run=run,
    plan=plan,
    inverse=inverse,
    target=lambda params: f"service/{params.service}",
)
