"""What a probe found out."""

from typing import Literal

import msgspec

from outrider.runtime.sandbox.machine import Machine

# forbidden: one success makes a level unusable. needed: one refusal does. limit: a fact, judged by what a manifest demands.
Kind = Literal["forbidden", "needed", "limit"]


class Attempt(msgspec.Struct, frozen=True):
    """One thing that was tried inside.

    Attributes:
        name: Such as `read /etc/shadow`.
        kind: What its success would mean.
        succeeded: Whether it could be done.
        detail: The error that refused it, or what was seen.
    """

    name: str
    kind: Kind
    succeeded: bool
    detail: str = ""

    @property
    def as_expected(self) -> bool:
        """Whether it ended as a sandbox should have it."""
        return self.succeeded is (self.kind == "needed")


class ProbeReport(msgspec.Struct, kw_only=True, frozen=True):
    """What one level can do on this machine.

    Attributes:
        level: Its name.
        usable: Whether everything forbidden was refused and everything needed worked.
        reason: Why not.
        remedy: What to install or set.
        attempts: Everything that was tried; empty where nothing could be started.
        limits: Which limits hold, by the names of `Limits`; and `ports`, whether single TCP ports can be granted.
        milliseconds: What the probe took.
        measured_at: Seconds since the epoch.
        machine: What the machine offers.
    """

    level: str
    usable: bool
    reason: str = ""
    remedy: str = ""
    attempts: list[Attempt] = []
    limits: dict[str, bool] = {}
    milliseconds: float = 0.0
    measured_at: float = 0.0
    machine: Machine

    @property
    def surprises(self) -> list[Attempt]:
        """Attempts that make the level unusable."""
        return [attempt for attempt in self.attempts if attempt.kind != "limit" and not attempt.as_expected]
