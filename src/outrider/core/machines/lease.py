"""The life of one instruction: claim, renew, finish, expire. All transitions live here.

    awaiting_approval --approve--> pending          --reject, expire--> cancelled
    pending   --claim--> delivered                  epoch + 1, attempt + 1, expiry set
    delivered --renew--> executing                  the agent starts only after this answer
    executing --renew--> executing                  expiry moved
    delivered, executing --finish--> completed | failed | timeout | cancelled
    failed, timeout with attempts left ----> pending (after a delay)
    delivered past expiry --expire--> pending         the attempt does not count
    executing past expiry --expire--> pending | failed | unknown, as `on_lost` says
    pending, never claimed, past its start time --give up--> timeout
    awaiting_approval, pending, delivered --cancel--> cancelled
    executing --cancel--> executing                   the next renewal tells the agent; nothing is tried again

After a sudden end of the orchestrator's machine `delivered` counts as `executing`: the agent may have been told to start.

Every transition names the epoch that it acts on. Who comes with an older one was replaced: CONFLICT, nothing changes.
The store applies a transition as an update on the condition that the epoch is still the one read, so two orchestrators
cannot both succeed. A claim fences our records, not the outside world: hence the idempotency key and `on_lost`.
"""

import msgspec

from outrider.core.errors import ConflictError
from outrider.core.events import InstructionState, OnLost, Result

_CLAIMED = (InstructionState.DELIVERED, InstructionState.EXECUTING)


class Lease(msgspec.Struct, frozen=True, kw_only=True):
    """What is decided about one instruction.

    Attributes:
        attempts: How many claims it may have in all.
        attempt: Claims so far.
        epoch: Number of the newest claim.
        expires: Seconds on the orchestrator's clock until which the claim holds.
        not_before: Earliest time of the next claim.
        cancel_requested: The agent is told at its next renewal.
    """

    state: InstructionState = InstructionState.PENDING
    attempts: int = 1
    attempt: int = 0
    epoch: int = 0
    agent: str = ""
    expires: float = 0.0
    not_before: float = 0.0
    on_lost: OnLost = "fail"
    backoff: float = 1.0
    cancel_requested: bool = False


def claim(lease: Lease, agent: str, *, now: float, duration: float) -> Lease:
    """Hand the instruction to an agent for `duration` seconds.

    Raises:
        ConflictError: It is not free.
    """
    if lease.state is not InstructionState.PENDING or now < lease.not_before:
        raise _conflict(lease, "it is not waiting for an agent")
    return msgspec.structs.replace(
        lease,
        state=InstructionState.DELIVERED,
        attempt=lease.attempt + 1,
        epoch=lease.epoch + 1,
        agent=agent,
        expires=now + duration,
    )


def renew(lease: Lease, agent: str, epoch: int, *, now: float, duration: float) -> Lease:
    """Extend the claim; the first renewal allows the start.

    A claim that is past its expiry but was not given to anybody else yet can still be renewed.

    Raises:
        ConflictError: The claim was lost.
    """
    _check_holder(lease, agent, epoch)
    return msgspec.structs.replace(lease, state=InstructionState.EXECUTING, expires=now + duration)


def finish(lease: Lease, agent: str, epoch: int, status: str, *, now: float, again: bool = True) -> Lease:
    """Record the end of an attempt; a failure with attempts left makes the instruction free again after its delay.

    With `again` False it does not: nothing would be different the next time.

    Raises:
        ConflictError: The claim was lost; the result is evidence only.
    """
    _check_holder(lease, agent, epoch)
    if status == "unknown_outcome":
        return _unknown_end(lease, now)
    ended = InstructionState(status)
    if ended in (InstructionState.FAILED, InstructionState.TIMEOUT) and again and not lease.cancel_requested:
        return _again(lease, ended, now)
    return msgspec.structs.replace(lease, state=ended)


def expire(lease: Lease, *, now: float) -> Lease:
    """Take the claim back once it is past its expiry; `on_lost` says what follows. Before that nothing changes."""
    if lease.state not in _CLAIMED or now < lease.expires:
        return lease
    if lease.state is InstructionState.DELIVERED:
        # The agent never confirmed the claim, so by the rule above it never started: another claim is harmless and free.
        return msgspec.structs.replace(
            lease, state=InstructionState.PENDING, attempt=lease.attempt - 1, epoch=lease.epoch + 1, not_before=now
        )
    # The epoch moves so that the lost agent's late result is refused.
    return _unknown_end(msgspec.structs.replace(lease, epoch=lease.epoch + 1), now)


def request_cancel(lease: Lease) -> Lease:
    """Cancel at once what has not started; tell the agent of what has. A final state stays."""
    if lease.state.final:
        return lease
    if lease.state is InstructionState.EXECUTING:
        return msgspec.structs.replace(lease, cancel_requested=True)
    # Who holds the claim has not confirmed it yet: with another epoch the confirmation is refused, and nothing starts.
    epoch = lease.epoch + (lease.state is InstructionState.DELIVERED)
    return msgspec.structs.replace(lease, state=InstructionState.CANCELLED, epoch=epoch, cancel_requested=True)


def give_up(lease: Lease) -> Lease:
    """End what nobody has taken in time; what was claimed once stays."""
    if lease.state is not InstructionState.PENDING or lease.attempt:
        return lease
    return msgspec.structs.replace(lease, state=InstructionState.TIMEOUT)


def approve(lease: Lease) -> Lease:
    """Free an instruction that waited for approval.

    Raises:
        ConflictError: It waits no longer.
    """
    if lease.state is not InstructionState.AWAITING_APPROVAL:
        raise _conflict(lease, "it is not waiting for an approval")
    return msgspec.structs.replace(lease, state=InstructionState.PENDING)


def answer(lease: Lease) -> Lease:
    """End a question that was answered with yes: there is nothing else to do.

    Raises:
        ConflictError: It waits no longer.
    """
    return msgspec.structs.replace(approve(lease), state=InstructionState.COMPLETED)


def is_repeat(lease: Lease, result: Result) -> bool:
    """Return whether a result arrives again that was recorded before, so that it is acknowledged and changes nothing."""
    return result.lease_epoch == lease.epoch and lease.state not in _CLAIMED and result.attempt == lease.attempt


def _check_holder(lease: Lease, agent: str, epoch: int) -> None:
    if lease.state not in _CLAIMED:
        raise _conflict(lease, f"it is {lease.state}")
    if epoch != lease.epoch or agent != lease.agent:
        raise _conflict(lease, f"claim {epoch} of {agent} was replaced by claim {lease.epoch} of {lease.agent}")


def _again(lease: Lease, ended: InstructionState, now: float) -> Lease:
    if lease.attempt >= lease.attempts:
        return msgspec.structs.replace(lease, state=ended)
    return msgspec.structs.replace(lease, state=InstructionState.PENDING, not_before=now + lease.backoff)


def _unknown_end(lease: Lease, now: float) -> Lease:
    if lease.on_lost == "retry" and lease.cancel_requested:
        return msgspec.structs.replace(lease, state=InstructionState.CANCELLED)
    if lease.on_lost == "retry":
        return _again(lease, InstructionState.FAILED, now)
    state = InstructionState.FAILED if lease.on_lost == "fail" else InstructionState.UNKNOWN
    return msgspec.structs.replace(lease, state=state)


def _conflict(lease: Lease, why: str) -> ConflictError:
    return ConflictError(
        f"stale lease: {why}",
        found=f"state {lease.state}, epoch {lease.epoch}",
        suggestions=["stop the work; the newest claim holds"],
        context={"reason": "stale_lease"},
    )
