"""`outrider watch`: the live timeline of a running platform."""

import sys
from contextlib import aclosing
from functools import partial

import click

from outrider.core.errors import OutriderError
from outrider.orchestrator.wire import TimelineEntry
from outrider.runtime.client import connect_to
from outrider.surfaces.cli.output import Output, output_option, show
from outrider.surfaces.cli.session import client, execute, selected
from outrider.surfaces.cli.timeline import TimelinePrinter, follow, give_up


@click.command()
@click.option(
    "--last",
    type=click.IntRange(0),
    default=20,
    show_default=True,
    help="Begin with so many lines of what has happened already.",
)
@click.option("--kind", "kinds", multiple=True, metavar="KIND", help="Only lines such as event, rule or action.")
@output_option(TimelineEntry)
@click.pass_context
def watch(ctx: click.Context, last: int, kinds: tuple[str, ...], output: Output) -> int:
    """Show what happens on the running platform, as it happens, until interrupted; -o json gives one object per line."""
    execute(_watch(ctx, last, kinds, output))
    return 0


async def _watch(ctx: click.Context, last: int, kinds: tuple[str, ...], output: Output) -> None:
    printer = TimelinePrinter()
    write = printer.show if output.for_people else partial(show, output=Output("json", output.fields))

    def fault(error: OutriderError | None) -> None:
        if error is not None:
            connect_to(selected(ctx))  # its error says so where the platform was stopped
        printer.fault(error)

    begun = False
    async with client(ctx) as platform, aclosing(follow(platform, fault if output.for_people else give_up)) as news:
        async for entries in news:
            for entry in entries:
                printer.note(entry)  # a line's latency counts from an event that may not be shown itself
            wanted = [entry for entry in entries if not kinds or entry.kind in kinds]
            for entry in wanted if begun else wanted[max(0, len(wanted) - last) :]:
                write(entry)
            sys.stdout.flush()
            begun = begun or bool(entries)
