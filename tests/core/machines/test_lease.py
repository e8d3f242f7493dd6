from typing import get_args

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from msgspec.structs import replace

from outrider.core.errors import ConflictError
from outrider.core.events import InstructionState, OnLost, Result
from outrider.core.machines.lease import Lease, approve, claim, expire, finish, is_repeat, renew, request_cancel
from tests.core.profiles import machine

DURATION = 30.0
STATUSES = ("completed", "failed", "timeout", "cancelled", "unknown_outcome")
PENDING = Lease(attempts=2)
DELIVERED = claim(PENDING, "left", now=100.0, duration=DURATION)
EXECUTING = renew(DELIVERED, "left", 1, now=101.0, duration=DURATION)


def lost(on_lost: OnLost, **changes: object) -> Lease:
    """Return what becomes of an execution whose agent is not heard of again."""
    return expire(replace(EXECUTING, on_lost=on_lost, **changes), now=EXECUTING.expires)


def result(status: str, lease: Lease) -> Result:
    return Result(status=status, lease_epoch=lease.epoch, attempt=lease.attempt)  # type: ignore[arg-type]  # of STATUSES


def test_claim_hands_out_for_a_time() -> None:
    assert (DELIVERED.state, DELIVERED.agent, DELIVERED.epoch, DELIVERED.attempt) == ("delivered", "left", 1, 1)
    assert DELIVERED.expires == 130.0


def test_renewal_allows_the_start_and_moves_the_expiry() -> None:
    assert EXECUTING.state == "executing"
    assert renew(EXECUTING, "left", 1, now=120.0, duration=DURATION).expires == 150.0


def test_claim_that_nobody_took_back_yet_can_be_renewed_late() -> None:
    assert renew(EXECUTING, "left", 1, now=500.0, duration=DURATION).expires == 530.0


@pytest.mark.parametrize("state", [state for state in InstructionState if state != "pending"])
def test_only_what_waits_can_be_claimed(state: InstructionState) -> None:
    with pytest.raises(ConflictError, match="not waiting"):
        claim(replace(PENDING, state=state), "left", now=0.0, duration=DURATION)


def test_retry_waits_for_its_delay() -> None:
    again = finish(EXECUTING, "left", 1, "failed", now=110.0)
    assert (again.state, again.not_before, again.attempt) == ("pending", 111.0, 1)
    with pytest.raises(ConflictError):
        claim(again, "left", now=110.9, duration=DURATION)
    assert claim(again, "right", now=111.0, duration=DURATION).attempt == 2


@pytest.mark.parametrize("status", ["failed", "timeout"])
def test_last_attempt_ends_with_its_status(status: str) -> None:
    assert finish(replace(EXECUTING, attempt=2), "left", 1, status, now=110.0).state == status


@pytest.mark.parametrize("status", ["failed", "timeout"])
def test_failure_that_would_only_repeat_itself_is_final(status: str) -> None:
    assert finish(EXECUTING, "left", 1, status, now=110.0, again=False).state == status


@pytest.mark.parametrize("status", ["completed", "cancelled"])
def test_success_and_cancellation_are_not_repeated(status: str) -> None:
    assert finish(EXECUTING, "left", 1, status, now=110.0).state == status


def test_claim_that_was_never_confirmed_costs_no_attempt() -> None:
    free = expire(DELIVERED, now=DELIVERED.expires)
    assert (free.state, free.attempt, free.epoch) == ("pending", 0, 2)
    assert claim(free, "right", now=free.not_before, duration=DURATION).attempt == 1


def test_nothing_expires_early() -> None:
    assert expire(EXECUTING, now=EXECUTING.expires - 0.001) is EXECUTING


@pytest.mark.parametrize(("on_lost", "state"), [("retry", "pending"), ("fail", "failed"), ("manual", "unknown")])
def test_loss_is_answered_as_declared(on_lost: OnLost, state: str) -> None:
    assert lost(on_lost).state == state
    assert finish(replace(EXECUTING, on_lost=on_lost), "left", 1, "unknown_outcome", now=110.0).state == state


def test_loss_of_the_last_attempt_fails() -> None:
    assert lost("retry", attempt=2).state == "failed"


@pytest.mark.parametrize("on_lost", get_args(OnLost))
@pytest.mark.parametrize("status", STATUSES)
def test_result_after_the_loss_is_refused(on_lost: OnLost, status: str) -> None:
    gone = lost(on_lost)
    assert not is_repeat(gone, result(status, EXECUTING))
    with pytest.raises(ConflictError) as caught:
        finish(gone, "left", 1, status, now=140.0)
    assert caught.value.context == {"reason": "stale_lease"}


@pytest.mark.parametrize("on_lost", get_args(OnLost))
@pytest.mark.parametrize("status", STATUSES)
def test_recorded_result_that_arrives_again_is_known(on_lost: OnLost, status: str) -> None:
    held = replace(EXECUTING, on_lost=on_lost)
    assert not is_repeat(held, result(status, held))
    assert is_repeat(finish(held, "left", 1, status, now=110.0), result(status, held))


def test_result_of_another_attempt_is_no_repeat() -> None:
    done = finish(EXECUTING, "left", 1, "completed", now=110.0)
    assert not is_repeat(done, replace(result("completed", EXECUTING), attempt=2))


def test_recorded_result_that_arrives_after_the_next_claim_is_refused() -> None:
    second = claim(finish(EXECUTING, "left", 1, "failed", now=110.0), "right", now=120.0, duration=DURATION)
    assert not is_repeat(second, result("failed", EXECUTING))


@pytest.mark.parametrize("holder", [("right", 1), ("left", 0), ("left", 2)])
def test_claims_of_others_change_nothing(holder: tuple[str, int]) -> None:
    with pytest.raises(ConflictError):
        renew(EXECUTING, *holder, now=110.0, duration=DURATION)
    with pytest.raises(ConflictError):
        finish(EXECUTING, *holder, "completed", now=110.0)


@pytest.mark.parametrize("lease", [Lease(state=InstructionState.AWAITING_APPROVAL), PENDING, DELIVERED])
def test_what_has_not_started_is_cancelled_at_once(lease: Lease) -> None:
    assert request_cancel(lease).state == "cancelled"


def test_cancelled_claim_cannot_be_confirmed() -> None:
    cancelled = request_cancel(DELIVERED)
    with pytest.raises(ConflictError):
        renew(cancelled, "left", 1, now=102.0, duration=DURATION)
    assert not is_repeat(cancelled, result("completed", DELIVERED))


def test_running_work_is_told_of_the_cancellation() -> None:
    told = renew(request_cancel(EXECUTING), "left", 1, now=110.0, duration=DURATION)
    assert (told.state, told.cancel_requested) == ("executing", True)


@pytest.mark.parametrize("status", ["failed", "timeout"])
def test_cancelled_work_that_fails_is_not_tried_again(status: str) -> None:
    assert finish(request_cancel(EXECUTING), "left", 1, status, now=110.0).state == status


def test_cancelled_work_that_is_lost_is_not_tried_again() -> None:
    assert lost("retry", cancel_requested=True).state == "cancelled"


def test_approval_frees_once() -> None:
    free = approve(Lease(state=InstructionState.AWAITING_APPROVAL))
    assert free.state == "pending"
    with pytest.raises(ConflictError):
        approve(free)


class LeaseRules(RuleBasedStateMachine):
    """Two agents and an orchestrator do whatever they like, with old claims too, at any time."""

    @initialize(attempts=st.integers(1, 3), on_lost=st.sampled_from(get_args(OnLost)), approval=st.booleans())
    def begin(self, attempts: int, on_lost: OnLost, *, approval: bool) -> None:
        state = InstructionState.AWAITING_APPROVAL if approval else InstructionState.PENDING
        self.lease = Lease(state=state, attempts=attempts, on_lost=on_lost)
        self.now = 1000.0
        self.holders: dict[int, str] = {}
        self.finished: set[int] = set()
        self.started: set[int] = set()
        self.cancelled = False

    def move(self, after: Lease) -> None:
        """Take a transition, and check what holds for each."""
        before, self.lease = self.lease, after
        assert after.epoch >= before.epoch
        if before.state.final:
            assert after == before

    @rule(seconds=st.one_of(st.floats(0.0, 40.0), st.sampled_from([-3600.0, 3600.0])))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule(agent=st.sampled_from(["left", "right"]))
    def poll(self, agent: str) -> None:
        if self.lease.state != "pending" or self.now < self.lease.not_before:
            with pytest.raises(ConflictError):
                claim(self.lease, agent, now=self.now, duration=DURATION)
            return
        assert not self.cancelled
        self.move(claim(self.lease, agent, now=self.now, duration=DURATION))
        assert self.lease.epoch not in self.holders
        self.holders[self.lease.epoch] = agent

    @precondition(lambda self: self.holders)
    @rule(data=st.data())
    def renewal(self, data: st.DataObject) -> None:
        epoch = data.draw(st.sampled_from(sorted(self.holders)))
        if not self.holds(epoch):
            with pytest.raises(ConflictError):
                renew(self.lease, self.holders[epoch], epoch, now=self.now, duration=DURATION)
            return
        self.move(renew(self.lease, self.holders[epoch], epoch, now=self.now, duration=DURATION))
        self.started.add(epoch)

    @precondition(lambda self: self.holders)
    @rule(data=st.data(), status=st.sampled_from(STATUSES), again=st.booleans())
    def report(self, data: st.DataObject, status: str, *, again: bool) -> None:
        epoch = data.draw(st.sampled_from(sorted(self.holders)))
        if not self.holds(epoch):
            with pytest.raises(ConflictError):
                finish(self.lease, self.holders[epoch], epoch, status, now=self.now)
            return
        assert epoch not in self.finished
        self.finished.add(epoch)
        self.started.add(epoch)
        self.move(finish(self.lease, self.holders[epoch], epoch, status, now=self.now, again=again))
        assert self.lease.state != "executing"

    def holds(self, epoch: int) -> bool:
        """Return whether a claim is the newest and neither ended nor taken back."""
        return self.lease.state in ("delivered", "executing") and epoch == self.lease.epoch

    @rule()
    def sweep(self) -> None:
        self.move(expire(self.lease, now=self.now))

    @rule()
    def cancel(self) -> None:
        self.cancelled = True
        self.move(request_cancel(self.lease))
        assert self.lease.state == "executing" or self.lease.state.final

    @rule()
    def answer_approval(self) -> None:
        if self.lease.state == "awaiting_approval":
            self.move(approve(self.lease))

    @invariant()
    def attempts_are_the_executions_begun(self) -> None:
        assert self.lease.attempt <= self.lease.attempts
        if self.lease.state in ("pending", "executing"):
            assert self.lease.attempt == len(self.started)

    @invariant()
    def losses_are_not_repeated_unless_declared(self) -> None:
        if self.lease.on_lost != "retry" and self.lease.state == "pending":
            assert self.started <= self.finished


TestLeaseRules = LeaseRules.TestCase
TestLeaseRules.settings = machine
