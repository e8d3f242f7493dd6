"""How much to keep for a container, after its history: the method of the recommender of the Vertical Pod Autoscaler.

Samples go into a histogram whose buckets grow by 5 %; a sample counts half as much as one of a day later. Of processors every
sample counts, of memory the peak of each day. The target is the 90th percentile, the bounds are the 50th and the 95th, all with
a margin of 15 %; a short history widens the bounds. Unlike the recommender, no least amount for a pod is added, and samples are
not weighted by what was requested at their time, which a history does not tell.

Source: kubernetes/autoscaler, vertical-pod-autoscaler/pkg/recommender (model/aggregations_config.go, logic/estimator.go,
util/decaying_histogram.go).
"""

import math
from collections.abc import Iterable
from itertools import pairwise
from statistics import median

import msgspec

from outrider.operators.kubernetes.history import Point, Track

DAY = 86_400.0
_HALF_LIFE = DAY
_GROWTH = 1.05
# The first bucket: processors, and bytes.
_CPU_BUCKET, _MEMORY_BUCKET = 0.01, 1e7
_MARGIN = 1.15
_LOWER, _TARGET, _UPPER = 0.5, 0.9, 0.95
# After it was killed for its memory, a container is to have so much more.
_OOM_RATIO, _OOM_BYTES = 1.2, 100 * 2**20


class Size(msgspec.Struct, frozen=True):
    """How much to keep of a resource, in processors or bytes.

    Attributes:
        lower: With less it is short of it half of the time.
        target: What to request.
        upper: More is wasted.
        peak: The most that was used.
        days: How much of the time the history covers, in days.
        samples: How many there are.
    """

    lower: float
    target: float
    upper: float
    peak: float
    days: float
    samples: int


class Histogram:
    """Weights of values in buckets that grow exponentially.

    Args:
        first: Width of the first bucket.
        newest: Time at which a sample has its whole weight, in seconds since the epoch.
    """

    def __init__(self, first: float, newest: float) -> None:
        self._first, self._newest = first, newest
        self._weights: dict[int, float] = {}

    def add(self, time: float, value: float) -> None:
        """Take a sample; the older it is, the less it counts."""
        bucket = int(math.log(value * (_GROWTH - 1) / self._first + 1, _GROWTH))
        self._weights[bucket] = self._weights.get(bucket, 0.0) + 2.0 ** ((time - self._newest) / _HALF_LIFE)

    def percentile(self, part: float) -> float:
        """Return the end of the bucket below which this part of the weight lies; 0 where there is no sample."""
        wanted, found = part * math.fsum(self._weights.values()), 0.0
        for bucket in sorted(self._weights):
            found += self._weights[bucket]
            # Not to miss it by the rounding of a sum.
            if found >= wanted * (1 - 1e-12):
                return self._first * (_GROWTH ** (bucket + 1) - 1) / (_GROWTH - 1)
        return 0.0


def size_of_cpu(tracks: Iterable[Track]) -> Size | None:
    """Return how many processors to keep; None where no sample is known."""
    histories = [track.cpu for track in tracks if track.cpu]
    return _size(histories, [point for history in histories for point in history], _CPU_BUCKET)


def size_of_memory(tracks: Iterable[Track], killed_at: float | None = None) -> Size | None:
    """Return how many bytes to keep; None where no sample is known.

    Args:
        tracks: What was used.
        killed_at: The limit at which the container was killed lately, if it was.
    """
    histories = [track.memory for track in tracks if track.memory]
    peaks = [peak for history in histories for peak in daily_peaks(history)]
    if killed_at is not None and peaks:
        needed = max(killed_at + _OOM_BYTES, killed_at * _OOM_RATIO)
        peaks.append((max(time for time, _ in peaks), needed))
    return _size(histories, peaks, _MEMORY_BUCKET)


def daily_peaks(history: list[Point]) -> list[Point]:
    """Return the most of each day since the first sample, with the end of that day as its time."""
    peaks: dict[int, float] = {}
    start = history[0][0]
    for time, value in history:
        day = int((time - start) // DAY)
        peaks[day] = max(peaks.get(day, 0.0), value)
    return [(start + (day + 1) * DAY, peak) for day, peak in peaks.items()]


def _size(histories: list[list[Point]], counted: list[Point], first: float) -> Size | None:
    if not counted:
        return None
    histogram = Histogram(first, max(time for time, _ in counted))
    for time, value in counted:
        histogram.add(time, value)
    lower, target, upper = (histogram.percentile(part) * _MARGIN for part in (_LOWER, _TARGET, _UPPER))
    days = covered(histories) / DAY
    # Without any history the upper bound is infinite and the lower one is nothing.
    confidence = max(days, 1e-6)
    return Size(
        lower=lower * (1 + 0.001 / confidence) ** -2,
        target=target,
        upper=upper * (1 + 1 / confidence),
        peak=max(value for history in histories for _, value in history),
        days=days,
        samples=sum(map(len, histories)),
    )


def covered(histories: list[list[Point]]) -> float:
    """Return for how many seconds there are samples: from the first to the last, without the gaps between them."""
    times = sorted({time for history in histories for time, _ in history})
    steps = [later - earlier for earlier, later in pairwise(times)]
    return math.fsum(min(step, 2 * median(steps)) for step in steps) if steps else 0.0
