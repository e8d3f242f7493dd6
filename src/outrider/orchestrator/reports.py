"""Reports of runs: which outputs get one, and what it says."""

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa

from outrider.core.codec import decode, to_builtins
from outrider.core.events import Event, Instruction, Result
from outrider.core.identifiers import derived
from outrider.core.machines.lease import Lease
from outrider.core.timestamps import timestamp
from outrider.kinds.rule.model import Outcome, Route, RuleSpec
from outrider.orchestrator.instructions import Draft, Run
from outrider.orchestrator.program import COMPENSATION_STEP, REPORT_STEP, leaf_of
from outrider.orchestrator.tables import instructions
from outrider.orchestrator.transaction import Transaction
from outrider.orchestrator.world import WORKER, World


def routed(spec: RuleSpec, run: Run, state: Outcome) -> Iterator[tuple[int, Route]]:
    """Yield the outputs that get the report of a run that ended so, with their numbers."""
    severity = decode(run.event, Event).severity
    for index, route in enumerate(spec.routes):
        if severity in (route.severities or [severity]) and state in (route.outcomes or [state]):
            yield index, route


def draft_report(
    work: Transaction, world: World, run: Run, output: str, *, index: int, outcome: dict[str, str]
) -> Draft:
    """Return the instruction that sends the report of a run to an output.

    Raises:
        NotFoundError: The output was removed, or its plugin.
    """
    spec = world.output(output)
    plugin = world.catalogue.find("output", spec.plugin)
    instruction = Instruction(
        id=derived(run.created, run.id, REPORT_STEP + index),
        instruction_type="output",
        plugin_id=spec.plugin,
        plugin_configuration=spec.config,
        input_data=report(work, run, outcome),
        context={"output": output, "run": run.id, "rule": run.rule},
        timeout_seconds=float(spec.timeout),
        max_retries=spec.attempts - 1,
        correlation_id=run.id,
        idempotency_key=f"{run.id}-{output}",
        on_lost="retry" if plugin.manifest.idempotent else plugin.manifest.on_lost,
        trace_id=run.trace_id,
        principal=f"output:{output}",
    )
    return Draft(
        instruction=instruction,
        lease=Lease(attempts=spec.attempts, on_lost=instruction.on_lost),
        number=REPORT_STEP + index,
        agents=[spec.run_on or WORKER],
    )


def report(work: Transaction, run: Run, outcome: dict[str, str]) -> dict[str, Any]:
    """Return what is said of a run that ended: the run, its events and its steps."""
    rows = work.connection.execute(
        sa.select(instructions)
        .where(instructions.c.tenant == run.tenant, instructions.c.run == run.id, instructions.c.step < REPORT_STEP)
        .order_by(instructions.c.created, instructions.c.step)
    ).all()
    spec = decode(run.spec, RuleSpec)
    return {
        "run": run.id,
        "rule": run.rule,
        **outcome,
        "started": timestamp(run.created),
        "finished": timestamp(work.now),
        "event": decode(run.event, dict),
        "matched": decode(run.matched, list),
        "steps": [_step(spec, row) for row in rows],
        "trace_id": run.trace_id,
    }


def _step(spec: RuleSpec, row: Any) -> dict[str, Any]:
    leaf = leaf_of(spec, row.step)
    return {
        "name": row.name,
        "step": leaf.step.name if leaf is not None else None,
        "undoes": leaf.label if leaf is not None and row.step >= COMPENSATION_STEP else None,
        "state": row.state,
        "agent": row.agent,
        "attempts": row.attempt,
        "result": to_builtins(decode(row.result, Result)) if row.result else None,
    }
