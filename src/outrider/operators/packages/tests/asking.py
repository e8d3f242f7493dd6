"""Asks for Python packages as the operation does, with nothing of this machine's user."""

import os
from pathlib import Path

from outrider.operators.packages.pypi import session as pypi_session
from outrider.operators.packages.resolving.outcomes import Impossible, Resolved
from outrider.operators.packages.resolving.questions import Question
from outrider.ports.clock import Clock, SystemClock

PYTHON = "3.12"
SYSTEM_CLOCK = SystemClock()


class Asking:
    """Asks indexes.

    Args:
        folder: For what is kept, and for a home and a project.
        indexes: Addresses; the last one is the default.
    """

    def __init__(self, folder: Path, *indexes: str) -> None:
        self.folder = folder
        self.environment = {
            "PIP_CONFIG_FILE": os.devnull,
            "HOME": str(folder),
            "XDG_CONFIG_HOME": str(folder / "config"),
            "PIP_EXTRA_INDEX_URL": " ".join(indexes[:-1]),
            "PIP_INDEX_URL": indexes[-1],
        }

    async def answer(
        self,
        *packages: str,
        python: str = PYTHON,
        offline: bool = False,
        clock: Clock = SYSTEM_CLOCK,
        seconds: float = 30.0,
    ) -> Resolved | Impossible:
        """Return the answer, whichever it is."""
        return await pypi_session.resolve(
            Question(
                packages=list(packages),
                python=python,
                offline=offline,
                cache=self.folder / "cache",
                folder=self.folder,
                environment=self.environment,
                clock=clock,
                deadline=clock.monotonic() + seconds,
            )
        )

    async def resolved(self, *packages: str, **options: object) -> Resolved:
        """Return what was chosen."""
        answer = await self.answer(*packages, **options)  # type: ignore[arg-type]
        assert isinstance(answer, Resolved), answer
        return answer

    async def pins(self, *packages: str, **options: object) -> list[str]:
        """Return what was chosen, as `name==version`."""
        return pins(await self.resolved(*packages, **options))

    async def impossible(self, *packages: str, **options: object) -> Impossible:
        """Return why there is no answer."""
        answer = await self.answer(*packages, **options)  # type: ignore[arg-type]
        assert isinstance(answer, Impossible), answer
        return answer


def pins(answer: Resolved) -> list[str]:
    """Return what was chosen, as `name==version`."""
    return [f"{one.name}=={one.version}" for one in answer.packages]
