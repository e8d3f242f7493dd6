"""`outrider events replay`: recorded events are sent again, and rules act on them."""

import sys
from collections.abc import Iterator, Sequence
from typing import Any

import click
import msgspec

from outrider.core.errors import InvalidConfigError, NotFoundError
from outrider.core.events import MAX_EVENTS_PER_REQUEST, EventOutcome, EventOutcomes
from outrider.core.timestamps import parse_timestamp
from outrider.core.units import parse_duration
from outrider.orchestrator.wire import EventRow, ObjectRow
from outrider.ports.clock import SystemClock
from outrider.runtime.client import PlatformClient
from outrider.runtime.discovery import registry
from outrider.runtime.objects import ObjectSet, parse_object
from outrider.runtime.plugins.catalogue import catalogue
from outrider.surfaces.cli.output import Output, output_option, show
from outrider.surfaces.cli.printable import printable
from outrider.surfaces.cli.session import ask, client, execute, selected
from outrider.surfaces.cli.settings import FINDINGS, interactive, note

REPLAY_OF = "outrider.dev/replay-of"
MOST = 10_000
_PAGE = 500
_UNSENT = "nothing was sent: there is no terminal to ask on, and --yes sends them"


class Replayed(msgspec.Struct, kw_only=True):
    """A recorded event, and the rules that would start a run for it."""

    id: str
    starts: list[str]


@click.command("replay")
@click.argument("ids", nargs=-1, metavar="[ID]...")
@click.option("--since", default="", help="All that came in so long, such as 2h, instead of single ones.")
@click.option("--source", default="", help="Only those of one trigger, as agent/trigger.")
@click.option("--rule", default="", help="Only those that this rule would start a run for.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@output_option(list[EventOutcome], list[Replayed])
@click.pass_context
def replay(ctx: click.Context, /, ids: tuple[str, ...], output: Output, **words: Any) -> int:
    """Send recorded events again, with ids of their own and a label that names the first one; rules act on them.

    What they would start is shown before.
    """
    if bool(ids) == bool(words["since"]):
        raise InvalidConfigError(
            "either ids of events or --since is wanted",
            suggestions=["outrider events replay --since 1h --source eyes/web"],
        )
    oldest = SystemClock().now() - parse_duration(words["since"]) if words["since"] else 0.0
    chosen, starts = execute(_choose(ctx, ids, oldest, words))
    if not chosen:
        show([], output, empty="no such event")
        return 0
    if not words["yes"]:
        if not output.for_people and not interactive():
            show([Replayed(id=row.event.id, starts=starts.get(row.event.id, [])) for row in chosen], output)
            note(_UNSENT)
            return FINDINGS
        sys.stdout.write("".join(f"{printable(line)}\n" for line in _plan(chosen, starts)))
        if not interactive():
            note(_UNSENT)
            return FINDINGS
        if not ask("send them again?"):
            note("nothing was sent")
            return FINDINGS
    outcomes = execute(_send(ctx, chosen))
    if output.for_people:
        sys.stdout.write(f"{sum(one.outcome == 'accepted' for one in outcomes.outcomes)} events sent again\n")
    else:
        show(outcomes.outcomes, output)
    return 0


async def _choose(
    ctx: click.Context, ids: Sequence[str], oldest: float, words: dict[str, Any]
) -> tuple[list[EventRow], dict[str, list[str]]]:
    """Return the events that are meant, and which rules each would start, as far as single events tell."""
    async with client(ctx) as platform:
        rows = [row async for row in _all(platform, words["source"])]
        if ids:
            rows = [_one(rows, wanted) for wanted in ids]
        rows = [row for row in rows if parse_timestamp(row.received) >= oldest]
        starts = _starts(await _objects(ctx, platform), rows)
    rule = words["rule"]
    if rule:
        rows = [row for row in rows if rule in starts.get(row.event.id, [])]
    if len(rows) > MOST:
        raise InvalidConfigError(
            f"{len(rows)} events are too many for one replay", found=str(len(rows)), expected=f"at most {MOST}",
            suggestions=["name a shorter time with --since, or a --source"],
        )  # fmt: skip
    return rows, starts


async def _all(platform: PlatformClient, source: str) -> Any:
    after = 0
    while True:
        path = f"/v1/events?after={after}&limit={_PAGE}" + (f"&source={source}" if source else "")
        rows = await platform.get(path, list[EventRow])
        for row in rows:
            yield row
        if len(rows) < _PAGE:
            return
        after = rows[-1].sequence


def _one(rows: list[EventRow], wanted: str) -> EventRow:
    found = [row for row in rows if row.event.id == wanted] or [row for row in rows if row.event.id.startswith(wanted)]
    if len(found) != 1:
        raise NotFoundError(
            f"no event is called '{wanted}'" if not found else f"'{wanted}' begins the names of several events",
            found=wanted, suggestions=["list them with their ids: outrider events"],
        )  # fmt: skip
    return found[0]


async def _objects(ctx: click.Context, platform: PlatformClient) -> ObjectSet:
    objects = ObjectSet(catalogue(selected(ctx).folder))
    for row in await platform.get("/v1/objects", list[ObjectRow]):
        objects.add(parse_object(row.document, registry()))
    return objects


def _starts(objects: ObjectSet, rows: list[EventRow]) -> dict[str, list[str]]:
    from outrider.orchestrator.rehearsal import WOULD_START, Rehearsal

    starts: dict[str, list[str]] = {}
    for tried in Rehearsal(objects).run(rows):
        if tried.outcome == WOULD_START:
            starts.setdefault(tried.events[-1], []).append(tried.rule)
    return starts


def _plan(rows: list[EventRow], starts: dict[str, list[str]]) -> Iterator[str]:
    for row in rows[:_PAGE]:
        event = row.event
        rules = ", ".join(starts.get(event.id, [])) or "nothing"
        yield f"{event.id}  {event.source}  {event.data.get('summary', event.type)}  -> {rules}"
    if len(rows) > _PAGE:
        yield f"... and {len(rows) - _PAGE} more"
    runs = sum(len(starts.get(row.event.id, [])) for row in rows)
    yield f"{len(rows)} events; by what is recorded, {runs} runs would start"


async def _send(ctx: click.Context, rows: list[EventRow]) -> EventOutcomes:
    outcomes = EventOutcomes([])
    async with client(ctx) as platform:
        for first in range(0, len(rows), MAX_EVENTS_PER_REQUEST):
            batch = [_again(row) for row in rows[first : first + MAX_EVENTS_PER_REQUEST]]
            outcomes.outcomes += (await platform.post("/v1/events", batch, EventOutcomes)).outcomes
    return outcomes


def _again(row: EventRow) -> dict[str, Any]:
    event = row.event
    labels = {**event.labels, REPLAY_OF: event.labels.get(REPLAY_OF, event.id)}
    return {
        "source": event.source,
        "type": event.type,
        "data": event.data,
        "severity": event.severity,
        "labels": labels,
    }
