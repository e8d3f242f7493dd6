"""Whether a new version does worse than the present one: a sequential test, valid however often one looks.

Events that are bad (an error, an answer that came too late) are counted on both sides since the step began. With many of them it is the
mixture sequential probability ratio test for two proportions (Johari, Koomen, Pekelis, Walsh: "Always Valid Inference", 2015; Robbins
1970 for the mixture), with few the exact conditional binomial test, whose error probability is spread over the looks.
"""

import math
from enum import StrEnum

import msgspec

# Below that many bad events on both sides the normal form does not hold.
_FEW = 10
_HALVINGS = 60


class Verdict(StrEnum):
    """What is known of a signal."""

    PASS = "pass"  # noqa: S105 - no password
    FAIL = "fail"
    OPEN = "open"


class Counts(msgspec.Struct, frozen=True):
    """Events of one side since the step began."""

    bad: float
    total: float

    @property
    def rate(self) -> float:
        """Share of the bad ones."""
        return self.bad / self.total if self.total else 0.0


class Tolerance(msgspec.Struct, frozen=True):
    """What is tolerated of a signal.

    Attributes:
        worsening: By how much the share of bad events may be higher, such as 0.01.
        minimum: Events of the new version that are wanted before it passes.
        alpha: Probability of an error.
    """

    worsening: float = 0.01
    minimum: int = 100
    alpha: float = 0.01


class Judgement(msgspec.Struct, frozen=True):
    """A verdict with its figures.

    Attributes:
        difference: Share of bad events of the new version less that of the present one.
        bound: The difference is below it, but for the error probability.
        ratio: Likelihood ratio; the test fails from 1/alpha on. With few events it is 1/p.
    """

    verdict: Verdict
    difference: float
    bound: float
    ratio: float


def judge(new: Counts, present: Counts, tolerance: Tolerance, *, look: int) -> Judgement:
    """Judge what has been counted up to now.

    Args:
        new: Of the new version.
        present: Of the present one.
        tolerance: What is allowed.
        look: Which look at this step it is, from 1.
    """
    if new.total <= 0 or present.total <= 0:
        return Judgement(Verdict.OPEN, 0.0, math.inf, 0.0)
    if new.bad + present.bad < _FEW:
        return _few(new, present, tolerance, look)
    difference = new.rate - present.rate
    pooled = (new.bad + present.bad) / (new.total + present.total)
    # Where everything is bad nothing varies.
    variance = max(pooled * (1 - pooled) * (1 / new.total + 1 / present.total), 1e-12)
    squared = tolerance.worsening**2
    both = variance + squared
    exponent = squared * difference**2 / (2 * variance * both)
    ratio = math.sqrt(variance / both) * math.exp(min(exponent, 700.0))
    width = math.sqrt(variance * both / squared * (2 * math.log(1 / tolerance.alpha) + math.log(both / variance)))
    failed = difference > 0 and ratio >= 1 / tolerance.alpha
    return _judgement(
        difference, difference + width, ratio, failed=failed, passed=_passes(new, difference + width, tolerance)
    )


def _few(new: Counts, present: Counts, tolerance: Tolerance, look: int) -> Judgement:
    """Judge few bad events: how many of them all would be the new version's by chance?"""
    # 6 / (pi i)^2 sums up to one over all looks.
    alpha = tolerance.alpha * 6 / (math.pi * look) ** 2
    bad, of_both = round(new.bad), round(new.bad + present.bad)
    share = new.total / (new.total + present.total)
    chance = sum(math.comb(of_both, k) * share**k * (1 - share) ** (of_both - k) for k in range(bad, of_both + 1))
    difference = new.rate - present.rate
    bound = upper_bound(new, alpha)
    failed = difference > 0 and chance <= alpha
    return _judgement(difference, bound, 1 / max(chance, 1e-300), failed=failed, passed=_passes(new, bound, tolerance))


def _passes(new: Counts, bound: float, tolerance: Tolerance) -> bool:
    return bound < tolerance.worsening and new.total >= tolerance.minimum


def _judgement(difference: float, bound: float, ratio: float, *, failed: bool, passed: bool) -> Judgement:
    verdict = Verdict.FAIL if failed else Verdict.PASS if passed else Verdict.OPEN
    return Judgement(verdict, difference, bound, ratio)


def upper_bound(counts: Counts, alpha: float) -> float:
    """Return the share below which the true one is, but for the probability alpha (Clopper and Pearson 1934)."""
    bad, total = round(counts.bad), max(1, round(counts.total))
    if bad >= total:
        return 1.0
    low, high = bad / total, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if _at_most(bad, total, middle) > alpha:
            low = middle
        else:
            high = middle
    return high


def _at_most(bad: int, total: int, share: float) -> float:
    """Return the probability of at most so many bad ones."""
    if share >= 1:
        return 0.0
    term = total * math.log1p(-share)
    found = math.exp(term)
    for k in range(1, bad + 1):
        term += math.log((total - k + 1) / k) + math.log(share) - math.log1p(-share)
        found += math.exp(term)
    return found
