"""`outrider schedules`."""

import click

from outrider.core.objects import DEFAULT_TENANT
from outrider.orchestrator.wire import ScheduleRow
from outrider.runtime.client import PlatformClient
from outrider.surfaces.cli.output import Output, output_option, show
from outrider.surfaces.cli.stored import fetch
from outrider.surfaces.cli.watch import watch, watch_option

PATH = "/v1/schedules"
COLUMNS = ["name", "operation", "schedule", "time_zone", "next", "last", "last_state", "errors"]


@click.group()
def schedules() -> None:
    """List scheduled calls and what became of them."""


@schedules.command("list")
@watch_option
@output_option(list[ScheduleRow])
@click.pass_context
def list_schedules(ctx: click.Context, *, watching: bool, output: Output) -> int:
    """List the scheduled calls: when each comes next, and how the last one ended."""
    from outrider.orchestrator import queries

    if watching:

        async def read(platform: PlatformClient) -> list[ScheduleRow]:
            return await platform.get(PATH, list[ScheduleRow])

        return watch(ctx, read, output)
    rows = fetch(ctx, PATH, list[ScheduleRow], lambda c: queries.list_schedules(c, DEFAULT_TENANT))
    show(rows, output, columns=COLUMNS, empty="no call is scheduled")
    return 0
