"""`outrider serve` as a process: the application on one address."""

import asyncio
import getpass
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import uvicorn

from outrider.core.errors import InvalidConfigError
from outrider.ports.http.listening import cannot_listen, check_port
from outrider.runtime.contexts import PlatformContext, user_state_folder
from outrider.surfaces.a2a.desk import A2aDesk
from outrider.surfaces.door import Door
from outrider.surfaces.http.a2a import A2aEndpoint
from outrider.surfaces.http.app import Parts, build
from outrider.surfaces.http.applications import Applications, IdempotencyKeys
from outrider.surfaces.http.mcp import McpEndpoint
from outrider.surfaces.http.operations import Desk
from outrider.surfaces.http.platform import PlatformGate
from outrider.surfaces.http.security import LOOPBACK, Gate, ensure_token
from outrider.surfaces.mcp.service import desk, router

STOP_SECONDS = 15
MAX_CONNECTIONS = 512


class ServeSettings(msgspec.Struct, kw_only=True, frozen=True):
    """How to serve.

    Attributes:
        host: A loopback address, unless there is a certificate.
        port: 0 takes a free one.
        certificate: PEM file with the certificate chain.
        key: PEM file with its key.
        agent: Name of the AI agents that come over MCP.
    """

    host: str
    port: int
    certificate: Path | None = None
    key: Path | None = None
    agent: str

    @property
    def scheme(self) -> str:
        """`https` where there is a certificate."""
        return "https" if self.certificate is not None else "http"


def check(settings: ServeSettings) -> None:
    """Refuse to serve in the clear to other machines.

    Raises:
        InvalidConfigError: The address is not loopback and there is no certificate, or only half of one.
    """
    check_port(settings.port)
    if (settings.certificate is None) is not (settings.key is None):
        raise InvalidConfigError(
            "a certificate and its key belong together", suggestions=["give --tls-certificate and --tls-key"]
        )
    if settings.certificate is None and settings.host not in LOOPBACK:
        raise InvalidConfigError(
            f"{settings.host} can be reached by other machines, and the token would travel in the clear",
            found=settings.host,
            expected="127.0.0.1, or a certificate",
            suggestions=["give --tls-certificate and --tls-key", "listen on 127.0.0.1"],
        )


def token_file() -> Path:
    """Return where the token is."""
    return user_state_folder() / "serve" / "token"


class _Server(uvicorn.Server):
    """Leaves signals to us: an interrupt is an ordinary end."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def serve(settings: ServeSettings, context: PlatformContext | None, ready: Callable[[str], None]) -> None:
    """Serve until SIGINT or SIGTERM.

    Args:
        settings: Where.
        context: The platform that is served.
        ready: Gets the address once it is open.

    Raises:
        InvalidConfigError: The address or the certificate cannot be used.
        ConflictError: Another process listens there.
    """
    check(settings)
    listener = _listen(settings)
    server = _Server(_config(settings, _parts(settings, context)))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, lambda: setattr(server, "should_exit", True))
    name = f"[{settings.host}]" if ":" in settings.host else settings.host
    ready(f"{settings.scheme}://{name}:{listener.getsockname()[1]}")
    await server.serve(sockets=[listener])


def _parts(settings: ServeSettings, context: PlatformContext | None) -> Parts:
    door = Door(context)
    door.refresh()
    keys = IdempotencyKeys(user_state_folder() / "serve" / "keys", door)
    platform = PlatformGate(context)
    return Parts(
        desk=Desk(door, getpass.getuser(), keys, Applications(door)),
        platform=platform,
        mcp=McpEndpoint(router(), desk(door, settings.agent)),
        a2a=A2aEndpoint(A2aDesk(platform.connected)),
        gate=Gate(ensure_token(token_file()), token_file(), settings.host),
    )


def _config(settings: ServeSettings, parts: Parts) -> uvicorn.Config:
    config = uvicorn.Config(
        build(parts),
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=MAX_CONNECTIONS,
        timeout_graceful_shutdown=STOP_SECONDS,
        ssl_certfile=settings.certificate,
        ssl_keyfile=settings.key,
        lifespan="on",
        ws="none",
    )
    try:
        config.load()
    except OSError as error:  # ssl.SSLError is one
        raise InvalidConfigError(
            f"the certificate or its key cannot be used: {error.strerror or error}",
            found=f"{settings.certificate}, {settings.key}",
            expected="PEM files that belong together",
            suggestions=["check both files"],
        ) from error
    return config


def _listen(settings: ServeSettings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        return socket.create_server((settings.host, settings.port), family=family, backlog=1024)
    except (OSError, UnicodeError) as error:
        raise cannot_listen(f"{settings.host}:{settings.port}", error) from error
