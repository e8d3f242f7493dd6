"""`outrider serve`."""

from pathlib import Path

import click

from outrider.core.errors import InvalidConfigError, NotFoundError
from outrider.ports.telemetry import configure_logging, start_tracing
from outrider.runtime.contexts import PlatformContext
from outrider.runtime.discovery import import_module
from outrider.surfaces.cli.session import execute, selected
from outrider.surfaces.cli.settings import note

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.option(
    "--listen", default="127.0.0.1:7080", show_default=True, metavar="HOST:PORT", help="Address; port 0 is a free one."
)
@click.option("--tls-certificate", "certificate", type=_FILE, help="PEM file; needed where HOST is not loopback.")
@click.option("--tls-key", "key", type=_FILE, help="PEM file with the certificate's key.")
@click.option("--agent", default="assistant", show_default=True, help="Name under which policies know MCP clients.")
@click.pass_context
def serve(ctx: click.Context, listen: str, *, certificate: Path | None, key: Path | None, agent: str) -> int:
    """Serve operations, plans and the platform over HTTP, with OpenAPI, and AI agents over MCP."""
    host, _, port = listen.rpartition(":")
    if not host or not port.isdecimal() or len(port) > 5:
        raise InvalidConfigError(
            f"--listen: {listen!r} is not an address", found=listen, expected="HOST:PORT", suggestions=["--listen 127.0.0.1:7080"]
        )  # fmt: skip
    service = import_module("outrider.surfaces.http.service", extra="http")
    settings = service.ServeSettings(
        host=host.removeprefix("[").removesuffix("]"), port=int(port), certificate=certificate, key=key, agent=agent
    )
    configure_logging()
    start_tracing()

    def ready(address: str) -> None:
        click.echo(f"serving {address}", err=True)
        note(f"token in {service.token_file()} · OpenAPI at {address}/openapi.json · MCP at {address}/mcp")

    execute(service.serve(settings, _context(ctx), ready))
    return 0


def _context(ctx: click.Context) -> PlatformContext | None:
    try:
        return selected(ctx)
    except NotFoundError:
        if ctx.find_root().obj.context is not None:
            raise
        return None
