"""The supervisor's own API on a unix socket that only its user may open: status, stop, and the declared services."""

from collections.abc import Awaitable, Callable, Mapping

import msgspec

from outrider.core.errors import ConflictError, InvalidConfigError, NotFoundError, did_you_mean
from outrider.core.http.messages import Request, Response
from outrider.local.parts import Part, PartStatus
from outrider.ports.http.routing import Router, json_response, read_json
from outrider.ports.telemetry import logger

_log = logger(__name__)
ACTIONS = ("start", "stop", "restart")


class SupervisorStatus(msgspec.Struct, kw_only=True):
    """What the supervisor knows."""

    name: str
    url: str
    ready: bool
    parts: list[PartStatus]
    overlay: str = ""


class ReloadRequest(msgspec.Struct):
    """Which objects are meant: `digest` of those that were shown to the user."""

    digest: str


class ReloadAnswer(msgspec.Struct, kw_only=True):
    """What was taken over.

    Attributes:
        changes: As `Kind/name created`.
        started: Agents and services that were started, or started anew.
        stopped: Those that were stopped.
    """

    changes: list[str]
    started: list[str]
    stopped: list[str]


Reload = Callable[[str], Awaitable[ReloadAnswer]]


class Control:
    """Routes of the supervisor.

    Args:
        status: Returns the platform's status.
        services: The declared services by name.
        stop: Ends the platform.
        reload: Takes over the files of the folder.
    """

    def __init__(
        self,
        status: Callable[[], SupervisorStatus],
        services: Mapping[str, Part],
        *,
        stop: Callable[[], None],
        reload: Reload,
    ) -> None:
        self._status = status
        self._services = services
        self._stop = stop
        self._reload = reload

    def router(self) -> Router:
        """Return the routes."""
        router = Router(_log)
        router.add("GET", "/status", self._get_status)
        router.add("POST", "/stop", self._post_stop)
        router.add("POST", "/reload", self._post_reload)
        router.add("GET", "/services", self._get_services)
        router.add("GET", "/services/{service}", self._get_service)
        router.add("POST", "/services/{service}/{action}", self._post_service)
        return router

    async def _get_status(self, _: Request) -> Response:
        return json_response(self._status())

    async def _post_stop(self, _: Request) -> Response:
        self._stop()
        return json_response({"stopping": True})

    async def _post_reload(self, request: Request) -> Response:
        return json_response(await self._reload(read_json(request, ReloadRequest).digest))

    async def _get_services(self, _: Request) -> Response:
        return json_response([part.status for part in self._services.values()])

    async def _get_service(self, request: Request) -> Response:
        return json_response(self._find(request.params["service"]).status)

    async def _post_service(self, request: Request) -> Response:
        part = self._find(request.params["service"])
        action = request.params["action"]
        if action not in ACTIONS:
            raise InvalidConfigError(
                f"'{action}' is nothing a service can do", found=action, expected=", ".join(ACTIONS)
            )
        expected = request.arguments().get("expect_pid", [""])[0]
        if expected and expected != str(part.status.pid):
            raise ConflictError(
                f"service '{part.spec.name}' was started again in the meantime",
                found=f"pid {part.status.pid}",
                expected=f"pid {expected}",
            )
        if action in ("stop", "restart"):
            await part.stop()
        if action in ("start", "restart"):
            await part.start()
        return json_response(part.status)

    def _find(self, name: str) -> Part:
        part = self._services.get(name)
        if part is None:
            raise NotFoundError(
                f"no service is called '{name}'",
                found=name,
                expected=", ".join(sorted(self._services)) or "a service of Platform.spec.services",
                suggestions=did_you_mean(name, self._services),
            )
        return part
