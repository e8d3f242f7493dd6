"""What a HorizontalPodAutoscaler does when metrics change: the algorithm of its controller, as a function of time.

desired = ceil(replicas x value / target), nothing within the tolerance, the highest of several metrics; then the stabilisation
windows, the policies, the least and the most. Where a metric is not known and the others want fewer replicas, nothing changes.

Not modelled: pods that are not ready yet, or whose usage is missing while that of others is known; new pods count at once. The
load is taken as independent of the number of pods.

Source: https://kubernetes.io/docs/concepts/workloads/autoscaling/horizontal-pod-autoscale/#algorithm-details and
pkg/controller/podautoscaler/horizontal.go.
"""

import math
from collections import deque
from collections.abc import Callable, Iterable, Mapping

import msgspec

from outrider.operators.kubernetes.behavior import Behavior, ScalingPolicy, ScalingRules

SYNC_SECONDS = 15.0
_TOLERANCE = 0.1
_DOWN_WINDOW, _LONGEST_PERIOD = 300, 1800

_UP = [
    ScalingPolicy(type="Percent", value=100, period_seconds=15),
    ScalingPolicy(type="Pods", value=4, period_seconds=15),
]
_DOWN = [ScalingPolicy(type="Percent", value=100, period_seconds=15)]


class Goal(msgspec.Struct, frozen=True):
    """What a metric is to be for each pod.

    Attributes:
        amount: Of which one pod has this much at most.
        request: Where the target is a share of it, in percent: what one pod has requested.
    """

    amount: float
    request: float | None = None

    def ratio(self, total: float, replicas: int) -> float:
        """Return value / target for a total over all pods; shares are whole percents, as the controller counts them."""
        if self.request is None:
            return total / replicas / self.amount
        thousandths = max(1, round(self.request * replicas * 1000))
        return round(total * 1000) * 100 // thousandths / self.amount


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Of an autoscaler.

    Attributes:
        goals: What each metric is to be.
    """

    least: int
    most: int
    goals: Mapping[str, Goal]
    behavior: Behavior


# Of each metric what all pods have together, at a time; a metric that is not known is None or left out.
Totals = Mapping[str, float | None]
Load = tuple[float, Totals]


class Outcome(msgspec.Struct, frozen=True):
    """What came of it.

    Attributes:
        replicas: At each look of the controller, with its time.
        over: For how many seconds a metric was above its target by more than the tolerance.
        unknown: For how many seconds no metric was known.
    """

    replicas: list[tuple[float, int]]
    over: float
    unknown: float


class Autoscaler:
    """An autoscaler between two looks.

    Args:
        settings: Its own.
        replicas: How many pods there are.
    """

    def __init__(self, settings: Settings, replicas: int) -> None:
        self.replicas = replicas
        self._settings = settings
        self._is_new = True
        up, down = settings.behavior.scale_up, settings.behavior.scale_down
        self._lowest = _Recent(up.stabilization_window_seconds or 0, min)
        waits = down.stabilization_window_seconds
        self._highest = _Recent(_DOWN_WINDOW if waits is None else waits, max)
        self._tolerances = [_TOLERANCE if rules.tolerance is None else rules.tolerance for rules in (down, up)]
        self._changes: deque[tuple[float, int]] = deque()

    def look(self, now: float, totals: Totals) -> int:
        """Decide anew, and return how many pods there are then.

        Args:
            now: In seconds; later than at the look before.
            totals: What the metrics are.
        """
        if self._is_new:
            # What it finds counts as its first recommendation.
            self._is_new = False
            self._stabilised(now, self.replicas)
        desired = self._desired(now, totals)
        if desired != self.replicas:
            self._changes.append((now, desired - self.replicas))
            self.replicas = desired
        return desired

    def _desired(self, now: float, totals: Totals) -> int:
        least, most = self._settings.least, self._settings.most
        if not least <= self.replicas <= most:
            return min(max(self.replicas, least), most)
        wanted = self._wanted(totals)
        return self.replicas if wanted is None else self._limited(now, self._stabilised(now, wanted))

    def is_over(self, totals: Totals) -> bool:
        """Return whether a metric is above its target by more than the tolerance."""
        return any(ratio is not None and ratio > 1 + self._tolerances[1] for ratio in self._ratios(totals))

    def _ratios(self, totals: Totals) -> list[float | None]:
        known = [(goal, totals.get(name)) for name, goal in self._settings.goals.items()]
        return [None if total is None else goal.ratio(total, self.replicas) for goal, total in known]

    def _wanted(self, totals: Totals) -> int | None:
        """Return how many pods the metrics want; None where that cannot be said."""
        ratios = self._ratios(totals)
        down, up = self._tolerances
        wanted = [
            self.replicas if 1 - down <= ratio <= 1 + up else math.ceil(ratio * self.replicas)
            for ratio in ratios
            if ratio is not None
        ]
        if not wanted or (len(wanted) < len(ratios) and max(wanted) < self.replicas):
            return None
        return max(wanted)

    def _stabilised(self, now: float, desired: int) -> int:
        lowest, highest = self._lowest.take(now, desired), self._highest.take(now, desired)
        return min(max(self.replicas, lowest), highest)

    def _limited(self, now: float, desired: int) -> int:
        """Keep to the policies, and between the least and the most."""
        settings, current = self._settings, self.replicas
        while self._changes and self._changes[0][0] <= now - _LONGEST_PERIOD:
            self._changes.popleft()
        if desired > current:
            limit = self._limit(now, settings.behavior.scale_up, _UP, 1)
            return min(desired, settings.most, max(limit, current))
        if desired < current:
            limit = self._limit(now, settings.behavior.scale_down, _DOWN, -1)
            return max(desired, settings.least, min(limit, current))
        return current

    def _limit(self, now: float, rules: ScalingRules, usual: list[ScalingPolicy], direction: int) -> int:
        if rules.select_policy == "Disabled":
            return self.replicas
        limits = [
            _reached(policy, self._replicas_at(now - policy.period_seconds), direction)
            for policy in rules.policies or usual
        ]
        farthest = max if direction > 0 else min
        nearest = min if direction > 0 else max
        return (nearest if rules.select_policy == "Min" else farthest)(limits)

    def _replicas_at(self, time: float) -> int:
        return self.replicas - sum(change for changed, change in self._changes if changed > time)


def _reached(policy: ScalingPolicy, start: int, direction: int) -> int:
    """Return how many pods a policy allows for, of those at the start of its period."""
    if policy.type == "Pods":
        return start + direction * policy.value
    scaled = start * (100 + direction * policy.value) / 100
    return math.ceil(scaled) if direction > 0 else math.trunc(scaled)


class _Recent:
    """The lowest or the highest of the recommendations of the last seconds."""

    def __init__(self, seconds: float, pick: Callable[[int, int], int]) -> None:
        self._seconds, self._pick = seconds, pick
        self._kept: deque[tuple[float, int]] = deque()

    def take(self, now: float, value: int) -> int:
        # What is both older and less extreme will never be picked.
        while self._kept and self._pick(value, self._kept[-1][1]) == value:
            self._kept.pop()
        self._kept.append((now, value))
        while len(self._kept) > 1 and self._kept[0][0] <= now - self._seconds:
            self._kept.popleft()
        return self._kept[0][1]


def simulate(
    settings: Settings, loads: Iterable[Load], replicas: int, *, longest: float, sync: float = SYNC_SECONDS
) -> Outcome:
    """Let an autoscaler follow a history.

    Args:
        settings: Of the autoscaler.
        loads: What the metrics were, in the order of time; each holds until the next one.
        replicas: How many pods there are at first.
        longest: For how many seconds a load holds at most; then the metrics are not known.
        sync: Seconds between two looks of the controller.
    """
    scaler = Autoscaler(settings, replicas)
    history = list(loads)
    points: list[tuple[float, int]] = []
    over = unknown = 0.0
    now, index = history[0][0], 0
    while now <= history[-1][0]:
        while index + 1 < len(history) and history[index + 1][0] <= now:
            index += 1
        time, totals = history[index]
        known = totals if now - time < longest else {}
        over += sync * scaler.is_over(known)
        unknown += sync * all(known.get(name) is None for name in settings.goals)
        points.append((now, scaler.look(now, known)))
        now += sync
    return Outcome(points, over, unknown)
