"""Makes the lock files of Python's packages."""

from pathlib import Path

import msgspec

from outrider.core.errors import InvalidConfigError
from outrider.operators.packages.locks.making.results import Made, resolved
from outrider.operators.packages.locks.writing import pylock, requirements
from outrider.operators.packages.resolving.questions import Question

FORMS = ((r"pylock(\.[^.]+)?\.toml", "pylock.toml"), (r".*\.txt", "requirements.txt"))
USUAL_NAME = "requirements.txt"


async def make(form: str, path: Path, question: Question) -> Made:
    """Resolve, and return the file; the errors are those of `making.made`."""
    del path
    if not question.packages:
        raise InvalidConfigError(
            "packages: nothing is asked for", path="packages", found="none", expected="packages", suggestions=["name packages"]
        )  # fmt: skip
    answer = await resolved("pypi", msgspec.structs.replace(question, files=True))
    return Made(pylock.written(answer) if form == "pylock.toml" else requirements.written(answer))
