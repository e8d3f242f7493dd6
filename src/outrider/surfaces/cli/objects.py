"""`outrider get`, `describe`, `delete`, and `apply -f`: the objects of a platform."""

import sys
from pathlib import Path
from urllib.parse import urlencode

import click
import yaml

from outrider.core.errors import NotFoundError
from outrider.core.objects import DEFAULT_TENANT, Object
from outrider.orchestrator.wire import ApplyAnswer, ApplyRequest, ObjectRow, RunRow
from outrider.runtime.discovery import registry
from outrider.runtime.objects import parse_object, read_objects
from outrider.runtime.plugins.catalogue import catalogue
from outrider.surfaces.cli.output import Output, output_option, show
from outrider.surfaces.cli.printable import printable
from outrider.surfaces.cli.session import ask_for_name, client, execute, need_terminal, selected
from outrider.surfaces.cli.settings import FINDINGS, interactive, note
from outrider.surfaces.cli.stored import fetch

COLUMNS = ["kind", "name", "generation", "applied", "applied_by"]


@click.command()
@click.argument("kind", required=False)
@click.argument("name", required=False)
@output_option(list[ObjectRow])
@click.pass_context
def get(ctx: click.Context, kind: str | None, name: str | None, output: Output) -> int:
    """List applied objects: all, those of a KIND such as `rules`, or one."""
    rows = [find_object(ctx, kind or "", name)] if name else find_objects(ctx, kind or "")
    if output.form == "name":
        sys.stdout.write("".join(f"{row.kind}/{row.name}\n" for row in rows))
    else:
        show(rows, output, columns=COLUMNS, empty="no object is applied")
    return 0


@click.command()
@click.argument("kind")
@click.argument("name")
@output_option(ObjectRow)
@click.pass_context
def describe(ctx: click.Context, kind: str, name: str, output: Output) -> int:
    """Show an object as one would write it, who applied it, and the last runs of a rule or scheduled call."""
    row = find_object(ctx, kind, name)
    if not output.for_people:
        show(row, output)
        return 0
    sys.stdout.write(f"# {row.kind}/{row.name} · generation {row.generation} · {row.applied} by {row.applied_by}\n")
    sys.stdout.write(yaml.safe_dump(row.document, sort_keys=False, allow_unicode=True))
    for run in _runs(ctx, name) if row.kind in ("Rule", "OperatorCall") else []:
        sys.stdout.write(f"# run {run.id}  {run.state:<10} {run.created}  {printable(run.message)}".rstrip() + "\n")
    return 0


@click.command()
@click.argument("kind")
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_context
def delete(ctx: click.Context, kind: str, name: str, *, yes: bool) -> int:
    """Remove an object that no other one names. Where its file stays, the next `outrider up` applies it again."""
    row = find_object(ctx, kind, name)
    if not yes:
        if not interactive():
            raise need_terminal("--yes")
        if not ask_for_name(row.name):
            note("nothing was changed")
            return FINDINGS

    async def send() -> ApplyAnswer:
        async with client(ctx) as platform:
            return await platform.delete(f"/v1/objects/{row.kind}/{row.name}", ApplyAnswer)

    _tell(execute(send()))
    return 0


def apply_objects(ctx: click.Context, path: Path, output: Output) -> int:
    """Send the objects of a file or folder to the selected platform, checked together with those that it has."""

    async def send() -> ApplyAnswer:
        async with client(ctx) as platform:
            there = await platform.get("/v1/objects", list[ObjectRow])
            body = ApplyRequest(objects=[item.document() for item in _declared(path, there, selected(ctx).folder)])
            return await platform.post("/v1/objects", body, ApplyAnswer)

    answer = execute(send())
    if output.for_people:
        _tell(answer)
    else:
        show(answer, output)
    return 0


def _declared(path: Path, there: list[ObjectRow], folder: Path) -> list[Object]:
    """Read what a file or folder declares; a fault is told with its place in the file. `folder` has the plugins."""
    known = [parse_object(row.document, registry()) for row in there]
    return read_objects(path, registry(), catalogue(folder), beside=known).declared()


def _tell(answer: ApplyAnswer) -> None:
    sys.stdout.write("".join(f"{change}\n" for change in answer.changes) or "nothing changed\n")
    agents = [change for change in answer.changes if "Agent/" in change]
    if any(change.endswith("created") for change in agents):
        note("a new agent is started by the next `outrider up`")
    if any(change.endswith("deleted") for change in agents):
        note("the agent does nothing any more; its process ends with the next `outrider up`")


def find_objects(ctx: click.Context, kind: str, name: str = "") -> list[ObjectRow]:
    """Return the applied objects of a kind (by name or plural, all where it is empty), or the one with a name.

    Raises:
        NotFoundError: There is no such kind, or no platform.
    """
    from outrider.orchestrator import queries

    wanted = registry().kind(kind).name if kind else ""
    path = f"/v1/objects?{urlencode({'kind': wanted, 'name': name})}"
    return fetch(ctx, path, list[ObjectRow], lambda c: queries.list_objects(c, DEFAULT_TENANT, kind=wanted, name=name))


def find_object(ctx: click.Context, kind: str, name: str) -> ObjectRow:
    """Return an applied object.

    Raises:
        NotFoundError: There is none.
    """
    rows = find_objects(ctx, kind, name)
    if not rows:
        raise NotFoundError(
            f"there is no {registry().kind(kind).name} called '{name}'",
            found=name,
            expected=", ".join(row.name for row in find_objects(ctx, kind)) or "an applied object",
            suggestions=[f"list them: outrider get {registry().kind(kind).plural}"],
        )
    return rows[0]


def _runs(ctx: click.Context, rule: str) -> list[RunRow]:
    from outrider.orchestrator import queries

    path = f"/v1/runs?{urlencode({'rule': rule, 'limit': 5})}"
    return fetch(ctx, path, list[RunRow], lambda c: queries.list_runs(c, DEFAULT_TENANT, rule=rule, limit=5))
