"""What a delivery is made of: its steps, how far it is, and the interface by which a family shifts traffic and looks."""

from collections.abc import Mapping
from typing import Literal, Protocol

import msgspec

from outrider.delivery.analysis import Counts, Tolerance

Phase = Literal["preparing", "shifting", "judging", "promoting", "rolling back", "promoted", "rolled back", "frozen"]
OnInconclusive = Literal["freeze", "rollback", "promote"]


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """How a new version is brought in; times in seconds.

    Attributes:
        steps: Percent of the traffic, step by step.
        hold: Of each step at least.
        limit: Of each step at most.
        interval: Between two looks.
        signals: What is tolerated of each signal; without signals a step passes when it has lasted.
        on_inconclusive: What follows where a step ends and nothing is certain.
    """

    steps: tuple[int, ...]
    hold: float
    limit: float
    interval: float
    signals: Mapping[str, Tolerance]
    on_inconclusive: OnInconclusive = "freeze"


class Progress(msgspec.Struct, kw_only=True):
    """How far a delivery is. It is saved before anything is done, so that whoever comes after a crash goes on from there.

    Attributes:
        version: Of what is delivered.
        step: Which of the steps, from 0.
        reason: Why it was rolled back or frozen.
        log: What was decided at each step, with the figures.
    """

    version: str
    phase: Phase = "preparing"
    step: int = 0
    reason: str = ""
    log: list[str] = []


class Look(msgspec.Struct, frozen=True):
    """What is seen of a new version.

    Attributes:
        broken: Why it cannot go on, whatever the signals say: a crash, no pod that is ready. Empty where it can.
        counts: Of the new version and of the present one, since the step began, by signal.
    """

    broken: str
    counts: Mapping[str, tuple[Counts, Counts]]


class Stage(Protocol):
    """A place where versions are delivered. Each call ends when the place has confirmed what was done."""

    async def save(self, progress: Progress) -> None:
        """Keep how far the delivery is."""

    async def prepare(self) -> None:
        """Have the new version there, without any traffic or with the least that can be."""

    async def shift(self, percent: int) -> str:
        """Give the new version a share, and say what share it really has. A new step begins: counts start anew."""

    async def look(self) -> Look:
        """Look at it."""

    async def promote(self) -> None:
        """Have the new version in the place of the present one, and nothing left beside it."""

    async def roll_back(self) -> None:
        """Take the traffic away from the new version, then the version itself."""
