"""`outrider events` and `outrider runs`: from the running platform, or from the store of one that is stopped."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlencode

import click

from outrider.core.objects import DEFAULT_TENANT
from outrider.local.layout import Layout
from outrider.orchestrator.wire import RunDetail, RunRow, StepRow
from outrider.runtime.client import PlatformClient, read_endpoint
from outrider.surfaces.cli.output import Output, output_option, show
from outrider.surfaces.cli.session import client, execute, selected
from outrider.surfaces.cli.watch import watch, watch_option

if TYPE_CHECKING:
    from outrider.ports.store import Connection, Store

T = TypeVar("T")
# Ids of events on one line, the newest.
_EVENTS_SHOWN = 8


def fetch(ctx: click.Context, path: str, target: type[T], offline: Callable[["Connection"], T]) -> T:
    """Ask the platform, or read its store where it is not running."""
    context = selected(ctx)
    if read_endpoint(context.state) is not None:

        async def ask() -> T:
            async with client(ctx) as platform:
                return await platform.get(path, target)

        return execute(ask())
    with open_store(Layout(context.folder, context.state)) as store:
        return store.read_now(offline)


@contextmanager
def open_store(layout: Layout) -> Iterator["Store"]:
    """Open the store of a platform for reading, be it running or not.

    Raises:
        NotFoundError: There is none.
        PreconditionFailedError: Another version wrote it.
    """
    from outrider.orchestrator.opening import open_to_read

    store = open_to_read(layout.orchestrator, layout.orchestrator_settings)
    try:
        yield store
    finally:
        store.close_now()


@click.group()
def runs() -> None:
    """List runs and look into one."""


@runs.command("list")
@click.option("--limit", default=50, show_default=True, help="At most so many, the newest.")
@click.option("--rule", default="", help="Only those of one rule.")
@click.option("--state", default="", help="Only those in one state.")
@watch_option
@output_option
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
@output_option
@click.pass_context
def show_run(ctx: click.Context, run: str, output: Output) -> int:
    """Show a run's steps with latencies, attempts and logs; RUN may be the beginning of its id."""

    def offline(connection: "Connection") -> RunDetail:
        from outrider.orchestrator import queries

        return queries.show_run(connection, DEFAULT_TENANT, run)

    detail = fetch(ctx, f"/v1/runs/{run}", RunDetail, offline)
    if output.for_people:
        sys.stdout.write(_describe(detail))
    else:
        show(detail, output)
    return 0


def _describe(detail: RunDetail) -> str:
    run = detail.run
    seconds = f"{run.seconds * 1000:.0f} ms" if run.seconds is not None else "not finished"
    lines = [
        f"run {run.id}  {run.state} · {seconds}",
        f"  rule      {run.rule}",
        f"  event     {detail.event.source}  {detail.event.data.get('summary', detail.event.data)}  ({detail.event.time})",
    ]
    if len(detail.matched) > 1:
        lines.append(f"  matched   {len(detail.matched)} events: {', '.join(detail.matched[-_EVENTS_SHOWN:])}")
    lines.append(f"  trace     {detail.trace_id}")
    if run.message:
        lines.append(f"  message   {run.message}")
    for step in detail.steps:
        lines.extend(_step_lines(step))
    if detail.skipped:
        lines.append(f"  left out, their conditions did not hold: {', '.join(detail.skipped)}")
    return "\n".join(lines) + "\n"


def _step_lines(step: StepRow) -> list[str]:
    took = f"{step.seconds * 1000:.0f} ms" if step.seconds is not None else "not finished"
    what = f"{step.kind} {step.name}" + (f" [{step.step}]" if step.step else "") + (" undoes" if step.undoes else "")
    lines = [f"  +{step.offset * 1000:.0f} ms  {what}  {step.state} · {took}  ({step.instruction})"]
    lines += [
        f"      attempt {attempt.attempt} on {attempt.agent}: {attempt.status}  {attempt.started or attempt.claimed}"
        for attempt in step.attempts
    ]
    if step.result is not None and step.result.error is not None:
        lines.append(f"      error[{step.result.error.code}] {step.result.error.message}")
    elif step.result is not None and step.result.result.get("summary"):
        lines.append(f"      {step.result.result['summary']}")
    return [*lines, *(f"      | {line}" for line in step.log)]


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
