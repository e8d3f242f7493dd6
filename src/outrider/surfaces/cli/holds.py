"""`outrider pause`, `resume` and `silences`: what people hold back for a while."""

import sys

import click

from outrider.core.errors import InvalidConfigError
from outrider.core.units import parse_duration
from outrider.orchestrator.wire import HoldRequest, HoldRow
from outrider.surfaces.cli.output import Output, output_option, show
from outrider.surfaces.cli.session import client, execute

for_option = click.option("--for", "length", metavar="TIME", help="How long, such as 2h; without it until it is ended.")
comment_option = click.option("--comment", default="", help="Why, for the others.")


def place(ctx: click.Context, kind: str, subject: str, *, length: str | None, comment: str) -> HoldRow:
    """Hold something back on the selected platform."""
    seconds = parse_duration(length) if length else None

    async def send() -> HoldRow:
        async with client(ctx) as platform:
            request = HoldRequest(kind=kind, subject=subject, comment=comment, seconds=seconds)
            return await platform.post("/v1/holds", request, HoldRow)

    return execute(send())


def lift(ctx: click.Context, hold: str) -> HoldRow:
    """End a hold of the selected platform."""

    async def send() -> HoldRow:
        async with client(ctx) as platform:
            return await platform.delete(f"/v1/holds/{hold}", HoldRow)

    return execute(send())


@click.command()
@for_option
@comment_option
@click.pass_context
def pause(ctx: click.Context, *, length: str | None, comment: str) -> int:
    """Let nothing new begin: events are stored, no rule runs, no step is handed out. What runs goes on."""
    hold = place(ctx, "pause", "", length=length, comment=comment)
    sys.stdout.write(f"paused{f' until {hold.until}' if hold.until else ''}; go on with: outrider resume\n")
    return 0


@click.command()
@click.pass_context
def resume(ctx: click.Context) -> int:
    """Let a paused platform go on; steps that waited are handed out."""
    lift(ctx, "pause:")
    sys.stdout.write("it goes on\n")
    return 0


@click.group()
def silences() -> None:
    """Keep rules from running for a while; their events are stored."""


@silences.command("list")
@output_option(list[HoldRow])
@click.pass_context
def list_silences(ctx: click.Context, output: Output) -> int:
    """List what is held back: silences, cordoned agents, a pause."""

    async def read() -> list[HoldRow]:
        async with client(ctx) as platform:
            return await platform.get("/v1/holds", list[HoldRow])

    columns = ["id", "kind", "subject", "until", "placed_by", "comment"]
    show(execute(read()), output, columns=columns, empty="nothing is held back")
    return 0


@silences.command("add")
@click.option("--rule", help="Name of the rule; * stands for any text.")
@click.option("--trigger", help="agent/trigger of the events; * stands for any text.")
@for_option
@comment_option
@click.pass_context
def add(ctx: click.Context, *, rule: str | None, trigger: str | None, length: str | None, comment: str) -> int:
    """Keep a rule, or all rules on a trigger's events, from running."""
    if (rule is None) == (trigger is None):
        raise InvalidConfigError(
            "either --rule or --trigger is wanted", suggestions=["outrider silences add --rule NAME --for 2h"]
        )
    subject = f"rule/{rule}" if rule is not None else f"trigger/{trigger}"
    hold = place(ctx, "silence", subject, length=length, comment=comment)
    sys.stdout.write(f"{hold.id}\n")
    return 0


@silences.command("remove")
@click.argument("silence")
@click.pass_context
def remove(ctx: click.Context, silence: str) -> int:
    """End a silence by its id."""
    hold = lift(ctx, silence)
    sys.stdout.write(f"{hold.subject} may run again\n")
    return 0
