"""`outrider approvals`."""

import sys

import click

from outrider.core.objects import DEFAULT_TENANT
from outrider.orchestrator.wire import ApprovalRow, DecisionRequest
from outrider.runtime.client import PlatformClient
from outrider.surfaces.cli.output import Output, output_option, show
from outrider.surfaces.cli.session import client, execute
from outrider.surfaces.cli.stored import fetch
from outrider.surfaces.cli.watch import watch, watch_option


@click.group()
def approvals() -> None:
    """Answer the questions that rules ask."""


@approvals.command("list")
@click.option("--all", "all_states", is_flag=True, help="Those that were answered, too.")
@watch_option
@output_option(list[ApprovalRow])
@click.pass_context
def list_approvals(ctx: click.Context, *, all_states: bool, watching: bool, output: Output) -> int:
    """List the questions that wait."""
    from outrider.orchestrator import queries

    path = f"/v1/approvals?all={'true' if all_states else 'false'}"
    if watching:

        async def read(platform: PlatformClient) -> list[ApprovalRow]:
            return await platform.get(path, list[ApprovalRow])

        return watch(ctx, read, output)
    rows = fetch(
        ctx, path, list[ApprovalRow], lambda c: queries.list_approvals(c, DEFAULT_TENANT, all_states=all_states)
    )
    columns = ["instruction", "question", "groups", "expires", "decision", "decided_by"]
    show(rows, output, columns=columns, empty="no approval is waiting")
    return 0


@approvals.command("approve")
@click.argument("instruction")
@click.pass_context
def approve(ctx: click.Context, instruction: str) -> int:
    """Let an instruction run."""
    return _decide(ctx, instruction, "approved")


@approvals.command("reject")
@click.argument("instruction")
@click.pass_context
def reject(ctx: click.Context, instruction: str) -> int:
    """Cancel an instruction."""
    return _decide(ctx, instruction, "rejected")


def _decide(ctx: click.Context, instruction: str, decision: str) -> int:
    async def ask() -> dict[str, str]:
        async with client(ctx) as platform:
            return await platform.post(f"/v1/approvals/{instruction}", DecisionRequest(decision), dict[str, str])

    sys.stdout.write(f"{instruction} {execute(ask())['decision']}\n")
    return 0
