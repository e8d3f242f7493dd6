"""What really happened in a simulation, seen from outside, and what must never happen."""

from dataclasses import dataclass, field
from itertools import pairwise

from outrider.core.machines.lease import Lease


@dataclass
class Run:
    """One execution that was begun: by whom, under which claim, and when it really ran."""

    instruction: str
    agent: str
    epoch: int
    attempt: int
    spans: list[tuple[float, float]] = field(default_factory=list)
    since: float | None = None

    def go(self, now: float) -> None:
        self.since = now

    def halt(self, now: float) -> None:
        if self.since is not None:
            self.spans.append((self.since, now))
            self.since = None


@dataclass
class Ledger:
    """The course of all instructions; breaches of the rules are collected as sentences."""

    runs: list[Run] = field(default_factory=list)
    outcomes: dict[str, list[str]] = field(default_factory=dict)
    results: dict[tuple[str, int], str] = field(default_factory=dict)
    last_allowed_epoch: dict[str, int] = field(default_factory=dict)
    breaches: list[str] = field(default_factory=list)

    def changed(self, instruction: str, before: Lease, after: Lease) -> None:
        """Note a transition in the store."""
        if before.state.final and after != before:
            self.breaches.append(f"{instruction}: {before.state} became {after.state}")
        if after.state.final and not before.state.final:
            self.outcomes.setdefault(instruction, []).append(after.state)
        if after.attempt > after.attempts:
            self.breaches.append(f"{instruction}: attempt {after.attempt} of {after.attempts}")
        if after.epoch < before.epoch:
            self.breaches.append(f"{instruction}: epoch {before.epoch} became {after.epoch}")

    def recorded(self, instruction: str, attempt: int, status: str) -> None:
        """Note a result that the store took."""
        if (instruction, attempt) in self.results:
            self.breaches.append(f"{instruction}: two results of attempt {attempt}")
        self.results[instruction, attempt] = status

    def cancel_requested(self, instruction: str, lease: Lease) -> None:
        """Note a wish to cancel: only a claim that was confirmed before may still begin."""
        confirmed = lease.epoch if lease.state == "executing" else -1
        self.last_allowed_epoch.setdefault(instruction, confirmed)

    def begin(self, run: Run, on_lost: str) -> None:
        """Note that an execution begins, and judge whether it may."""
        earlier = [other for other in self.runs if other.instruction == run.instruction]
        if run.attempt <= len(earlier):
            self.breaches.append(f"{run.instruction}: repeat {len(earlier) + 1} is called attempt {run.attempt}")
        if on_lost != "retry" and any(self._end_is_unknown(other) for other in earlier):
            self.breaches.append(f"{run.instruction}: executed again after a loss, against on_lost={on_lost}")
        if run.epoch > self.last_allowed_epoch.get(run.instruction, run.epoch):
            self.breaches.append(f"{run.instruction}: executed although it was cancelled")
        self.runs.append(run)

    def _end_is_unknown(self, run: Run) -> bool:
        return self.results.get((run.instruction, run.attempt), "unknown_outcome") == "unknown_outcome"

    def overlaps(self) -> list[str]:
        """Return the executions of one instruction that ran at the same time."""
        spans = [
            (run.instruction, start, end, f"{run.agent} under claim {run.epoch}")
            for run in self.runs
            for start, end in run.spans
            if end > start
        ]
        spans.sort()
        return [
            f"{one[0]}: {one[3]} until {one[2]:.1f} and {two[3]} from {two[1]:.1f}"
            for one, two in pairwise(spans)
            if one[0] == two[0] and two[1] < one[2]
        ]

    def verdict(self, instructions: list[str]) -> list[str]:
        """Return every breach, once nothing happens any more."""
        missing = [f"{name}: no final state" for name in instructions if not self.outcomes.get(name)]
        doubled = [f"{name}: {states}" for name, states in self.outcomes.items() if len(states) > 1]
        return [*self.breaches, *self.overlaps(), *missing, *doubled]
