"""What making a lock file comes to."""

from pathlib import Path

import msgspec

from outrider.operators.packages.resolving.outcomes import Impossible, Resolved
from outrider.operators.packages.resolving.questions import Question
from outrider.operators.packages.sessions import session_of


class Made(msgspec.Struct, frozen=True):
    """A lock file that was made.

    Attributes:
        text: Of the file.
        warnings: What its reader should know.
        beside: Further files that go with it, by their paths.
    """

    text: str
    warnings: list[str] = []
    beside: dict[Path, str] = {}


async def resolved(ecosystem: str, question: Question) -> Resolved:
    """Return what was chosen.

    Raises:
        ConflictError: What is asked for cannot be had at once.
        OutriderError: What a registry says.
    """
    answer: Resolved | Impossible = await session_of(ecosystem).resolve(question)
    if isinstance(answer, Impossible):
        raise answer.error()
    return answer
