"""A run with everything that is known of it: its steps, their logs, and what the audit chains say."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from outrider.core.audit import AuditRecord
from outrider.core.codec import decode
from outrider.core.errors import OutriderError
from outrider.orchestrator.wire import RunDetail, StepRow
from outrider.runtime.audit import chain_files

# Ids of events on one line, the newest.
_EVENTS_SHOWN = 8


class RunReport(RunDetail, kw_only=True):
    """A run with the audit records about it, oldest first; those of agents on other machines are kept there."""

    audit: list[AuditRecord]


def report(detail: RunDetail, state: Path) -> RunReport:
    """Add what the audit chains below a platform's state folder say about a run."""
    return RunReport(**msgspec.structs.asdict(detail), audit=sorted(_records(detail, state), key=_order))


def _order(record: AuditRecord) -> tuple[bool, str]:
    """The match comes first: it is recorded once its instructions are on their way, and an agent may be quicker."""
    return record.entry.action != "rule.match", record.time


def _records(detail: RunDetail, state: Path) -> Iterator[AuditRecord]:
    """Yield the records of a run. Lines without its ids are not decoded: a chain may have a million of others."""
    targets = {f"instruction/{step.instruction}" for step in detail.steps}
    wanted = [identity.encode() for identity in (detail.trace_id, *targets) if identity]
    for path in chain_files(state):
        with path.open("rb") as lines:
            for line in lines:
                if not any(identity in line for identity in wanted):
                    continue
                try:
                    record = decode(line, AuditRecord)
                except OutriderError:
                    continue  # `outrider audit verify` says which line it is
                if record.entry.trace_id == detail.trace_id or record.entry.target in targets:
                    yield record


def describe(detail: RunReport) -> str:
    """Return a run as people read it."""
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
    if detail.audit:
        lines.append("  audit")
        steps = {f"instruction/{step.instruction}": step.name for step in detail.steps}
        lines += [_audit_line(record, steps) for record in detail.audit]
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


def _audit_line(record: AuditRecord, steps: Mapping[str, str]) -> str:
    entry = record.entry
    clock = record.time.partition("T")[2].removesuffix("Z")
    words = [entry.action, steps.get(entry.target, entry.target), entry.outcome, f"by {entry.principal}"]
    return f"      {clock:<13} {record.writer:<18} {entry.phase:<8} {'  '.join(filter(None, words))}"
