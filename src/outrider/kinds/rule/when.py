"""When a rule matches: on single events, on events over time, or at times of the day."""

from typing import Annotated, Literal

import msgspec

from outrider.core.errors import InvalidConfigError
from outrider.core.machines.correlation import Function
from outrider.core.quantities import Duration, duration

VARIABLES = ("event", "state", "labels")
MAX_CONDITIONS = 16
MAX_COUNT = 1000
JOINS = ("any", "all", "then", "schedule")


class Condition(
    msgspec.Struct, kw_only=True, omit_defaults=True, rename={"condition": "if"}, forbid_unknown_fields=True
):
    """An event of this trigger, or of this type, for which the expression holds.

    Attributes:
        trigger: `agent/trigger`.
        type: Id of a trigger plugin, or the type of events that users send: from whatever agent they come.
        condition: CEL over `event`, `state` (the last data of every trigger) and `labels`; empty holds always.
        by: CEL; in place of the rule's `by` for events of this condition.
    """

    # `schedule:NAME` stands in stored runs of scheduled calls; in a Rule no trigger has such a name.
    trigger: Annotated[str, msgspec.Meta(pattern=r"^([a-z0-9-]+/|(schedule|agent|user|queue):)[a-z0-9-]+$", examples=["eyes/web"])] | None = None  # fmt: skip
    type: Annotated[str, msgspec.Meta(min_length=1, max_length=200, examples=["http-probe"])] | None = None
    condition: str = ""
    by: str = ""

    def __post_init__(self) -> None:
        if (self.trigger is None) == (self.type is None):
            raise InvalidConfigError(
                "a condition names either a trigger or a type",
                found="both" if self.trigger else "none",
                expected="trigger: AGENT/TRIGGER or type: PLUGIN",
                suggestions=["remove one of the two" if self.trigger else "add trigger: AGENT/TRIGGER"],
            )


Conditions = Annotated[list[Condition], msgspec.Meta(min_length=1, max_length=MAX_CONDITIONS)]


class Aggregate(msgspec.Struct, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What the values of the events in the window amount to; it is looked at when an event comes.

    Attributes:
        function: `rate` is the sum by second of the window.
        of: CEL over `event`, `state` and `labels`, a number; 1 if absent, so that `rate` counts events.
        above: Met by more than this.
        below: Met by less than this.
        minimum: So many values there must be.
    """

    function: Function
    of: str = "1"
    above: float | None = None
    below: float | None = None
    minimum: Annotated[int, msgspec.Meta(ge=1)] = 1

    def __post_init__(self) -> None:
        if self.above is None and self.below is None:
            raise InvalidConfigError(
                "an aggregate is compared with a bound", found="none", expected="above or below",
                suggestions=["add above: NUMBER"],
            )  # fmt: skip


class NotWithin(msgspec.Struct, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What must not follow: an event of the same key that meets one of the conditions in the period ends the wait."""

    period: Duration
    any: Conditions


class When(msgspec.Struct, kw_only=True, omit_defaults=True, forbid_unknown_fields=True,
           rename={"time_zone": "timeZone", "not_within": "notWithin", "condition": "if"}):  # fmt: skip
    """Which events start the rule, or which times.

    A match empties the window of its key: an event is in one match only. Times are those of the events' arrival.

    Attributes:
        any: Any one of the listed.
        all: Each of the listed, in any order, `within` the time; of each the newest counts.
        then: Each of the listed, one after the other, `within` the time from the first to the last.
        within: How long an event counts.
        by: CEL over `event`, `state` and `labels`: only events of the same value belong together.
        count: So many events of `any`, `within` the time.
        aggregate: What the values of the events of `any` amount to, `within` the time.
        not_within: Which events must not follow.
        schedule: Five cron fields, in place of events.
        time_zone: Name of the zone of the schedule.
        condition: CEL over `event`, `state` and `labels` that must hold at the scheduled time.
    """

    any: Conditions | None = None
    all: Conditions | None = None
    then: Conditions | None = None
    within: Duration | None = None
    by: str = ""
    count: Annotated[int, msgspec.Meta(ge=2, le=MAX_COUNT)] | None = None
    aggregate: Aggregate | None = None
    not_within: NotWithin | None = None
    schedule: str | None = None
    time_zone: str = "UTC"
    condition: str = ""

    @property
    def join(self) -> Literal["any", "all", "then", "schedule"]:
        """Which of the four it is."""
        if self.any is not None:
            return "any"
        if self.all is not None:
            return "all"
        return "then" if self.then is not None else "schedule"

    @property
    def conditions(self) -> list[Condition]:
        """The positive conditions; none of a schedule."""
        return self.any or self.all or self.then or []

    @property
    def over_time(self) -> bool:
        """Whether it remembers events."""
        return self.within is not None or self.not_within is not None

    def __post_init__(self) -> None:
        named = [name for name in JOINS if getattr(self, name) is not None]
        if len(named) != 1:
            raise InvalidConfigError(
                "a rule waits for one of any, all, then and schedule", found=" and ".join(named) or "none",
                expected="one of them", suggestions=["make one rule of each" if named else "add any: [{trigger: AGENT/TRIGGER}]"],
            )  # fmt: skip
        fault = _misfit(self)
        if fault:
            raise InvalidConfigError(fault[0], expected=fault[1], suggestions=[fault[2]])


def _misfit(when: When) -> tuple[str, str, str] | None:
    """Return what does not fit together: message, what is expected, remedy."""
    if when.join == "schedule":
        given = [name for name in ("within", "by", "count", "aggregate", "not_within") if getattr(when, name)]
        return _unfit(given, "schedule") if given else None
    if when.condition or when.time_zone != "UTC":
        name = "if" if when.condition else "timeZone"
        return f"`{name}` belongs to a schedule", "`if` in each condition", f"remove {name} from `when`"
    if when.by and not when.over_time:
        return "`by` joins events over time", "within or notWithin beside it", "remove by"
    return _counting_misfit(when) or _time_misfit(when)


def _counting_misfit(when: When) -> tuple[str, str, str] | None:
    counted = [name for name in ("count", "aggregate") if getattr(when, name) is not None]
    if counted and when.join != "any":
        return _unfit(counted, when.join)
    if len(counted) > 1:
        return "a rule has either a count or an aggregate", "one of them", "make two rules"
    return None


def _time_misfit(when: When) -> tuple[str, str, str] | None:
    what = when.join if when.join != "any" else "count" if when.count else "aggregate" if when.aggregate else ""
    if what and when.within is None:
        return f"`{what}` needs a time", "within: 5m", "add within"
    if when.within is not None and not what:
        return "`within` needs something to count", "all, then, count or aggregate beside it", "remove within"
    periods = [when.within, when.not_within.period if when.not_within is not None else None]
    if any(period is not None and period <= 0 for period in periods):
        return "a time that passes at once", "more than 0s", "write for example 5m"
    return None


def _unfit(given: list[str], join: str) -> tuple[str, str, str]:
    names = ", ".join(given).replace("not_within", "notWithin")
    return f"`{join}` has no {names}", "nothing of that beside it", f"remove {names}"


class OncePer(msgspec.Struct, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """At most one run per value of `key` (CEL) in `period`."""

    key: str
    period: Duration


class RateLimit(msgspec.Struct, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """At most `count` runs of the rule in `period`."""

    count: Annotated[int, msgspec.Meta(ge=1, le=10_000)]
    period: Duration


NO_DEBOUNCE = duration("0s")
