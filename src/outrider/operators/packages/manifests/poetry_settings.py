"""Settings of Poetry that a lock would follow from, and that are not heeded: https://python-poetry.org/docs/configuration/."""

from collections.abc import Mapping
from pathlib import Path

from outrider.core.errors import UnsupportedError
from outrider.operators.packages.locks.documents import read_toml
from outrider.operators.packages.locks.writing.files import text_or_none

FILE = "poetry.toml"
_AGE = "min-release-age"
_VARIABLE = "POETRY_SOLVER_MIN_RELEASE_AGE"


def refuse_poetry_settings(folder: Path, environment: Mapping[str, str]) -> None:
    """Refuse settings of a project that are not heeded.

    Raises:
        InvalidConfigError: Its file cannot be read.
        UnsupportedError: There is one.
    """
    solver = read_toml(FILE, text_or_none(folder / FILE) or "").get("solver")
    found = f"{FILE}: solver.{_AGE}" if isinstance(solver, dict) and solver.get(_AGE) else ""
    found = found or (_VARIABLE if environment.get(_VARIABLE) else "")
    if found:
        raise UnsupportedError(
            f"{found} is not heeded here, and a lock of Poetry follows from it", path=found, found=found, expected="minimumAge of a policy",
            suggestions=["write minimumAge into packages-policy.yaml", "use Poetry itself: poetry lock"],
        )  # fmt: skip
