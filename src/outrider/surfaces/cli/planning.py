"""`outrider plan`, `apply` and `plans`."""

from pathlib import Path
from typing import Any

import click
import msgspec

from outrider.core.calls import Call, normalise
from outrider.core.errors import InvalidConfigError
from outrider.core.operation import Effect
from outrider.core.plans import ItemOutcome, Plan, PlanState
from outrider.core.timestamps import timestamp
from outrider.orchestrator.wire import ApplyAnswer
from outrider.runtime.discovery import registry
from outrider.runtime.implementation import load_operation
from outrider.surfaces.cli.output import Output, output_option, show
from outrider.surfaces.cli.plans import confirmed, finish, show_plan
from outrider.surfaces.cli.session import LocalSession, execute
from outrider.surfaces.cli.settings import FINDINGS, interactive, note
from outrider.surfaces.cli.tsk import plan_of
from outrider.surfaces.cli.values import typed_value
from outrider.surfaces.tsk.files import SUFFIXES


@click.command()
@click.argument("operation", metavar="OPERATION|FILE")
@click.argument("arguments", nargs=-1)
@output_option(Plan)
@click.pass_context
def plan(ctx: click.Context, operation: str, arguments: tuple[str, ...], output: Output) -> int:
    """Find out what an operation would change.

    OPERATION is `family.operation`; ARGUMENTS are its positional parameters, or `name=value`. In its place, a .tsk, YAML or
    JSON file of calls; ARGUMENTS are then its variables.
    """
    session = LocalSession(ctx)
    if operation.endswith(SUFFIXES) and Path(operation).is_file():
        return _shown(plan_of(session, Path(operation), arguments), output)
    return _shown(execute(session.planner.plan([_call(operation, arguments)], session.options)), output)


def _shown(plan: Plan, output: Output) -> int:
    show_plan(plan, output)
    return FINDINGS if plan.items else 0


def _call(name: str, words: tuple[str, ...]) -> Call:
    """Return the call that words mean, each as a value of the type that the operation declares."""
    positional = [word for word in words if "=" not in word or word.startswith(("/", "http"))]
    named = dict(word.split("=", 1) for word in words if word not in positional)
    call = normalise(registry(), name, [*positional, named])
    code = load_operation(registry(), call.family, call.operation).code
    types = {field.encode_name: field.type for field in msgspec.structs.fields(code.params)}
    params = {
        name: typed_value(name, value, types[name]) if name in types and isinstance(value, str) else value
        for name, value in call.params.items()
    }
    return Call(call.family, call.operation, params)


@click.command()
@click.argument("plan_reference", metavar="PLAN", required=False)
@click.option("-f", "--file", "path", type=click.Path(path_type=Path), help="Apply the objects of a file or folder.")
@click.option("--inverse", is_flag=True, help="Make the plan that undoes an applied one.")
@click.option("--rollback", is_flag=True, help="Undo what was done when an item fails.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@output_option(Any, list[ItemOutcome], Plan, ApplyAnswer)
@click.pass_context
def apply(
    ctx: click.Context,
    plan_reference: str | None,
    *,
    path: Path | None,
    inverse: bool,
    rollback: bool,
    yes: bool,
    output: Output,
) -> int:
    """Do exactly what a plan says (its id, or a file that holds it)."""
    if (plan_reference is None) == (path is None):
        raise InvalidConfigError(
            "either a plan or -f PATH is wanted", suggestions=["outrider apply PLAN", "outrider apply -f DIR"]
        )
    if path is not None:
        from outrider.surfaces.cli.objects import apply_objects

        return apply_objects(ctx, path, output)
    session = LocalSession(ctx)
    loaded = session.planner.load(plan_reference or "")
    if inverse:
        show_plan(execute(session.planner.inverse(loaded, session.options)), output)
        return FINDINGS
    if not yes and not _agreed(loaded, output):
        return FINDINGS
    outcomes = execute(session.planner.apply(loaded, session.options))
    if rollback and any(outcome.state == "failed" for outcome in outcomes):
        undo = execute(session.planner.inverse(loaded, session.options))
        execute(session.planner.apply(undo, session.options))
        note(f"rolled back with plan {undo.id}")
    return finish(loaded, outcomes, output)


def _agreed(plan: Plan, output: Output) -> bool:
    """Ask a person. Without a terminal naming the plan is the yes, to a write."""
    if interactive():
        return confirmed(plan)
    destroys = any(item.effect is Effect.DESTROY for item in plan.items)
    if destroys:
        show_plan(plan, output)
        note("it destroys, and there is no terminal to ask on: give --yes")
    return not destroys


class PlanRow(msgspec.Struct, kw_only=True):
    """A plan and what became of it."""

    id: str
    state: str
    created: str
    actor: str
    changes: str


@click.command()
@click.argument("plan_reference", metavar="[PLAN]", required=False)
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="How many, newest first.")
@output_option(list[PlanRow], PlanState)
@click.pass_context
def plans(ctx: click.Context, plan_reference: str | None, *, limit: int, output: Output) -> int:
    """List the plans of this user, those that AI agents made among them, or show one and what became of it."""
    planner = LocalSession(ctx).planner
    if plan_reference is not None:
        show(planner.state(planner.load(plan_reference)), output)
        return 0
    rows = []
    for found in (planner.state(plan) for plan in planner.newest(limit)):
        changes = ", ".join(f"{item.operation} {item.change.target}" for item in found.plan.items)
        rows.append(PlanRow(id=found.plan.id, state=found.state, created=timestamp(found.plan.created),
                            actor=found.plan.actor, changes=changes))  # fmt: skip
    show(rows, output, columns=["id", "state", "created", "actor", "changes"])
    return 0
