"""What is asked of a resolver, whatever the ecosystem."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Self

import msgspec

from outrider.core.errors import DeadlineExceededError
from outrider.operators.packages.resolving.policies import ADMIT_ALL, Policy
from outrider.ports.clock import Clock

_MOST_PATIENCE = 60.0


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked for, and what may be used for an answer.

    Attributes:
        packages: Each as its ecosystem writes it.
        target: For what: a version of Python, or a target framework of .NET; empty for the usual one.
        client: Whose way of choosing counts, where its ecosystem has several: `bun`, `gradle`, `pipenv`, `pnpm`, `poetry`, `yarn1` or
            `yarn4`; empty for the usual one.
        details: What is asked besides that only its ecosystem knows; None for nothing.
        offline: Whether to do with what is kept.
        cache: The folder of what is kept of all ecosystems.
        folder: Of the project, whose settings count.
        environment: Variables, which may name registries.
        clock: For the age of what is kept.
        deadline: Monotonic time at which there must be an answer.
        policy: What may be chosen.
        files: Whether all files of what is chosen are to be told, and not only those that would be installed here.
        anew: Whether the lock that is there counts for nothing, as it cannot be read.
        locked: By name as its ecosystem compares names, versions that are tried before all others, such as those of a lock.
    """

    packages: list[str]
    target: str = ""
    client: str = ""
    details: "Details | None" = None
    offline: bool = False
    cache: Path
    folder: Path
    environment: Mapping[str, str]
    clock: Clock
    deadline: float
    policy: Policy = ADMIT_ALL
    files: bool = False
    anew: bool = False
    locked: Mapping[str, Collection[str]] = {}

    def preferred(self, name: str, versions: Sequence[str]) -> int:
        """Return the mask of the versions of a package that are tried first; none where none are."""
        wanted = self.locked.get(name, ())
        return sum(1 << bit for bit, version in enumerate(versions) if version in wanted) if wanted else 0

    def patience(self) -> float:
        """Return for how many seconds to look for what would do, where it is known that what is asked for does not."""
        return min(_MOST_PATIENCE, (self.deadline - self.clock.monotonic()) / 2)

    def check(self) -> None:
        """End a search that takes too long.

        Raises:
            DeadlineExceededError: The deadline has passed.
        """
        if self.clock.monotonic() > self.deadline:
            raise DeadlineExceededError(
                "no solution was found in time, which does not mean that there is none",
                suggestions=["give a longer --timeout", "ask for narrower ranges"],
            )


class Details(msgspec.Struct, frozen=True, kw_only=True):
    """What one ecosystem alone is asked; each has its own kind, and all of it is usual where nothing is said."""

    @classmethod
    def of(cls, question: Question) -> Self:
        """Return what a question says of this kind."""
        return question.details if isinstance(question.details, cls) else cls()
