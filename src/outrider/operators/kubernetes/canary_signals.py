"""What is counted of a canary: bad events and all events of two groups of pods, from Prometheus."""

import asyncio
import re
from typing import Annotated

import msgspec

from outrider.core.errors import InvalidConfigError
from outrider.delivery.analysis import Counts, Tolerance
from outrider.operators.kubernetes.prometheus import Prometheus
from outrider.operators.kubernetes.shown import Object

_EXAMPLE = 'sum(increase(http_requests_total{namespace="$namespace",pod=~"$pods",code=~"5.."}[$window]))'
Query = Annotated[str, msgspec.Meta(min_length=1, max_length=8192, examples=[_EXAMPLE])]


class Signal(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Something that goes well or not, and is counted by pod.

    Attributes:
        name: Such as errors.
        bad: PromQL for the bad events of `$pods` (an expression for names) in `$window`, in namespace `$namespace`.
        total: The same for all events.
        worsening: By how much the share of the bad ones may be higher than that of the present version.
        minimum: Events of the new version that are wanted before it passes.
        alpha: Probability of an error.
    """

    name: Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_-]{0,62}(?!\n)$", examples=["errors"])]
    bad: Query
    total: Query
    worsening: Annotated[float, msgspec.Meta(gt=0, lt=1)] = 0.01
    minimum: Annotated[int, msgspec.Meta(ge=1)] = 100
    alpha: Annotated[float, msgspec.Meta(gt=0, le=0.2)] = 0.01

    def __post_init__(self) -> None:
        """Look whether the queries tell pods apart.

        Raises:
            InvalidConfigError: One does not.
        """
        for name, query in (("bad", self.bad), ("total", self.total)):
            if "$pods" not in query or "$window" not in query:
                raise InvalidConfigError(
                    f"signals.{self.name}.{name}: it must tell pods and times apart", path=f"signals.{self.name}.{name}", found=query[:200],
                    expected="$pods and $window in it", suggestions=[_EXAMPLE],
                )  # fmt: skip

    def tolerance(self, signals: int) -> Tolerance:
        """Return what is tolerated; the probability of an error is that of all signals together."""
        return Tolerance(worsening=self.worsening, minimum=self.minimum, alpha=self.alpha / signals)


async def count(
    prometheus: Prometheus, signal: Signal, namespace: str, groups: tuple[list[Object], list[Object]], seconds: float
) -> tuple[Counts, Counts] | None:
    """Return what was counted of two groups of pods; None where nothing is known of one of them.

    Raises:
        OutriderError: Prometheus does not answer.
    """
    queries = [_filled(query, namespace, pods, seconds) for pods in groups for query in (signal.bad, signal.total)]
    values = await asyncio.gather(*(_value(prometheus, query) for query in queries))
    bad, total, bad_present, total_present = values
    if total is None or total_present is None:
        return None
    return Counts(min(bad or 0.0, total), total), Counts(min(bad_present or 0.0, total_present), total_present)


def _filled(query: str, namespace: str, pods: list[Object], seconds: float) -> str:
    names = "|".join(re.escape(str(pod["metadata"]["name"])).replace("\\", "\\\\") for pod in pods) or "-"
    for word, value in (("$pods", names), ("$namespace", namespace), ("$window", f"{max(1, round(seconds))}s")):
        query = query.replace(word, value)
    return query


async def _value(prometheus: Prometheus, query: str) -> float | None:
    """Return the sum of all series; None where there are none, which is not zero."""
    series = await prometheus.instant(query)
    values = [value for one in series for _, value in one.points[-1:]]
    return sum(values) if values else None
