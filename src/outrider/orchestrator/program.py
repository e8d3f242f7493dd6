"""The steps of a rule as numbers: which belong to a stage, what earlier ones gave, what is to be undone. No I/O.

A stage is an entry of `do`: one step, or several in parallel. Steps are counted through, parallel ones too. What undoes step 3
is number 503; reports come from 1000 on.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from outrider.core.codec import decode, to_builtins
from outrider.core.events import InstructionState, Result
from outrider.kinds.rule.model import Outcome, RuleSpec
from outrider.kinds.rule.steps import SingleStep

COMPENSATION_STEP = 500
REPORT_STEP = 1000
ENDED: dict[InstructionState, Outcome] = {
    InstructionState.COMPLETED: "completed",
    InstructionState.FAILED: "failed",
    InstructionState.TIMEOUT: "failed",
    InstructionState.CANCELLED: "cancelled",
    InstructionState.UNKNOWN: "unknown",
}


class Leaf(msgspec.Struct, frozen=True):
    """A step with its number and its stage."""

    number: int
    stage: int
    step: SingleStep

    @property
    def label(self) -> str:
        """What messages call it."""
        return self.step.name or self.step.subject


def leaves(spec: RuleSpec) -> list[Leaf]:
    """Return every step of a rule."""
    flat = [(stage, leaf) for stage, step in enumerate(spec.do) for leaf in step.leaves]
    return [Leaf(number, stage, leaf) for number, (stage, leaf) in enumerate(flat)]


def leaf_of(spec: RuleSpec, number: int) -> Leaf | None:
    """Return the step that an instruction's number stands for, be it the step itself or what undoes it."""
    place = number - COMPENSATION_STEP if number >= COMPENSATION_STEP else number
    found = leaves(spec)
    return found[place] if place < len(found) else None


def results(spec: RuleSpec, rows: Mapping[int, Any], stage: int) -> dict[str, Any]:
    """Return what later steps see of the named ones: state, result and error.

    Args:
        spec: The rule.
        rows: The instructions of the run by number.
        stage: Where the run is; a step of an earlier one that has no instruction was left out.
    """
    seen: dict[str, Any] = {}
    for leaf in leaves(spec):
        row = rows.get(leaf.number)
        if leaf.step.name is not None and (row is not None or leaf.stage < stage):
            seen[leaf.step.name] = _result(row)
    return seen


def _result(row: Any) -> dict[str, Any]:
    if row is None:
        return {"state": "skipped", "result": {}, "error": None}
    result = decode(row.result, Result) if row.result else None
    error = to_builtins(result.error) if result is not None and result.error is not None else None
    return {"state": str(row.state), "result": result.result if result is not None else {}, "error": error}


def failure(stage: Iterable[Leaf], rows: Mapping[int, Any]) -> tuple[Leaf, Any] | None:
    """Return the first step of a stage that ends the run, with its instruction."""
    for leaf in stage:
        row = rows.get(leaf.number)
        if row is None or row.state == InstructionState.COMPLETED:
            continue
        # What a person has cancelled or refused does not go on, whatever the step says of failures.
        if leaf.step.on_failure == "stop" or row.state == InstructionState.CANCELLED:
            return leaf, row
    return None


def to_undo(spec: RuleSpec, rows: Mapping[int, Any]) -> list[Leaf]:
    """Return the completed steps whose compensation has not been started, the last at the head."""
    return [
        leaf
        for leaf in reversed(leaves(spec))
        if leaf.step.compensate is not None
        and leaf.number in rows
        and rows[leaf.number].state == InstructionState.COMPLETED
        and leaf.number + COMPENSATION_STEP not in rows
    ]


def undone(spec: RuleSpec, rows: Mapping[int, Any]) -> str:
    """Return what was undone and what was not, for the message of a run; empty where nothing was tried."""
    good: list[str] = []
    bad: list[str] = []
    for leaf in reversed(leaves(spec)):
        row = rows.get(leaf.number + COMPENSATION_STEP)
        if row is not None:
            (good if row.state == InstructionState.COMPLETED else bad).append(leaf.label)
    said = [f"undone: {', '.join(good)}"] if good else []
    said += [f"NOT undone: {', '.join(bad)}"] if bad else []
    return "; ".join(said)


def end_state(spec: RuleSpec, rows: Mapping[int, Any]) -> Outcome:
    """Return how a run ended whose steps are these: as its first failed step did."""
    found = failure(leaves(spec), rows)
    return ENDED[InstructionState(found[1].state)] if found is not None else "failed"
