"""`outrider events`: what triggers saw, and events that a person or a program sends."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, get_args
from urllib.parse import urlencode

import click

from outrider.core.cloudevents import BATCH_CONTENT_TYPE, CONTENT_TYPE
from outrider.core.errors import InvalidConfigError
from outrider.core.events import EventOutcome, EventOutcomes, Severity
from outrider.core.objects import DEFAULT_TENANT
from outrider.orchestrator.wire import EventRow
from outrider.runtime.client import PlatformClient
from outrider.surfaces.cli.output import Output, output_option, show
from outrider.surfaces.cli.replay import replay
from outrider.surfaces.cli.session import client, execute
from outrider.surfaces.cli.stored import fetch
from outrider.surfaces.cli.values import json_value
from outrider.surfaces.cli.watch import watch, watch_option

if TYPE_CHECKING:
    from outrider.ports.store import Connection


def _list_options(command: Callable[..., Any]) -> Callable[..., Any]:
    command = watch_option(output_option(list[EventRow])(command))
    command = click.option("--source", default="", help="Only those of one trigger, as agent/trigger.")(command)
    return click.option("--limit", default=50, show_default=True, help="At most so many, the newest.")(command)


@click.group(invoke_without_command=True)
@_list_options
@click.pass_context
def events(ctx: click.Context, /, **options: Any) -> int | None:
    """List events, oldest first; without a command the list. Send some."""
    return _list(ctx, **options) if ctx.invoked_subcommand is None else None


@events.command("list")
@_list_options
@click.pass_context
def list_events(ctx: click.Context, /, **options: Any) -> int:
    """List events, oldest first."""
    return _list(ctx, **options)


@events.command("send")
@click.argument("source", required=False)
@click.option("--data", help="A JSON object; @FILE or @- reads it from there.")
@click.option("--type", "event_type", default="sent", show_default=True, help="What a trigger's plugin would be.")
@click.option("--severity", type=click.Choice(get_args(Severity)), default="medium", show_default=True)
@click.option("--label", "labels", multiple=True, metavar="NAME=TEXT")
@click.option("--id", "event_id", default="", help="With an id of its own, sending it again changes nothing.")
@click.option(
    "--cloudevents", "path", help="Send the CloudEvents of a file instead, one or a list; - reads standard input."
)
@output_option(list[EventOutcome])
@click.pass_context
def send(ctx: click.Context, /, source: str | None, path: str | None, output: Output, **words: Any) -> int:
    """Report an event as if the trigger SOURCE (agent/trigger) had seen it; rules act on it."""
    if (source is None) == (path is None):
        raise InvalidConfigError(
            "either a source or --cloudevents is wanted",
            suggestions=['outrider events send eyes/web --data \'{"state": "down"}\''],
        )
    body, kind = (_own(source or "", words), "application/json") if path is None else _cloudevents(path)

    async def ask() -> EventOutcomes:
        async with client(ctx) as platform:
            return await platform.post("/v1/events", body, EventOutcomes, content_type=kind)

    outcomes = execute(ask()).outcomes
    show(outcomes, output)
    return 2 if any(outcome.outcome == "rejected" for outcome in outcomes) else 0


events.add_command(replay)


def _own(source: str, words: dict[str, Any]) -> dict[str, Any]:
    labels = [label.partition("=") for label in words["labels"]]
    for name, equals, _ in labels:
        if not (name and equals):
            raise InvalidConfigError("--label: not a label", found=name or "=", expected="NAME=TEXT")
    return {
        "source": source,
        "type": words["event_type"],
        "data": json_value("--data", words["data"]) if words["data"] else {},
        "severity": words["severity"],
        "labels": {name: text for name, _, text in labels},
        "id": words["event_id"],
    }


def _cloudevents(path: str) -> tuple[Any, str]:
    body = json_value("--cloudevents", f"@{path}")
    return body, BATCH_CONTENT_TYPE if isinstance(body, list) else CONTENT_TYPE


def _list(ctx: click.Context, limit: int, source: str, *, watching: bool, output: Output) -> int:
    if watching:
        return watch(ctx, _new_events(limit, source), output)

    def offline(connection: "Connection") -> list[EventRow]:
        from outrider.orchestrator import queries

        return queries.list_events(connection, DEFAULT_TENANT, limit=limit, source=source)

    path = f"/v1/events?{urlencode({'limit': limit, 'source': source})}"
    rows = fetch(ctx, path, list[EventRow], offline)
    if output.for_people:
        show([_event_line(row) for row in rows], output, empty="no event yet: a trigger reports when something changes")
    else:
        show(rows, output)
    return 0


def _new_events(limit: int, source: str) -> Callable[[PlatformClient], Awaitable[list[EventRow]]]:
    """Return a reader of the newest events, and from its second use on of all that came since."""
    after = 0

    async def read(platform: PlatformClient) -> list[EventRow]:
        nonlocal after
        query = {"after": after, "limit": limit, "source": source} if after else {"limit": limit, "source": source}
        rows = await platform.get(f"/v1/events?{urlencode(query)}", list[EventRow])
        after = rows[-1].sequence if rows else after
        return rows

    return read


def _event_line(row: EventRow) -> dict[str, Any]:
    event = row.event
    return {
        "id": event.id,
        "time": event.time,
        "source": event.source,
        "severity": event.severity,
        "count": event.count,
        "summary": event.data.get("summary", event.data),
    }
