"""Restart of a service: the platform's supervisor does it, or systemd where no supervised service has the name."""

import msgspec

from outrider.core.operation import Change, Difference
from outrider.operators.host.services import ServiceParams, check_same_process, find_manager, service_target
from outrider.runtime.context import Context
from outrider.runtime.implementation import Implementation


class ServiceRestartResult(msgspec.Struct, kw_only=True):
    """The service after the restart."""

    service: str
    manager: str
    state: str
    pid: int
    previous_pid: int


async def plan(params: ServiceParams, context: Context) -> Change:
    """Say which process would be replaced."""
    manager = await find_manager(params.service, context)
    before = await manager.status(params.service)
    return Change(
        target=service_target(params),
        difference=[Difference("process", f"{before.state} (pid {before.pid})", "started anew")],
        preconditions={"pid": before.pid},
    )


async def run(params: ServiceParams, context: Context) -> ServiceRestartResult:
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
    params=ServiceParams,
    result=ServiceRestartResult,
    run=run,
    plan=plan,
    target=service_target,
)
