"""Every service of the platform's supervisor and of systemd."""

import msgspec

from outrider.operators.host.services import ServiceState, managers
from outrider.runtime.context import Context
from outrider.runtime.implementation import Implementation


class ServicesParams(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Which services.

    Attributes:
        running: Only those that have a process, or only those that have none.
    """

    running: bool | None = None


class ListedService(ServiceState, kw_only=True):
    """A service and who manages it."""

    manager: str


class ServicesResult(msgspec.Struct, kw_only=True):
    """The services, those of the supervisor first."""

    services: list[ListedService]


async def run(params: ServicesParams, context: Context) -> ServicesResult:
    """Ask each manager.

    Raises:
        MissingRequirementError: Neither a supervisor nor systemd runs here.
    """
    services = [
        ListedService(**msgspec.structs.asdict(service), manager=manager.name)
        for manager in managers(context)
        for service in await manager.list()
        if params.running in (None, service.running)
    ]
    return ServicesResult(services=services)


OPERATION = Implementation(params=ServicesParams, result=ServicesResult, run=run, target=lambda _: "service/*")
