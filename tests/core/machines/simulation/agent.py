"""An action agent of the simulation: confirms a claim, notes the beginning, works while it renews, brings the result home.

What it keeps on disk survives a crash; it measures claims by its own monotonic clock only.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import count

from outrider.core.errors import ConflictError
from outrider.core.events import Instruction, LeaseAnswer, Result, ResultAnswer
from tests.core.machines.simulation.ledger import Ledger, Run
from tests.core.machines.simulation.orchestrator import LEASE_SECONDS, Orchestrator
from tests.core.machines.simulation.world import Network, Process, Timer, World

FENCE_MARGIN = 2.0
RENEW_SECONDS = LEASE_SECONDS / 3
POLL_SECONDS = 3.0
REPORT_SECONDS = 2.0
SLOTS = 2
Key = tuple[str, int]
Renewed = Callable[[Instruction, float, object], None]


@dataclass(frozen=True)
class Task:
    """How an instruction behaves when it is executed: how long it takes, and how each execution ends."""

    seconds: float
    endings: tuple[str, ...]


@dataclass
class Work:
    """An execution in progress."""

    instruction: Instruction
    run: Run
    ending: str
    remaining: float
    until: float = 0.0
    completion: Timer | None = None
    fence: Timer | None = None


class Agent(Process):
    """One of the action agents; without `fences` it never stops work by itself."""

    def __init__(
        self, world: World, name: str, *, network: Network, orchestrator: Orchestrator, ledger: Ledger, fences: bool
    ) -> None:
        super().__init__(world, name)
        self.tasks: dict[str, Task] = {}
        self._network = network
        self._orchestrator = orchestrator
        self._ledger = ledger
        self._fences = fences
        self._journal: dict[Key, tuple[Instruction, Result | None]] = {}
        self._works: dict[Key, Work] = {}
        self._begun = count()

    @property
    def idle(self) -> bool:
        return not self._journal

    def boot(self) -> None:
        super().boot()
        for instruction, result in self._journal.values():
            self._report(instruction, result or _result(instruction, "unknown_outcome"))
        self._poll()

    def crash(self, seconds: float) -> None:
        self._halt_all()
        self._works.clear()
        super().crash(seconds)

    def pause(self, seconds: float) -> None:
        self._halt_all()
        super().pause(seconds)

    def resume(self) -> None:
        super().resume()  # what is due happens first: a claim that ran out meanwhile ends its work before it goes on
        for work in list(self._works.values()):
            if work.run.since is None:
                self._go(work)

    def _poll(self) -> None:
        self.after(POLL_SECONDS, self._poll)
        if len(self._works) < SLOTS:
            self._network.call(self, self._orchestrator, lambda: self._orchestrator.poll(self.name), self._polled)

    def _polled(self, answer: object) -> None:
        if isinstance(answer, Instruction):
            self._renew(answer, self._confirmed)

    def _renew(self, instruction: Instruction, renewed: Renewed) -> None:
        until = self.world.time + LEASE_SECONDS - FENCE_MARGIN
        self._network.call(
            self,
            self._orchestrator,
            lambda: self._orchestrator.renew(self.name, instruction.id, instruction.lease_epoch),
            lambda answer: renewed(instruction, until, answer),
        )

    def _renewed(self, instruction: Instruction, until: float, answer: object) -> None:
        work = self._works.get(_key(instruction))
        if work is not None and isinstance(answer, ConflictError):
            self._stop(work, "unknown_outcome")
        elif work is not None and isinstance(answer, LeaseAnswer):
            self._hold(work, until)
            if answer.cancel:
                self._stop(work, "cancelled")

    def _confirmed(self, instruction: Instruction, until: float, answer: object) -> None:
        if not isinstance(answer, LeaseAnswer):
            return
        if answer.cancel:
            self._finish(instruction, "cancelled")
            return
        if self._fences and self.world.time >= until:
            return
        self._journal[_key(instruction)] = (instruction, None)
        run = Run(instruction.id, self.name, instruction.lease_epoch, instruction.attempt)
        self._ledger.begin(run, instruction.on_lost)
        task = self.tasks[instruction.id]
        work = Work(instruction, run, task.endings[next(self._begun) % len(task.endings)], task.seconds)
        self._works[_key(instruction)] = work
        self._hold(work, until)
        self._keep_renewing(work)
        self._go(work)

    def _keep_renewing(self, work: Work) -> None:
        def again() -> None:
            if _key(work.instruction) in self._works:
                self._renew(work.instruction, self._renewed)
                self.after(RENEW_SECONDS, again)

        self.after(RENEW_SECONDS, again)

    def _hold(self, work: Work, until: float) -> None:
        """Work on at most until then: afterwards another agent may have the instruction."""
        work.until = max(work.until, until)
        if work.fence is not None:
            work.fence.cancel()
        if self._fences:
            work.fence = self.after(work.until - self.world.time, lambda: self._stop(work, "unknown_outcome"))

    def _go(self, work: Work) -> None:
        work.run.go(self.world.time)
        work.completion = self.after(work.remaining, lambda: self._stop(work, work.ending))

    def _halt_all(self) -> None:
        for work in self._works.values():
            if work.run.since is not None and work.completion is not None:
                work.completion.cancel()
                work.remaining -= self.world.time - work.run.since
                work.run.halt(self.world.time)

    def _stop(self, work: Work, status: str) -> None:
        if self._works.pop(_key(work.instruction), None) is None:
            return
        for timer in (work.completion, work.fence):
            if timer is not None:
                timer.cancel()
        work.run.halt(self.world.time)
        self._finish(work.instruction, status)

    def _finish(self, instruction: Instruction, status: str) -> None:
        result = _result(instruction, status)
        self._journal[_key(instruction)] = (instruction, result)
        self._report(instruction, result)

    def _report(self, instruction: Instruction, result: Result) -> None:
        def answered(answer: object) -> None:
            if isinstance(answer, ResultAnswer | ConflictError):
                self._journal.pop(_key(instruction), None)
            else:
                self.after(REPORT_SECONDS, lambda: self._report(instruction, result))

        self._network.call(
            self, self._orchestrator, lambda: self._orchestrator.finish(self.name, instruction.id, result), answered
        )


def _key(instruction: Instruction) -> Key:
    return instruction.id, instruction.lease_epoch


def _result(instruction: Instruction, status: str) -> Result:
    return Result(status=status, lease_epoch=instruction.lease_epoch, attempt=instruction.attempt)  # type: ignore[arg-type]  # a text from this module
