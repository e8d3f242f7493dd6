"""Plans on the command line: shown, asked about, applied."""

import sys

from outrider.core.errors import ErrorBody, OutriderError, PartialError, from_body
from outrider.core.operation import Difference, Effect
from outrider.core.plans import ItemOutcome, Plan
from outrider.core.schema import convert, describe
from outrider.runtime.discovery import registry
from outrider.runtime.implementation import load_operation
from outrider.runtime.invoker import CallOptions
from outrider.surfaces.cli.output import Output, show
from outrider.surfaces.cli.results import show_result
from outrider.surfaces.cli.session import LocalSession, ask, ask_for_name, execute
from outrider.surfaces.cli.settings import FINDINGS, interactive, note

_SIGNS = {Effect.WRITE: "~", Effect.DESTROY: "-"}


def show_plan(plan: Plan, output: Output) -> None:
    """Write a plan: what it would change, and how to apply it."""
    if output.form in ("json", "yaml"):
        show(plan, output)
        return
    destroys = sum(item.effect is Effect.DESTROY for item in plan.items)
    suffix = f" · {destroys} destroy" if destroys else ""
    sys.stdout.write(f"plan {plan.id}  {_count(len(plan.items), 'change')}{suffix} · expires in 1 h\n")
    for item in sorted(plan.items, key=lambda item: item.effect is not Effect.DESTROY):
        sys.stdout.write(f"  {_SIGNS.get(item.effect, ' ')} {item.operation}  {item.change.target}\n")
        for difference in item.change.difference:
            sys.stdout.write(f"      {difference.path}  {_told(difference)}\n")
        for removed in item.change.will_also_remove:
            sys.stdout.write(f"      - {removed}\n")
        for warning in item.change.warnings:
            sys.stdout.write(f"      warning: {warning}\n")
    sys.stdout.write(f"apply it with:  outrider apply {plan.id}\n")


def _told(difference: Difference) -> str:
    """Return what a change does to one field, in a line."""
    if difference.before is None and isinstance(difference.after, dict):
        return "is created"
    if difference.after is None and isinstance(difference.before, dict):
        return "goes away"
    return f"{describe(difference.before)} -> {describe(difference.after)}"


def confirm_and_apply(session: LocalSession, plan: Plan, options: CallOptions, *, output: Output, yes: bool) -> int:
    """Ask where a person can be asked, then do it; without a terminal and without --yes only the plan is shown."""
    if not yes and not interactive():
        show_plan(plan, output)
        return FINDINGS
    if not yes and not confirmed(plan):
        return FINDINGS
    return finish(plan, execute(session.planner.apply(plan, options)), output)


def confirmed(plan: Plan) -> bool:
    """Show a plan and ask for a yes, or for the name of what is destroyed."""
    show_plan(plan, Output())
    destroys = [item for item in plan.items if item.effect is Effect.DESTROY]
    agreed = ask_for_name(destroys[0].change.target) if destroys else ask("apply this plan?")
    if not agreed:
        note("nothing was changed")
    return agreed


def finish(plan: Plan, outcomes: list[ItemOutcome], output: Output) -> int:
    """Write what became of a plan's items, and return the exit status."""
    failed = [outcome for outcome in outcomes if outcome.state != "done"]
    if len(outcomes) == 1 and not failed:
        operation = load_operation(registry(), *plan.items[0].operation.split("."))
        return show_result(operation, convert(outcomes[0].result, operation.code.result), output)
    if len(outcomes) == 1 and failed[0].error:
        raise from_body(convert(failed[0].error, ErrorBody))
    show(outcomes, output, columns=["id", "state"])
    if failed:
        causes: list[OutriderError] = [from_body(convert(item.error, ErrorBody)) for item in failed if item.error]
        raise PartialError(f"{len(failed)} of {len(outcomes)} items are not done", causes=causes)
    return 0


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
