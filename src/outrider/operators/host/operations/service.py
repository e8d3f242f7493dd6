"""The state of one service."""

import msgspec

from outrider.operators.host.services import ServiceParams, ServiceState, find_manager, service_target
from outrider.runtime.context import Context
from outrider.runtime.implementation import Implementation


class ServiceResult(ServiceState, kw_only=True):
    """The service and who manages it."""

    manager: str


async def run(params: ServiceParams, context: Context) -> ServiceResult:
    """Ask its manager.

    Raises:
        NotFoundError: No service has this name.
        MissingRequirementError: Neither a supervisor nor systemd runs here.
    """
    manager = await find_manager(params.service, context)
    state = await manager.status(params.service)
    return ServiceResult(**msgspec.structs.asdict(state), manager=manager.name)


OPERATION = Implementation(params=ServiceParams, result=ServiceResult, run=run, target=service_target)
