"""Start of a service; one that runs stays as it is."""

from collections.abc import Mapping
from typing import Any

import msgspec

from outrider.core.operation import Change, Difference
from outrider.operators.host.services import ServiceName, check_same_process, find_manager
from outrider.runtime.context import Context
from outrider.runtime.implementation import Implementation, Inverse


class ServiceStartParams(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Which service.

    Attributes:
        service: Name of a supervised service or systemd unit.
    """

    service: ServiceName


class ServiceStartResult(msgspec.Struct, kw_only=True):
    """The service afterwards; `changed` is false where there was nothing to do."""

    service: str
    manager: str
    state: str
    pid: int
    changed: bool


async def plan(params: ServiceStartParams, context: Context) -> Change:
    """Say whether it would be started."""
    manager = await find_manager(params.service, context)
    before = await manager.status(params.service)
    difference = Difference("state", f"{before.state} (pid {before.pid})", "running")
    return Change(
        target=f"service/{params.service}",
        difference=[] if before.pid else [difference],
        preconditions={"pid": before.pid},
    )


async def run(params: ServiceStartParams, context: Context) -> ServiceStartResult:
    """Start it.

    Raises:
        NotFoundError: No service has this name.
        PreconditionFailedError: It was started or stopped since the plan was made.
    """
    manager = await find_manager(params.service, context)
    before = await manager.status(params.service)
    check_same_process(before, context)
    after = await manager.act(params.service, "start")
    return ServiceStartResult(
        service=params.service, manager=manager.name, state=after.state, pid=after.pid, changed=before.pid != after.pid
    )


def inverse(params: ServiceStartParams, result: Mapping[str, Any]) -> Inverse | None:
    """Return the call that stops it again; None where nothing was changed."""
    return ("service_stop", {"service": params.service}) if result["changed"] else None


OPERATION = Implementation(
    params=ServiceStartParams,
    result=ServiceStartResult,
    run=run,
    plan=plan,
    inverse=inverse,
    target=lambda params: f"service/{params.service}",
)
