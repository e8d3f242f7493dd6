"""A change of a release in each place of a call: what of it is foreseen, and what holds until it is made."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any

import msgspec

from outrider.core.errors import OutriderError, PreconditionFailedError
from outrider.core.operation import Change, Difference
from outrider.operators.kubernetes.applying import Applied
from outrider.operators.kubernetes.helm_records import Record
from outrider.operators.kubernetes.helm_releases import PENDING, ReleaseParams, Revision, all_revisions, revisions_of
from outrider.operators.kubernetes.helm_storage import mark
from outrider.operators.kubernetes.places import Place, changed_in_each, in_each, places
from outrider.runtime.context import Context

# Of the time of a call: what helm has to end well, and what is left after that to see to the release ourselves.
_GRACE, _MOST_GRACE = 0.2, 15.0
_REST, _MOST_REST = 0.1, 5.0
# Of its own time: one step waits for all to be ready, another one rolls back, and the rest is for what is no waiting.
_STEP = 0.4
# What helm says where another one was faster: what is pending then is not ours.
_BUSY = ("another operation", "release: already exists")
# Which version of a chart a plan was made with; no matter of the release that is there.
CHART_VERSION = "chart_version"


class Foreseen(msgspec.Struct, kw_only=True):
    """What a change would make of a release in one place.

    Attributes:
        state: What must still be so when it is made.
        difference: Of the release itself.
        items: Its objects.
        warnings: What the reader should know before saying yes.
    """

    place: Place
    state: dict[str, Any]
    difference: list[Difference] = []
    items: list[Applied] = []
    warnings: list[str] = []

    def all_differences(self) -> list[Difference]:
        """Return those of its objects too, each under the name of its object."""
        return [
            *self.difference,
            *(
                msgspec.structs.replace(d, path=f"{item.target}: {d.path}") if item.action == "changed" else d
                for item in self.items
                for d in item.difference
            ),
        ]

    def all_warnings(self) -> list[str]:
        """Return those about its objects too."""
        return [*self.warnings, *(warning for item in self.items for warning in item.warnings)]


class Released(msgspec.Struct, kw_only=True):
    """What came of a change of a release in one place.

    Attributes:
        before: The revision that it had; 0 where there was none.
        notes: What its chart says of it.
    """

    cluster: str
    namespace: str
    release: str
    before: int
    revision: int
    status: str
    chart: str
    app_version: str = ""
    notes: str = ""


class ReleaseResult(msgspec.Struct, kw_only=True):
    """What came of it, place by place."""

    results: list[Released]


class Budget(msgspec.Struct, frozen=True):
    """How the seconds of a call are spent.

    Attributes:
        whole: After so many helm is ended.
        step: What helm may take to wait for all to be ready, and again to roll back.
        grace: What it has to end well.
    """

    whole: float
    step: int
    grace: float

    @property
    def flag(self) -> str:
        """As helm takes it."""
        return f"--timeout={self.step}s"


def budget(context: Context) -> Budget:
    """Return how the rest of a call is spent.

    Raises:
        DeadlineExceededError: Nothing is left.
    """
    left = context.remaining()
    grace = min(_MOST_GRACE, left * _GRACE)
    whole = left - grace - min(_MOST_REST, left * _REST)
    return Budget(whole, max(1, int(whole * _STEP)), grace)


def state_of_release(revisions: list[Revision]) -> dict[str, Any]:
    """Return what of a release must still be so when a plan is made true."""
    if not revisions:
        return {"absent": True}
    newest = revisions[0]
    return {"revision": newest.number, "status": newest.status, "uid": newest.uid}


def check_release(expected: Mapping[str, Any] | None, revisions: list[Revision], title: str) -> None:
    """Refuse to change a release that has changed since the plan was made.

    Raises:
        PreconditionFailedError: It has.
    """
    state = state_of_release(revisions)
    if expected is not None and state != {key: value for key, value in expected.items() if key != CHART_VERSION}:
        raise PreconditionFailedError(
            f"{title}: it changed since the plan was made", found=_told(state), expected=_told(expected), suggestions=["make a new plan"]
        )  # fmt: skip


def _told(state: Mapping[str, Any]) -> str:
    return ", ".join(f"{key} {state[key]}" for key in ("absent", "revision", "status") if key in state)


async def plan_release(
    params: ReleaseParams, context: Context, foresee: Callable[[Place], Awaitable[Foreseen]]
) -> Change:
    """Return the plan of a change of a release in all places of a call.

    Raises:
        OutriderError: It can be made in none of them.
    """
    async with places(params, context) as here:
        done, failed = await in_each(here, foresee)
    several = len(here) > 1

    def named(one: Foreseen, text: str) -> str:
        return f"{one.place.title}: {text}" if several else text

    return Change(
        target=params.target,
        difference=[msgspec.structs.replace(d, path=named(one, d.path)) for one in done for d in one.all_differences()],
        will_also_remove=[
            "/".join(filter(None, (item.namespace, item.target)))
            for one in done for item in one.items if item.action == "deleted"
        ],
        preconditions={one.place.title: one.state for one in done},
        warnings=[
            *(named(one, warning) for one in done for warning in one.all_warnings()),
            *(f"{one.cluster}/{one.namespace}: cannot be changed: {one.message}" for one in failed),
        ],
    )  # fmt: skip


async def run_release(
    params: ReleaseParams, context: Context, make: Callable[[Place], Awaitable[Released]]
) -> ReleaseResult:
    """Make a change of a release in all places of a call.

    Raises:
        PartialError: It was made in some of several places.
    """
    async with places(params, context) as here:
        return ReleaseResult(results=await changed_in_each(here, make))


async def released(place: Place, release: str, before: int) -> Released:
    """Return what a release is now.

    Raises:
        NotFoundError: It is gone.
    """
    newest = (await revisions_of(place, release))[0]
    record = await newest.record()
    return Released(
        cluster=place.cluster.name, namespace=place.namespace, release=release, before=before, revision=newest.number,
        status=newest.status, chart=record.chart_title, app_version=record.metadata.app_version, notes=record.info.notes.strip(),
    )  # fmt: skip


@asynccontextmanager
async def settled(place: Place, release: str, before: int, context: Context) -> AsyncIterator[None]:
    """See to it that a change that fails here, or is given up, does not leave its release pending.

    Args:
        place: Where.
        release: Its name.
        before: The newest revision before the change.
        context: The call.

    Raises:
        OutriderError: What the change raises, with what has become of the release.
    """
    try:
        yield
    except (OutriderError, asyncio.CancelledError) as error:
        mine = not any(text in str(error) for text in _BUSY)
        newest = await asyncio.shield(_settle(place, release, before, context, mine=mine))
        if isinstance(error, OutriderError):
            error.about(f"release {release}")
            error.context |= {"revision": newest.number, "status": newest.status} if newest else {}
            error.suggestions = [
                *([f"outrider kubernetes helm_history {newest.words}"] if newest else error.suggestions),
                f"outrider kubernetes events --severity Warning --namespace {place.namespace}",
            ]
        raise


async def _settle(place: Place, release: str, before: int, context: Context, *, mine: bool) -> Revision | None:
    """Mark the revision that a change has left pending as failed, as helm does where it can; return the newest one."""
    with suppress(OutriderError, TimeoutError):
        async with asyncio.timeout(_MOST_REST):
            for revisions in (await all_revisions(place, release)).values():
                newest = revisions[0]
                if mine and newest.number > before and newest.status in PENDING:
                    await mark(newest, "failed", "the change was ended before it was done", context.clock.now())
                    return msgspec.structs.replace(newest, status="failed")
                return newest
    return None


def release_difference(before: Record | None, after: Record) -> list[Difference]:
    """Return in what a release itself changes."""
    found = [Difference("revision", before.version if before else None, after.version)]
    if before is None or before.chart_title != after.chart_title:
        found.append(Difference("chart", before.chart_title if before else None, after.chart_title))
    return found
