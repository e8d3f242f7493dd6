"""`outrider agents`."""

import sys

import click

from outrider.core.codec import encode
from outrider.core.objects import DEFAULT_TENANT
from outrider.orchestrator.wire import AgentRow, TokenAnswer, TokenRequest
from outrider.runtime.client import PlatformClient
from outrider.surfaces.cli.output import Output, output_option, show
from outrider.surfaces.cli.records import fetch
from outrider.surfaces.cli.session import client, execute
from outrider.surfaces.cli.watch import watch, watch_option


@click.group(invoke_without_command=True)
@output_option
@click.pass_context
def agents(ctx: click.Context, output: Output) -> int | None:
    """List agents; without a command the list."""
    if ctx.invoked_subcommand is not None:
        return None
    return _list(ctx, output)


@agents.command("list")
@watch_option
@output_option
@click.pass_context
def list_agents(ctx: click.Context, *, watching: bool, output: Output) -> int:
    """List every agent that came in, with its health."""
    if not watching:
        return _list(ctx, output)

    async def read(platform: PlatformClient) -> list[AgentRow]:
        return await platform.get("/v1/agents", list[AgentRow])

    # A sign of life is no change.
    return watch(ctx, read, output, state=lambda row: encode((row.name, row.status, row.health.plugins)))


def _list(ctx: click.Context, output: Output) -> int:
    from outrider.orchestrator import queries

    rows = fetch(ctx, "/v1/agents", list[AgentRow], lambda connection: queries.list_agents(connection, DEFAULT_TENANT))
    if not output.for_people:
        show(rows, output)
        return 0
    lines = [
        {
            "name": row.name,
            "kind": row.kind,
            "status": row.status,
            "sandbox": row.health.sandbox,
            "plugins": ", ".join(f"{name}: {health.health}" for name, health in row.health.plugins.items()) or "-",
            "last_seen": row.last_seen,
        }
        for row in rows
    ]
    show(lines, output, empty="no agent came in yet")
    return 0


@agents.command("token")
@click.argument("name")
@click.option("--kind", type=click.Choice(["sensor", "action", "worker"]), default="action", show_default=True)
@click.pass_context
def token(ctx: click.Context, name: str, kind: str) -> int:
    """Make a one-time enrolment token for a declared agent; it is shown once and valid for ten minutes."""

    async def ask() -> TokenAnswer:
        async with client(ctx) as platform:
            return await platform.post("/v1/enrolment-tokens", TokenRequest(name, kind), TokenAnswer)

    sys.stdout.write(execute(ask()).token + "\n")
    return 0


@agents.command("revoke")
@click.argument("name")
@click.pass_context
def revoke(ctx: click.Context, name: str) -> int:
    """Refuse an agent from its next request on."""

    async def ask() -> dict[str, bool]:
        async with client(ctx) as platform:
            return await platform.post(f"/v1/agents/{name}/revoke", {}, dict[str, bool])

    known = execute(ask())["revoked"]
    sys.stdout.write(f"{name} is revoked\n" if known else f"no agent called {name} came in yet\n")
    return 0 if known else 3


@agents.command("restore")
@click.argument("name")
@click.pass_context
def restore(ctx: click.Context, name: str) -> int:
    """Let a revoked agent in again; it starts with the next `outrider up`."""

    async def ask() -> dict[str, bool]:
        async with client(ctx) as platform:
            return await platform.post(f"/v1/agents/{name}/restore", {}, dict[str, bool])

    known = execute(ask())["restored"]
    sys.stdout.write(f"{name} may come in again\n" if known else f"{name} is not revoked\n")
    return 0 if known else 3
