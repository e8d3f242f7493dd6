"""`outrider agents`."""

import asyncio
import sys
import time
from contextlib import suppress

import click

from outrider.core.codec import encode
from outrider.core.errors import ConflictError, DeadlineExceededError
from outrider.core.objects import DEFAULT_TENANT
from outrider.core.units import parse_duration
from outrider.orchestrator.wire import AgentRow, AgentWork, TokenAnswer, TokenRequest
from outrider.runtime.client import PlatformClient
from outrider.surfaces.cli.holds import comment_option, for_option, lift, place
from outrider.surfaces.cli.output import Output, output_option, show
from outrider.surfaces.cli.session import client, execute
from outrider.surfaces.cli.stored import fetch
from outrider.surfaces.cli.watch import watch, watch_option

_LOOK_SECONDS = 0.5


@click.group(invoke_without_command=True)
@output_option(list[AgentRow])
@click.pass_context
def agents(ctx: click.Context, output: Output) -> int | None:
    """List agents; without a command the list."""
    if ctx.invoked_subcommand is not None:
        return None
    return _list(ctx, output)


@agents.command("list")
@watch_option
@output_option(list[AgentRow])
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


@agents.command("cordon")
@click.argument("name")
@for_option
@comment_option
@click.pass_context
def cordon(ctx: click.Context, name: str, *, length: str | None, comment: str) -> int:
    """Give an action agent no more work; what it has begun it finishes."""
    place(ctx, "cordon", name, length=length, comment=comment)
    sys.stdout.write(f"{name} takes no more work\n")
    return 0


@agents.command("uncordon")
@click.argument("name")
@click.pass_context
def uncordon(ctx: click.Context, name: str) -> int:
    """Give a cordoned agent work again."""
    lift(ctx, f"cordon:{name}")
    sys.stdout.write(f"{name} takes work again\n")
    return 0


@agents.command("drain")
@click.argument("name")
@click.option("--timeout", default="5m", show_default=True, help="How long to wait for what it has begun.")
@comment_option
@click.pass_context
def drain(ctx: click.Context, name: str, *, timeout: str, comment: str) -> int:
    """Cordon an agent and wait until it has finished what it has begun."""
    with suppress(ConflictError):  # it is cordoned already
        place(ctx, "cordon", name, length=None, comment=comment or "drain")
    left = execute(_drained(ctx, name, parse_duration(timeout)))
    if left:
        raise DeadlineExceededError(
            f"{name} still has {left} steps under way",
            found=f"{left} after {timeout}",
            suggestions=[f"wait again: outrider agents drain {name}", "outrider runs list"],
        )
    sys.stdout.write(f"{name} has nothing under way; give it work again with: outrider agents uncordon {name}\n")
    return 0


async def _drained(ctx: click.Context, name: str, seconds: float) -> int:
    """Wait until an agent has nothing under way, and return what is left when the time is over."""
    end = time.monotonic() + seconds
    async with client(ctx) as platform:
        while True:
            left = (await platform.get(f"/v1/agents/{name}/work", AgentWork)).running
            if not left or time.monotonic() >= end:
                return left
            await asyncio.sleep(_LOOK_SECONDS)


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
