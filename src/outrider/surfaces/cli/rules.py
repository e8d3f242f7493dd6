"""`outrider rules`."""

import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click
import msgspec

from outrider.core.codec import decode_plain, to_builtins
from outrider.core.errors import InvalidConfigError, NotFoundError, OutriderError
from outrider.core.events import Event
from outrider.core.objects import DEFAULT_TENANT
from outrider.core.schema import convert
from outrider.local.layout import Layout
from outrider.orchestrator.verdicts import Judged, Rehearsed
from outrider.orchestrator.wire import ApplyAnswer, ApplyRequest, EventRow, WhyAnswer, WhyRow
from outrider.runtime.documents import read_file
from outrider.runtime.folders import ObjectFolder
from outrider.runtime.objects import ObjectSet
from outrider.surfaces.cli.objects import find_object, find_objects
from outrider.surfaces.cli.output import Output, output_option, show
from outrider.surfaces.cli.printable import printable
from outrider.surfaces.cli.session import client, execute, selected
from outrider.surfaces.cli.settings import note
from outrider.surfaces.cli.stored import fetch, open_store

COLUMNS = ["name", "state", "when", "does"]
LAST_RUN = "last-run"
_ELSEWHERE = "other events"


@click.group()
def rules() -> None:
    """List rules, try them on recorded events, ask why, switch them on and off."""


class RuleRow(msgspec.Struct, kw_only=True):
    """An applied rule: enabled, disabled or shadow, which is only watched."""

    name: str
    state: str
    when: str
    does: str


@rules.command("list")
@output_option(list[RuleRow])
@click.pass_context
def list_rules(ctx: click.Context, output: Output) -> int:
    """List the applied rules: what they wait for and what they do."""
    rows = [_line(row.name, row.document["spec"]) for row in find_objects(ctx, "rules")]
    show(rows, output, columns=COLUMNS, empty="no rule is applied")
    return 0


def _line(name: str, spec: dict[str, Any]) -> RuleRow:
    steps = [leaf for step in spec.get("do", []) for leaf in step.get("parallel") or [step]]
    return RuleRow(
        name=name,
        state="disabled" if not spec.get("enabled", True) else "shadow" if spec.get("shadow") else "enabled",
        when=_when(spec["when"]),
        does=", ".join(step.get("plugin") or step.get("call") or "" for step in steps),
    )


def _when(when: dict[str, Any]) -> str:
    if "schedule" in when:
        return f"{when['schedule']} {when.get('timeZone', 'UTC')}"
    join = next(name for name in ("any", "all", "then") if name in when)
    named = [condition.get("trigger") or f"type {condition['type']}" for condition in when[join]]
    text = ", ".join(dict.fromkeys(named))
    if "count" in when:
        text = f"{when['count']} of {text}"
    elif "aggregate" in when:
        text = f"{when['aggregate']['function']} of {text}"
    elif join != "any":
        text = f"{join}: {text}"
    return text + (f" within {when['within']}" if "within" in when else "")


@rules.command("test")
@click.argument("folder", type=click.Path(path_type=Path), default=Path())
@click.option("--from", "recorded", default=LAST_RUN, show_default=True,
              help="Events: those that the platform of FOLDER has stored, or a file of `outrider events -o json`; - reads it from standard input.")  # fmt: skip
@click.option(
    "--cases", type=click.Path(path_type=Path), help="A file of cases with their events and what is expected."
)
@click.option("--overlay", default="", help="Merge the objects of FOLDER/overlays/OVERLAY over those of FOLDER.")
@click.option("--rule", default="", help="Only this rule.")
@click.option("--then", default="0s", show_default=True, help="Time that passes after the last event.")
@output_option(list[Rehearsed], list[Judged])
@click.pass_context
def test_rules(ctx: click.Context, /, folder: Path, cases: Path | None, output: Output, **words: Any) -> int:
    """Try the rules of FOLDER on recorded events, or on cases; nothing is started.

    Exits with 1 where a case is not as expected.
    """
    objects = ObjectFolder(folder, words["overlay"]).read()
    if cases is not None:
        return _judge(cases, objects, output)
    from outrider.core.units import parse_duration
    from outrider.orchestrator.rehearsal import Rehearsal

    rule, then = words["rule"], parse_duration(words["then"])
    if rule and objects.find("Rule", rule) is None:
        raise NotFoundError(
            f"no rule is called '{rule}'", found=rule, expected=", ".join(item.name for item in objects.of_kind("Rule"))
        )
    events = list(_stored_events(ctx, folder) if words["recorded"] == LAST_RUN else _read(words["recorded"]))
    rows = Rehearsal(objects).run(events, then=then)
    rows = [row for row in rows if rule in ("", row.rule)]
    shown = [{**to_builtins(row), "does": "; ".join(row.does)} for row in rows] if output.for_people else rows
    show(
        shown,
        output,
        columns=["time", "rule", "outcome", "reason", "key", "does"],
        empty="no rule would have done anything",
    )
    started = sum(row.outcome == "would start" for row in rows)
    note(f"{len(events)} events: {started} runs would start")
    return 0


def _judge(path: Path, objects: ObjectSet, output: Output) -> int:
    from outrider.orchestrator.cases import Case, judge

    judged = []
    for document in read_file(path, shown_as=path.name):
        listed = document.data if isinstance(document.data, list) else [document.data]
        judged += [judge(case, objects) for case in convert(listed, list[Case], source=document.source)]
    if output.for_people:
        for one in judged:
            sys.stdout.write(f"{'passed' if one.passed else 'FAILED'}  {one.case}\n")
            sys.stdout.writelines(f"        {fault}\n" for fault in one.faults)
    else:
        show(judged, output)
    return int(not all(one.passed for one in judged))


def _stored_events(ctx: click.Context, folder: Path) -> Iterator[EventRow]:
    """Yield every event in the store of the platform that was started from a folder."""
    layout = Layout(folder if folder.is_dir() else folder.parent)
    if ctx.find_root().obj.context is not None:
        context = selected(ctx)
        layout = Layout(context.folder, context.state)
    with open_store(layout) as store:
        sequence = 0
        while rows := store.read_now(partial(_page, after=sequence)):
            yield from rows
            sequence = rows[-1].sequence


def _page(connection: Any, after: int) -> list[EventRow]:
    from outrider.orchestrator import queries

    return queries.list_events(connection, DEFAULT_TENANT, after=after, limit=queries.MAX_ROWS)


def _read(name: str) -> Iterator[EventRow]:
    """Yield the events of a JSON list, or of lines of JSON; each as `outrider events -o json` gives it, or an event alone."""
    try:
        text = sys.stdin.read() if name == "-" else Path(name).read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidConfigError(
            f"--from: {name} cannot be read: {error}", found=name, expected=f"a file, - or {LAST_RUN}"
        ) from error
    try:
        items = (
            decode_plain(text)
            if text.lstrip().startswith("[")
            else [decode_plain(line) for line in text.splitlines() if line.strip()]
        )
    except OutriderError as error:
        raise InvalidConfigError(f"--from: {name} is not JSON: {error.message}", found=name) from error
    for index, item in enumerate(items):
        if isinstance(item, dict) and "event" in item:
            yield convert({"sequence": index, **item}, EventRow)
        else:
            event = convert(item, Event)
            yield EventRow(sequence=index, received=event.time, event=event)


@rules.command("why")
@click.argument("event")
@output_option(WhyAnswer)
@click.pass_context
def why(ctx: click.Context, event: str, output: Output) -> int:
    """Say what each rule made of EVENT and why; EVENT is an id, the beginning of one, or `last`."""

    def offline(connection: Any) -> WhyAnswer:
        from outrider.orchestrator.why import explain_event

        return explain_event(connection, DEFAULT_TENANT, event)

    answer = fetch(ctx, f"/v1/events/{quote(event, safe='')}/why", WhyAnswer, offline)
    if not output.for_people:
        show(answer, output)
        return 0
    shown = answer.event.event
    head = f"event {shown.id}  {shown.source} · {shown.type} · {shown.severity}  {answer.event.received}"
    sys.stdout.write(printable(head) + "\n")
    elsewhere = [row.rule for row in answer.rules if row.outcome == _ELSEWHERE]
    for row in answer.rules:
        if row.outcome != _ELSEWHERE:
            sys.stdout.writelines(f"{printable(line)}\n" for line in _why_lines(row))
    if elsewhere:
        sys.stdout.write(f"  wait for other events: {', '.join(elsewhere)}\n")
    if not answer.rules:
        sys.stdout.write("  there is no rule\n")
    return 0


def _why_lines(row: WhyRow) -> Iterator[str]:
    run = f"  run {row.run}" if row.run else ""
    yield f"  {row.rule}  {row.outcome}" + (f": {row.reason}" if row.reason else "") + run
    if row.key:
        yield f"      key     {row.key}"
    if len(row.events) > 1:
        yield f"      events  {', '.join(row.events)}"
    for check in row.checks:
        yield f"      {check}"


@rules.command("disable")
@click.argument("name")
@click.pass_context
def disable(ctx: click.Context, name: str) -> int:
    """Let a rule match nothing any more; its runs that are under way go on."""
    return _switch(ctx, name, enabled=False)


@rules.command("enable")
@click.argument("name")
@click.pass_context
def enable(ctx: click.Context, name: str) -> int:
    """Let a rule match again."""
    return _switch(ctx, name, enabled=True)


def _switch(ctx: click.Context, name: str, *, enabled: bool) -> int:
    document = find_object(ctx, "rule", name).document
    document["spec"]["enabled"] = enabled

    async def send() -> ApplyAnswer:
        async with client(ctx) as platform:
            return await platform.post("/v1/objects", ApplyRequest(objects=[document]), ApplyAnswer)

    changes = execute(send()).changes
    sys.stdout.write(f"{name} is {'enabled' if enabled else 'disabled'}\n")
    if changes:
        note("the next `outrider up` or `apply` of its file does what the file says: set spec.enabled there too")
    return 0
