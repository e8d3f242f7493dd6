"""What an operation knows of its call, and the outside world it may use."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import msgspec

from outrider.core.errors import DeadlineExceededError
from outrider.core.identity import Principal
from outrider.core.secrets import SecretValue
from outrider.ports.clock import Clock
from outrider.ports.secrets import Resolver

Mode = Literal["plan", "apply"]


class AllowedCommand(msgspec.Struct, frozen=True):
    """A command that `host.command_run` may start: its argv, and patterns for the arguments a caller may add."""

    argv: list[str]
    arguments: list[str] = []


class Environment(msgspec.Struct, kw_only=True, frozen=True):
    """What is configured where the operation runs.

    Attributes:
        state: Folder for state of this process.
        supervisor: Unix socket of the supervisor of declared services, if there is one.
        commands: Commands that may be run, by name; an empty mapping allows none.
        secrets: Opens secret references.
    """

    clock: Clock
    state: Path
    secrets: Resolver
    supervisor: Path | None = None
    commands: Mapping[str, AllowedCommand] = {}


class Context(msgspec.Struct, kw_only=True, frozen=True):
    """One call.

    Attributes:
        deadline: Monotonic time at which the call must have ended.
        idempotency_key: The same for every attempt of one intent.
        preconditions: Facts from the plan that must still hold; the operation enforces them.
    """

    principal: Principal
    mode: Mode
    deadline: float
    trace_id: str
    idempotency_key: str
    environment: Environment
    attempt: int = 1
    preconditions: Mapping[str, Any] = {}

    @property
    def clock(self) -> Clock:
        """The clock of this process."""
        return self.environment.clock

    def remaining(self) -> float:
        """Return the seconds that are left.

        Raises:
            DeadlineExceededError: None are.
        """
        left = self.deadline - self.clock.monotonic()
        if left <= 0:
            raise DeadlineExceededError("the deadline passed before the work began")
        return left

    def secret(self, name: str, key: str | None = None) -> SecretValue:
        """Open a secret reference."""
        return self.environment.secrets.resolve(name, key)
