"""The application: routes, what they share, and who may come in."""

from pathlib import PurePath
from typing import Any

from litestar import Litestar, MediaType, Response, get
from litestar.config.app import AppConfig
from litestar.di import Provide
from litestar.openapi.config import OpenAPIConfig

from outrider.core.codec import encode
from outrider.core.quantities import QUANTITIES
from outrider.core.registry import Registry
from outrider.surfaces.http.a2a import A2aEndpoint, a2a_route, card_route
from outrider.surfaces.http.errors import on_error
from outrider.surfaces.http.mcp import McpEndpoint, mcp_route
from outrider.surfaces.http.openapi import document
from outrider.surfaces.http.operations import Desk, OperatorController, PlanController
from outrider.surfaces.http.platform import PlatformController, PlatformGate
from outrider.surfaces.http.security import OPEN, Gate
from outrider.version import __version__

BODY_LIMIT = 8 * 1024 * 1024


class Parts:
    """What the routes use.

    Args:
        desk: Operations and plans.
        platform: The platform behind.
        mcp: Tools for AI agents.
        a2a: Agents of the platform, for others.
        gate: Who may come in.
    """

    def __init__(
        self, *, desk: Desk, platform: PlatformGate, mcp: McpEndpoint, a2a: A2aEndpoint, gate: Gate
    ) -> None:  # fmt: skip
        self.desk = desk
        self.platform = platform
        self.mcp = mcp
        self.a2a = a2a
        self.gate = gate

    async def close(self) -> None:
        """Let what runs end."""
        await self.desk.applications.close()
        await self.platform.close()


@get("/health", opt={OPEN: True}, summary="Say that it serves", media_type=MediaType.JSON)
async def health() -> dict[str, str]:
    """Return the version."""
    return {"status": "ok", "version": __version__}


def _document_route(registry: Registry) -> Any:
    made: list[bytes] = []

    @get("/openapi.json", opt={OPEN: True}, include_in_schema=False)
    async def openapi(request: Any) -> Response[bytes]:
        if not made:
            made.append(encode(document(request.app, registry)))
        return Response(made[0], media_type=MediaType.JSON)

    return openapi


def _provided(part: Any) -> Provide:
    def provide() -> Any:
        return part

    return Provide(provide, sync_to_thread=False)


def build(parts: Parts) -> Litestar:
    """Return the application."""
    shared = {"desk": parts.desk, "platform": parts.platform, "mcp": parts.mcp, "a2a": parts.a2a}
    return Litestar.from_config(
        AppConfig(
            route_handlers=[
                OperatorController, PlanController, PlatformController, mcp_route, a2a_route, card_route, health,
                _document_route(parts.desk.door.invoker.registry),
            ],
            dependencies={name: _provided(part) for name, part in shared.items()},
            guards=[parts.gate],
            exception_handlers={Exception: on_error},
            type_encoders={**dict.fromkeys(QUANTITIES, str), PurePath: str},
            openapi_config=OpenAPIConfig(title="Outrider", version=__version__, path="/schema", render_plugins=[]),
            on_shutdown=[parts.close],
            request_max_body_size=BODY_LIMIT,
        )
    )  # fmt: skip
