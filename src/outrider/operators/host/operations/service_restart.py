"""Restart of a service: the platform's supervisor does it, or systemd where no supervised service has the name."""

import msgspec

from outrider.core.operation import Change, Difference
from outrider.operators.host.services import ServiceName, check_same_process, find_manager
from outrider.runtime.context import Context
from outrider.runtime.implementation import Implementation


class ServiceRestartParams(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Which service.

    Attributes:
        service: Name of a supervised service or systemd unit.
    """

    service: ServiceName


class ServiceRestartResult(msgspec.Struct, kw_only=True):
    """The service after the restart."""

    service: str
    manager: str
    state: str
    pid: int
    previous_pid: int


async def plan(params: ServiceRestartParams, context: Context) -> Change:
    """Say which process would be replaced."""
    manager = await find_manager(params.service, context)
    before = await manager.status(params.service)
    return Change(
        target=f"service/{params.service}",
        difference=[Difference("process", f"{before.state} (pid {before.pid})", "started anew")],
        preconditions={"pid": before.pid},
    )


async def run(params: ServiceRestartParams, context: Context) -> ServiceRestartResult:
    """Restart it.

    Raises:
        NotFoundError: No service has this name.
        PreconditionFailedError: It was restarted since the plan was made.
    """
    manager = await find_manager(params.service, context)
    before = await manager.status(params.service)
    check_same_process(before, context)
    after = await manager.act(params.service, "restart")
    return ServiceRestartResult(
        service=params.service, manager=manager.name, state=after.state, pid=after.pid, previous_pid=before.pid
    )


OPERATION = Implementation(
    params=ServiceRestartParams,
    result=ServiceRestartResult,
    run=run,
    plan=plan,
    target=lambda params: f"service/{params.service}",
)
