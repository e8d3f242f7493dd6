"""`outrider runs`: list them, look into one, cancel one."""

import sys
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import click

from outrider.core.objects import DEFAULT_TENANT
from outrider.orchestrator.wire import RunDetail, RunRow
from outrider.runtime.client import PlatformClient
from outrider.surfaces.cli.output import Output, output_option, show
from outrider.surfaces.cli.printable import printable
from outrider.surfaces.cli.run_report import RunReport, describe, report
from outrider.surfaces.cli.session import client, execute, selected
from outrider.surfaces.cli.stored import fetch
from outrider.surfaces.cli.watch import watch, watch_option

if TYPE_CHECKING:
    from outrider.ports.store import Connection


@click.group()
def runs() -> None:
    """List runs and look into one."""


@runs.command("list")
@click.option("--limit", default=50, show_default=True, help="At most so many, the newest.")
@click.option("--rule", default="", help="Only those of one rule.")
@click.option("--state", default="", help="Only those in one state.")
@watch_option
@output_option(list[RunRow])
@click.pass_context
def list_runs(ctx: click.Context, limit: int, rule: str, state: str, *, watching: bool, output: Output) -> int:
    """List runs, newest first."""
    path = f"/v1/runs?{urlencode({'limit': limit, 'rule': rule, 'state': state})}"
    if watching:

        async def read(platform: PlatformClient) -> list[RunRow]:
            return (await platform.get(path, list[RunRow]))[::-1]

        return watch(ctx, read, output)

    def offline(connection: "Connection") -> list[RunRow]:
        from outrider.orchestrator import queries

        return queries.list_runs(connection, DEFAULT_TENANT, limit=limit, rule=rule, state=state)

    rows = fetch(ctx, path, list[RunRow], offline)
    columns = ["id", "rule", "state", "created", "seconds", "source"]
    show(rows, output, columns=columns, empty="no run yet: a rule makes one when it matches an event")
    return 0


@runs.command("show")
@click.argument("run")
@output_option(RunReport)
@click.pass_context
def show_run(ctx: click.Context, run: str, output: Output) -> int:
    """Show a run's steps with latencies, attempts, logs and audit records; RUN may be the beginning of its id."""

    def offline(connection: "Connection") -> RunDetail:
        from outrider.orchestrator import queries

        return queries.show_run(connection, DEFAULT_TENANT, run)

    found = report(fetch(ctx, f"/v1/runs/{run}", RunDetail, offline), selected(ctx).state)
    if output.for_people:
        sys.stdout.write(printable(describe(found)))
    else:
        show(found, output)
    return 0


@runs.command("cancel")
@click.argument("run")
@click.pass_context
def cancel_run(ctx: click.Context, run: str) -> int:
    """Cancel what is left of a run."""

    async def ask() -> dict[str, int]:
        async with client(ctx) as platform:
            return await platform.post(f"/v1/runs/{run}/cancel", {}, dict[str, int])

    answer = execute(ask())
    sys.stdout.write(f"{answer['cancelled']} instructions cancelled\n")
    return 0
