from collections.abc import Callable
from typing import Any

import pytest

from outrider.core.errors import ConnectionFailedError, DeadlineExceededError, ExecutionFailedError
from outrider.delivery.analysis import Counts, Tolerance
from outrider.delivery.engine import deliver
from outrider.delivery.stages import Look, Plan, Progress

GOOD = (Counts(0, 5000), Counts(0, 5000))
BAD = (Counts(400, 5000), Counts(5, 5000))
FEW = (Counts(1, 20), Counts(0, 20))


class Clock:
    def __init__(self) -> None:
        self.time = 0.0

    def now(self) -> float:
        return self.time

    def monotonic(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.time += seconds


class Place:
    """A stage that remembers what was asked of it."""

    def __init__(self, look: Callable[[int], Look] = lambda _: Look("", {"errors": GOOD})) -> None:
        self.did: list[str] = []
        self.saved: list[tuple[str, int]] = []
        self.percent = 0
        self._look = look
        self.fault: Exception | None = None

    async def save(self, progress: Progress) -> None:
        self.saved.append((progress.phase, progress.step))

    async def prepare(self) -> None:
        self.did.append("prepare")
        if self.fault is not None:
            raise self.fault

    async def shift(self, percent: int) -> str:
        self.percent = percent
        self.did.append(f"shift {percent}")
        return f"{percent} %"

    async def look(self) -> Look:
        return self._look(self.percent)

    async def promote(self) -> None:
        self.did.append("promote")

    async def roll_back(self) -> None:
        self.did.append("roll back")


def plan(**changes: Any) -> Plan:
    signals = {"errors": Tolerance()}
    return Plan(**{"steps": (10, 50), "hold": 30.0, "limit": 120.0, "interval": 5.0, "signals": signals, **changes})


async def delivered(
    place: Place, progress: Progress | None = None, seconds: float = 3600.0, **changes: Any
) -> Progress:
    return await deliver(place, plan(**changes), progress or Progress(version="2"), clock=Clock(), deadline=seconds)


async def test_a_good_version_goes_through_all_steps() -> None:
    place = Place()
    done = await delivered(place)
    assert (done.phase, len(done.log)) == ("promoted", 2)
    assert place.did == ["prepare", "shift 10", "shift 50", "promote"]
    assert place.saved == [
        ("preparing", 0), ("shifting", 0), ("judging", 0), ("shifting", 1), ("judging", 1), ("promoting", 1),
    ]  # fmt: skip


async def test_a_version_that_does_worse_is_taken_back_at_that_step() -> None:
    place = Place(lambda percent: Look("", {"errors": BAD if percent == 50 else GOOD}))
    done = await delivered(place)
    assert (done.phase, place.did[-2:]) == ("rolled back", ["shift 50", "roll back"])
    assert "400 of 5000" in done.reason


async def test_a_crash_ends_it_without_any_statistics() -> None:
    place = Place(lambda _: Look("pod/web-1 crashed", {}))
    done = await delivered(place, signals={})
    assert (done.phase, done.reason, place.did) == (
        "rolled back",
        "pod/web-1 crashed",
        ["prepare", "shift 10", "roll back"],
    )


@pytest.mark.parametrize(
    ("choice", "phase"), [("freeze", "frozen"), ("rollback", "rolled back"), ("promote", "promoted")]
)
async def test_what_is_not_certain_in_time(choice: str, phase: str) -> None:
    place = Place(lambda _: Look("", {"errors": FEW}))
    done = await delivered(place, on_inconclusive=choice)
    assert done.phase == phase
    assert "nothing certain after 120 s" in done.log[0]


async def test_no_events_are_neither_good_nor_bad() -> None:
    done = await delivered(Place(lambda _: Look("", {})))
    assert (done.phase, "no events" in done.reason) == ("frozen", True)


async def test_without_signals_a_step_passes_when_it_has_lasted() -> None:
    assert (await delivered(Place(lambda _: Look("", {})), signals={})).phase == "promoted"


async def test_a_version_that_cannot_be_had_is_taken_back() -> None:
    place = Place()
    place.fault = ExecutionFailedError("no pod becomes ready")
    done = await delivered(place)
    assert (done.phase, done.reason, place.did) == ("rolled back", "no pod becomes ready", ["prepare", "roll back"])


@pytest.mark.parametrize(
    ("progress", "did"),
    [
        (Progress(version="2", phase="judging", step=1), ["prepare", "shift 50", "promote"]),
        (Progress(version="2", phase="promoting", step=1), ["promote"]),
        (Progress(version="2", phase="rolling back", reason="worse"), ["roll back"]),
        (Progress(version="2", phase="frozen", step=1), ["prepare", "shift 50", "promote"]),
    ],
)
async def test_it_goes_on_from_where_it_was(progress: Progress, did: list[str]) -> None:
    place = Place()
    await delivered(place, progress)
    assert place.did == did


async def test_the_deadline_leaves_it_as_it_is() -> None:
    place = Place(lambda _: Look("", {"errors": FEW}))
    with pytest.raises(DeadlineExceededError, match="not at its end"):
        await delivered(place, seconds=40.0)
    assert (place.did, place.saved[-1]) == (["prepare", "shift 10"], ("judging", 0))


async def test_a_place_that_cannot_be_brought_back_says_so() -> None:
    class Broken(Place):
        async def roll_back(self) -> None:
            raise ConnectionFailedError("the cluster is away")

    place = Broken(lambda _: Look("crashed", {}))
    with pytest.raises(ConnectionFailedError):
        await delivered(place)
    assert place.saved[-1] == ("rolling back", 0)
