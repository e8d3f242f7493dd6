"""How bad a vulnerability is: what CVSS says in numbers, what a source says in words, or that nobody has said."""

from collections.abc import Iterable
from typing import NamedTuple

from cvss import CVSS2, CVSS3, CVSS4
from cvss.exceptions import CVSSError

from outrider.core.package_policies import Severity
from outrider.operators.packages.advisories.osv import Score

# The scale of CVSS v3 and v4; NVD rates v2 with it too, but for critical, which v2 has not.
_SCALE: tuple[tuple[float, Severity], ...] = (
    (9.0, "critical"),
    (7.0, "high"),
    (4.0, "medium"),
    (0.1, "low"),
    (0.0, "none"),
)
_WORDS: dict[str, Severity] = {
    "CRITICAL": "critical", "HIGH": "high", "MODERATE": "medium", "MEDIUM": "medium", "LOW": "low", "NEGLIGIBLE": "low"
}  # fmt: skip
_KINDS = {"CVSS_V2": CVSS2, "CVSS_V3": CVSS3, "CVSS_V4": CVSS4}
ORDER: tuple[Severity, ...] = ("critical", "high", "medium", "low", "none", "unknown")


class Rating(NamedTuple):
    """A severity, and the number that it follows from; None where there is none."""

    severity: Severity
    score: float | None


def rating(scores: Iterable[Score], label: str) -> Rating:
    """Return the highest of all ratings; unknown where there is none, which does not mean that it is harmless.

    Args:
        scores: Ratings by CVSS.
        label: A rating in words.
    """
    numbers = [number for score in scores if (number := _base(score)) is not None]
    if numbers:
        highest = max(numbers)
        return Rating(next(severity for least, severity in _SCALE if highest >= least), highest)
    return Rating(_WORDS.get(label, "unknown"), None)


def _base(score: Score) -> float | None:
    if score.kind == "NUMBER":
        return float(score.value)
    kind = _KINDS.get(score.kind)
    if kind is None:
        return None
    try:
        vector = kind(score.value)
        return float(vector.scores()[0])
    except (CVSSError, ValueError, ArithmeticError):
        return None
