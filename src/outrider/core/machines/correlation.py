"""Correlation of events over time: pure decisions over the window of one key, which the store keeps.

Times are seconds on one clock, the arrival of the events. A match empties the window, so that no event is in two matches.
"""

from collections.abc import Collection
from typing import Literal

import msgspec

from outrider.core.units import format_duration

# A moving measure forgets in steps of this part of its window, so that its state has a bound at any rate of events.
BUCKETS = 60
Function = Literal["sum", "rate", "mean", "min", "max"]


class Measure(msgspec.Struct, frozen=True, kw_only=True):
    """A function of the values in the window, compared with a bound."""

    function: Function
    above: float | None = None
    below: float | None = None
    minimum: int = 1


class Shape(msgspec.Struct, frozen=True, kw_only=True):
    """What a window waits for.

    Attributes:
        join: `any` one of the conditions, `all` of them, or one after the other (`then`).
        conditions: How many there are.
        within: How long an event counts, in seconds; 0 where each event stands for itself.
        count: How many events it takes (`any` only).
        measure: What their values must amount to (`any` only).
        not_within: For how long no refuting event may follow; 0 where none is named.
    """

    join: Literal["any", "all", "then"] = "any"
    conditions: int = 1
    within: float = 0.0
    count: int = 1
    measure: Measure | None = None
    not_within: float = 0.0


class Seen(msgspec.Struct, frozen=True, array_like=True):
    """An event and when it came."""

    event: str
    at: float


class Bucket(msgspec.Struct, frozen=True, array_like=True):
    """The values of a sixtieth of the window."""

    index: int
    count: int
    total: float
    least: float
    greatest: float


class Awaiting(msgspec.Struct, frozen=True):
    """A match that stands unless a refuting event comes before `due`."""

    events: list[str]
    since: float
    due: float


class Window(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is remembered of one key.

    Attributes:
        newest: The newest event that met each condition, by its number (`all`).
        chains: For each condition the chain that reaches it and began last (`then`).
        counted: The events that count (`count`).
        buckets: The values (`measure`).
        awaiting: The match that waits for its time.
    """

    newest: dict[int, Seen] = {}
    chains: list[list[Seen]] = []
    counted: list[Seen] = []
    buckets: list[Bucket] = []
    awaiting: Awaiting | None = None


class Step(msgspec.Struct, frozen=True):
    """What an event did to a window: the matches that stand (each the ids of its events), and where the window is."""

    matches: list[list[str]]
    window: Window
    progress: str = ""


EMPTY = Window()


def advance(
    shape: Shape, window: Window, event: str, *, met: Collection[int], refuted: bool, now: float, value: float = 1.0
) -> Step:
    """Take in an event.

    Args:
        shape: What the window waits for.
        window: What it remembers.
        event: Id of the event.
        met: Numbers of the conditions that it meets.
        refuted: Whether it meets one that must not follow.
        now: When it came.
        value: What it adds to the measure.
    """
    ripe = ripen(shape, window, now=now)
    matches, window = ripe.matches, _forget(shape, ripe.window, now)
    progress = ""
    if refuted and window.awaiting is not None:
        window = msgspec.structs.replace(window, awaiting=None)
        progress = "refuted: an event came that must not follow"
    if met:
        matched, window, progress = _take(shape, window, Seen(event, now), met, value)
        if matched and not shape.not_within:
            matches = [*matches, matched]
        elif matched and window.awaiting is None:
            window = msgspec.structs.replace(window, awaiting=Awaiting(matched, now, now + shape.not_within))
        if window.awaiting is not None:
            progress = f"stands in {format_duration(max(0.0, window.awaiting.due - now))} unless refuted"
    return Step(matches, window, progress)


def ripen(shape: Shape, window: Window, *, now: float) -> Step:
    """Return the match whose time has passed unrefuted, if there is one."""
    awaiting = window.awaiting
    if awaiting is None:
        return Step([], window)
    if now < awaiting.since:  # the clock stepped back: the whole time again, and no more than that
        moved = Awaiting(awaiting.events, now, now + shape.not_within)
        return Step([], msgspec.structs.replace(window, awaiting=moved))
    if now < awaiting.due:
        return Step([], window)
    return Step([awaiting.events], msgspec.structs.replace(window, awaiting=None))


def oldest(window: Window) -> float | None:
    """Return when the oldest event came that the window may still name; None where it names none."""
    times = [seen.at for seen in (*window.newest.values(), *window.counted, *(c[0] for c in window.chains if c))]
    if window.awaiting is not None:
        times.append(window.awaiting.since)
    return min(times, default=None)


def expires(shape: Shape, window: Window) -> float | None:
    """Return from when on the window says nothing that an empty one would not; None where it is empty already."""
    times = [seen.at for seen in (*window.newest.values(), *window.counted, *(c[0] for c in window.chains if c))]
    ends = [moment + shape.within for moment in times]
    ends += [(bucket.index + BUCKETS) * shape.within / BUCKETS for bucket in window.buckets]
    if window.awaiting is not None:
        ends.append(window.awaiting.due)
    return max(ends, default=None)


def _forget(shape: Shape, window: Window, now: float) -> Window:
    """Drop what is older than the window. A time in the future (the clock stepped back) becomes now."""

    def fresh(seen: Seen) -> bool:
        return now - seen.at <= shape.within

    def past(seen: Seen) -> Seen:
        return seen if seen.at <= now else Seen(seen.event, now)

    current = _bucket_index(shape, now) if shape.measure else 0
    return Window(
        newest={number: past(seen) for number, seen in window.newest.items() if fresh(seen)},
        chains=[[past(seen) for seen in chain] if chain and fresh(chain[0]) else [] for chain in window.chains],
        counted=[past(seen) for seen in window.counted if fresh(seen)],
        buckets=[bucket for bucket in window.buckets if current - BUCKETS < bucket.index <= current],
        awaiting=window.awaiting,
    )


def _take(
    shape: Shape, window: Window, seen: Seen, met: Collection[int], value: float
) -> tuple[list[str], Window, str]:
    """Return the ids of a match's events (or none), the window after it, and how far it is."""
    if shape.join == "all":
        return _take_all(shape, window, seen, met)
    if shape.join == "then":
        return _take_then(shape, window, seen, met)
    if shape.measure is not None:
        return _take_value(shape, shape.measure, window, seen, value)
    counted = [*window.counted, seen]
    if len(counted) >= shape.count:
        return [item.event for item in counted], msgspec.structs.replace(window, counted=[]), ""
    progress = f"{len(counted)} of {shape.count} events within {format_duration(shape.within)}"
    return [], msgspec.structs.replace(window, counted=counted), progress


def _take_all(shape: Shape, window: Window, seen: Seen, met: Collection[int]) -> tuple[list[str], Window, str]:
    # In the order in which they came: that of events of the same moment.
    earlier = {number: item for number, item in window.newest.items() if number not in met}
    newest = {**earlier, **dict.fromkeys(met, seen)}
    if len(newest) == shape.conditions:
        ordered = sorted(newest.values(), key=lambda item: item.at)
        return list(dict.fromkeys(item.event for item in ordered)), msgspec.structs.replace(window, newest={}), ""
    progress = f"{len(newest)} of {shape.conditions} conditions within {format_duration(shape.within)}"
    return [], msgspec.structs.replace(window, newest=newest), progress


def _take_then(shape: Shape, window: Window, seen: Seen, met: Collection[int]) -> tuple[list[str], Window, str]:
    chains = window.chains or [[] for _ in range(shape.conditions)]
    chains = list(chains)
    # From the last condition to the first: one event is one link of a chain. Of two chains of the same length the one
    # that began later can do everything that the other can, so it is enough to keep that.
    for number in sorted(met, reverse=True):
        before = chains[number - 1] if number else []
        if number == 0 or before:
            chains[number] = [*before, seen]
    if chains[-1]:
        return [item.event for item in chains[-1]], msgspec.structs.replace(window, chains=[]), ""
    reached = max((number + 1 for number, chain in enumerate(chains) if chain), default=0)
    if not reached:
        return [], msgspec.structs.replace(window, chains=[]), "the first of the sequence has not come"
    progress = f"{reached} of {shape.conditions} in order within {format_duration(shape.within)}"
    return [], msgspec.structs.replace(window, chains=chains), progress


def _take_value(
    shape: Shape, measure: Measure, window: Window, seen: Seen, value: float
) -> tuple[list[str], Window, str]:
    index = _bucket_index(shape, seen.at)
    buckets = list(window.buckets)
    if buckets and buckets[-1].index == index:
        last = buckets.pop()
        bucket = Bucket(
            index, last.count + 1, last.total + value, min(last.least, value), max(last.greatest, value)
        )  # fmt: skip
    else:
        bucket = Bucket(index, 1, value, value, value)
    buckets.append(bucket)
    amount, count = measured(measure.function, buckets, shape.within), sum(item.count for item in buckets)
    if count >= measure.minimum and _beyond(measure, amount):
        return [seen.event], msgspec.structs.replace(window, buckets=[]), ""
    progress = f"{measure.function} is {amount:g} of {count} values within {format_duration(shape.within)}"
    return [], msgspec.structs.replace(window, buckets=buckets), progress


def measured(function: Function, buckets: list[Bucket], within: float) -> float:
    """Return what the values amount to."""
    if function == "min":
        return min(bucket.least for bucket in buckets)
    if function == "max":
        return max(bucket.greatest for bucket in buckets)
    total = sum(bucket.total for bucket in buckets)
    if function == "rate":
        return total / within
    return total / sum(bucket.count for bucket in buckets) if function == "mean" else total


def _beyond(measure: Measure, amount: float) -> bool:
    over = measure.above is not None and amount > measure.above
    return over or (measure.below is not None and amount < measure.below)


def _bucket_index(shape: Shape, moment: float) -> int:
    return int(moment // (shape.within / BUCKETS))
