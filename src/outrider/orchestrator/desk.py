"""The desk where agents fetch instructions and bring results. Its methods run inside writing transactions."""

from typing import Any

import msgspec
import sqlalchemy as sa

from outrider.core.audit import AuditEntry
from outrider.core.codec import decode, encode
from outrider.core.errors import ConflictError, ErrorBody
from outrider.core.events import (
    Instruction,
    InstructionState,
    LeaseAnswer,
    LogBatch,
    Result,
    ResultAnswer,
)
from outrider.core.machines import lease as machine
from outrider.core.units import format_duration
from outrider.orchestrator.holds import Holds
from outrider.orchestrator.leases import lease_of, load, store
from outrider.orchestrator.runs import RunStarter
from outrider.orchestrator.statements import (
    END_ATTEMPT,
    INSERT_ATTEMPT,
    LOSE_ATTEMPT,
    SELECT_CLAIMABLE,
    SELECT_ELIGIBLE,
    SELECT_WAITING,
    START_ATTEMPT,
)
from outrider.orchestrator.tables import approvals, attempts, instructions, log_lines
from outrider.orchestrator.transaction import Transaction
from outrider.ports.store import upsert

LEASE_SECONDS = 30.0
MAX_LOG_LINES = 10_000
_CLAIMED = ("delivered", "executing")
# Failures that another attempt cannot mend.
_LASTING = frozenset(
    {
        "INVALID_CONFIG",
        "UNKNOWN_OPERATOR",
        "UNKNOWN_OPERATION",
        "MISSING_REQUIREMENT",
        "UNSUPPORTED",
        "UNAUTHENTICATED",
        "DENIED",
        "SANDBOX_UNAVAILABLE",
    }
)


class Desk:
    """Claims, renewals and results of one tenant's instructions.

    Args:
        tenant: Whose instructions.
        starter: Told when an instruction has ended.
    """

    def __init__(self, tenant: str, starter: RunStarter, holds: Holds) -> None:
        self._tenant = tenant
        self._starter = starter
        self._holds = holds

    def claim(self, work: Transaction, agent: str, limit: int) -> list[Instruction]:
        """Hand up to `limit` waiting instructions to an agent, oldest first; none while it is held back."""
        if self._holds.keeps_from_work(agent, work.now):
            return []
        key = {"key_tenant": self._tenant, "key_agent": agent, "now": work.now, "at_most": limit}
        rows = SELECT_CLAIMABLE.all(work.connection, key)
        return [self._claim_one(work, row, agent) for row in rows]

    def _claim_one(self, work: Transaction, row: Any, agent: str) -> Instruction:
        lease = machine.claim(lease_of(row), agent, now=work.now, duration=LEASE_SECONDS)
        store(work, row, lease)
        attempt = {
            "tenant": self._tenant,
            "instruction": row.id,
            "epoch": lease.epoch,
            "attempt": lease.attempt,
            "agent": agent,
            "claimed": work.now,
            "started": None,
            "finished": None,
            "status": "delivered",
            "document": "",
        }
        INSERT_ATTEMPT.run(work.connection, attempt)
        work.timeline(
            "instruction",
            row.id,
            f"-> {agent} · attempt {lease.attempt} · lease {format_duration(LEASE_SECONDS)}",
            run=row.run,
            instruction=row.id,
        )
        instruction = decode(row.document, Instruction)
        return msgspec.structs.replace(
            instruction, attempt=lease.attempt, lease_epoch=lease.epoch, lease_seconds=LEASE_SECONDS
        )

    def renew(self, work: Transaction, agent: str, instruction: str, epoch: int) -> LeaseAnswer:
        """Extend a claim; the first renewal allows the start.

        Raises:
            ConflictError: The claim was lost.
        """
        row = load(work.connection, self._tenant, instruction)
        lease = machine.renew(lease_of(row), agent, epoch, now=work.now, duration=LEASE_SECONDS)
        store(work, row, lease)
        if row.state == "delivered":
            values = {"status": "executing", "started": work.now}
            START_ATTEMPT.run(work.connection, {**self._attempt(instruction, epoch), **values})
        return LeaseAnswer(epoch, LEASE_SECONDS, lease.cancel_requested)

    def finish(self, work: Transaction, agent: str, instruction: str, result: Result) -> ResultAnswer:
        """Record how an attempt ended. A result that is recorded already is acknowledged again.

        Raises:
            ConflictError: The claim was lost; what was brought is kept as evidence by `keep_evidence`.
        """
        row = load(work.connection, self._tenant, instruction)
        before = lease_of(row)
        if machine.is_repeat(before, result):
            return ResultAnswer(acknowledged=True, duplicate=True)
        lease = machine.finish(
            before, agent, result.lease_epoch, result.status, now=work.now, again=_may_change(result)
        )
        document = encode(result).decode()
        store(work, row, lease, result=document)
        values = {"status": result.status, "finished": work.now, "document": document}
        END_ATTEMPT.run(work.connection, {**self._attempt(instruction, result.lease_epoch), **values})
        self._tell(work, row, lease, result)
        if lease.state.final:
            self._starter.finished(work, row, lease.state, result)
        elif lease.state is InstructionState.PENDING:
            work.wake.update(self._eligible(work, instruction))
        return ResultAnswer(acknowledged=True)

    def keep_evidence(self, work: Transaction, agent: str, instruction: str, result: Result) -> None:
        """Keep what an agent brought under a claim that it had lost."""
        work.connection.execute(
            upsert(attempts)
            .values(
                tenant=self._tenant,
                instruction=instruction,
                epoch=result.lease_epoch,
                attempt=result.attempt,
                agent=agent,
                claimed=work.now,
                finished=work.now,
                status="superseded",
                document=encode(result).decode(),
            )
            .on_conflict_do_update(
                index_elements=["tenant", "instruction", "epoch"],
                set_={"status": "superseded", "document": encode(result).decode(), "finished": work.now},
                where=attempts.c.status.in_((*_CLAIMED, "lost")),
            )
        )

    def append_log(self, work: Transaction, agent: str, instruction: str, batch: LogBatch) -> int:
        """Store log lines of the current claim; lines that are there already are left out. Returns the next number.

        Raises:
            ConflictError: The claim was lost.
        """
        row = load(work.connection, self._tenant, instruction)
        if row.agent != agent or row.epoch != batch.lease_epoch:
            raise ConflictError(f"instruction {instruction}: stale lease", context={"reason": "stale_lease"})
        key = {"tenant": self._tenant, "instruction": instruction, "epoch": batch.lease_epoch}
        known = work.connection.scalar(sa.select(sa.func.count()).select_from(log_lines).filter_by(**key))
        next_sequence = int(known or 0)
        fresh = batch.lines[max(0, next_sequence - batch.first_sequence) :][: MAX_LOG_LINES - next_sequence]
        if fresh and batch.first_sequence <= next_sequence:
            rows = [
                {**key, "sequence": next_sequence + index, "time": line.time, "stream": line.stream, "text": line.text}
                for index, line in enumerate(fresh)
            ]
            work.connection.execute(log_lines.insert(), rows)
            next_sequence += len(rows)
        return next_sequence

    def expire(self, work: Transaction) -> None:
        """End what has had its time: claims that were not renewed, steps that nobody took, questions nobody answered."""
        self._expire_claims(work)
        self._expire_starts(work)
        unanswered = work.connection.execute(
            sa.select(approvals.c.instruction).where(
                approvals.c.tenant == self._tenant, approvals.c.decision == "", approvals.c.expires <= work.now
            )
        ).all()
        for row in unanswered:
            self.decide(work, row.instruction, "expired", "nobody")

    def _expire_claims(self, work: Transaction) -> None:
        rows = work.connection.execute(
            sa.select(instructions).where(
                instructions.c.tenant == self._tenant,
                instructions.c.state.in_(_CLAIMED),
                instructions.c.expires <= work.now,
            )
        ).all()
        for row in rows:
            lease = machine.expire(lease_of(row), now=work.now)
            store(work, row, lease)
            values = {"status": "lost", "finished": work.now}
            LOSE_ATTEMPT.run(work.connection, {**self._attempt(row.id, row.epoch), **values})
            work.timeline(
                "lost",
                row.agent,
                f"no sign of life while it had {row.name}: now {lease.state}",
                run=row.run,
                instruction=row.id,
            )
            if lease.state.final:
                self._starter.finished(work, row, lease.state, None)
            else:
                work.wake.update(self._eligible(work, row.id))

    def _expire_starts(self, work: Transaction) -> None:
        rows = work.connection.execute(
            sa.select(instructions).where(
                instructions.c.tenant == self._tenant,
                instructions.c.start_by <= work.now,
                instructions.c.state == "pending",
                instructions.c.attempt == 0,
            )
        ).all()
        for row in rows:
            lease = machine.give_up(lease_of(row))
            waited = f"no agent has taken it within {format_duration(row.start_by - row.created)}"
            error = ErrorBody(code="TIMEOUT", message=waited)
            result = Result(status="timeout", lease_epoch=lease.epoch, error=error)
            store(work, row, lease, result=encode(result).decode())
            work.timeline("lost", row.name, waited, run=row.run, instruction=row.id)
            self._starter.finished(work, row, lease.state, result)

    def decide(self, work: Transaction, instruction: str, decision: str, by: str) -> None:
        """Record an answer to an approval: `approved`, `rejected` or `expired`.

        Raises:
            ConflictError: It was answered before.
        """
        changed = work.connection.execute(
            approvals.update()
            .where(
                approvals.c.tenant == self._tenant, approvals.c.instruction == instruction, approvals.c.decision == ""
            )
            .values(decision=decision, decided_by=by, decided=work.now)
        )
        if changed.rowcount != 1:
            raise ConflictError(f"the approval of {instruction} was answered before, or is wanted no more")
        row = load(work.connection, self._tenant, instruction)
        work.timeline("approval", row.name, f"{decision} by {by}", run=row.run, instruction=instruction)
        work.audit.append(
            AuditEntry(
                phase="fact",
                principal=by,
                action=f"approval.{decision}",
                target=f"instruction/{instruction}",
                outcome="ok",
            )
        )
        if decision != "approved":
            lease = machine.request_cancel(lease_of(row))
            store(work, row, lease)
            self._starter.finished(work, row, lease.state, None)
        elif decode(row.document, Instruction).instruction_type == "question":
            self._answered(work, row, by)
        else:
            store(work, row, machine.approve(lease_of(row)))
            self._start_again(work, row)
            work.wake.update(self._eligible(work, instruction))

    def _answered(self, work: Transaction, row: Any, by: str) -> None:
        """End a question: its answer is all that was wanted."""
        lease = machine.answer(lease_of(row))
        result = Result(status="completed", lease_epoch=lease.epoch, result={"approved_by": by})
        store(work, row, lease, result=encode(result).decode())
        self._starter.finished(work, row, lease.state, result)

    def _start_again(self, work: Transaction, row: Any) -> None:
        """Give an approved step its whole time to be taken: the question took some of it."""
        if row.start_by is not None:
            later = work.now + row.start_by - row.created
            mine = sa.and_(instructions.c.tenant == self._tenant, instructions.c.id == row.id)
            work.connection.execute(instructions.update().where(mine).values(start_by=later))

    def waiting_agents(self, work: Transaction) -> set[str]:
        """Return the agents for which something waits, such as a repetition whose delay has passed."""
        return {row.agent for row in SELECT_WAITING.all(work.connection, {"key_tenant": self._tenant, "now": work.now})}

    def cancel(self, work: Transaction, run: str) -> int:
        """Cancel what is left of a run; returns how many instructions that concerned."""
        rows = work.connection.execute(
            sa.select(instructions).where(
                instructions.c.tenant == self._tenant, instructions.c.run == run, instructions.c.finished.is_(None)
            )
        ).all()
        for row in rows:
            lease = machine.request_cancel(lease_of(row))
            store(work, row, lease)
            if row.state == InstructionState.AWAITING_APPROVAL:
                self._withdraw(work, row)
            if lease.state.final:
                self._starter.finished(work, row, lease.state, None)
        return len(rows)

    def _withdraw(self, work: Transaction, row: Any) -> None:
        """Ask a question no more whose step was cancelled: it must not stand before others, nor expire later."""
        mine = sa.and_(
            approvals.c.tenant == self._tenant, approvals.c.instruction == row.id, approvals.c.decision == ""
        )  # fmt: skip
        work.connection.execute(approvals.update().where(mine).values(decision="withdrawn", decided=work.now))
        work.timeline("approval", row.name, "waits no more", run=row.run, instruction=row.id)

    def adopt(self, work: Transaction, *, unbroken: bool) -> None:
        """After a start, give every live claim its full time again: its agent could not renew while we were down.

        Unless the store is unbroken the confirmation of a claim may be lost, so each claim counts as confirmed.
        """
        if not unbroken:
            work.connection.execute(
                instructions.update()
                .where(instructions.c.tenant == self._tenant, instructions.c.state == "delivered")
                .values(state="executing")
            )
        work.connection.execute(
            instructions.update()
            .where(instructions.c.tenant == self._tenant, instructions.c.state.in_(_CLAIMED))
            .values(expires=work.now + LEASE_SECONDS)
        )
        # The clock may have stepped back since a repetition was delayed.
        latest = work.now + instructions.c.backoff
        work.connection.execute(
            instructions.update()
            .where(
                instructions.c.tenant == self._tenant,
                instructions.c.state == "pending",
                instructions.c.not_before > latest,
            )
            .values(not_before=latest)
        )

    def _attempt(self, instruction: str, epoch: int) -> dict[str, Any]:
        return {"key_tenant": self._tenant, "key_instruction": instruction, "key_epoch": epoch}

    def _eligible(self, work: Transaction, instruction: str) -> list[str]:
        key = {"key_tenant": self._tenant, "key_instruction": instruction}
        return [row.agent for row in SELECT_ELIGIBLE.all(work.connection, key)]

    def _tell(self, work: Transaction, row: Any, lease: machine.Lease, result: Result) -> None:
        instruction = decode(row.document, Instruction)
        kind = "output" if instruction.instruction_type == "output" else "action"
        subject = instruction.context.get("output", row.name) if kind == "output" else row.name
        summary = result.result.get("summary") or result.status
        text = str(summary) if result.error is None else f"{result.status}: {result.error.message}"
        if lease.state is InstructionState.PENDING:
            text += f" · tries again in {format_duration(lease.backoff)}"
        work.timeline(kind, str(subject), text, run=row.run, instruction=row.id)
        work.audit.append(
            AuditEntry(
                phase="fact",
                principal=instruction.principal,
                action=f"instruction.{result.status}",
                target=f"instruction/{row.id}",
                outcome="ok" if result.error is None else result.error.code,
                trace_id=instruction.trace_id,
                details={"name": row.name, "agent": row.agent, "attempt": lease.attempt, "run": row.run},
            )
        )


def _may_change(result: Result) -> bool:
    return result.error is None or result.error.code not in _LASTING
