"""Workers that have every object looked at that may need it: by its key, never two of them at one, and again after a failure.

change --keys--> work queue --key--> reconcile --nothing--> done
                    ^                    |
                    +-- later, or after a pause that grows --+
"""

import asyncio
import logging
import math
import random
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Literal

import msgspec

from outrider.core.errors import ConflictError, ExecutionFailedError, InvalidConfigError, OutriderError
from outrider.core.machines.work_queue import NORMAL, START_UP, WorkQueue
from outrider.core.machines.work_queue import Pace as QueuePace
from outrider.ports.clock import Clock, SystemClock
from outrider.ports.http.deadline import Deadline
from outrider.ports.kube.cache import Change
from outrider.ports.kube.informer import Informer
from outrider.ports.kube.metrics import ControllerMetrics
from outrider.ports.kube.objects import OwnerReference
from outrider.ports.kube.resources import Resource
from outrider.ports.kube.tasks import ended, raise_first
from outrider.ports.telemetry import logger

_LOG = logger(__name__)
_MANY_CONFLICTS = 5
Outcome = Literal["success", "error", "requeue_after", "terminal"]


class Work(msgspec.Struct, frozen=True):
    """What a reconcile is given.

    Attributes:
        key: Of the object: `NAMESPACE/NAME`, or the name.
        epoch: What tells the leadership under which this is done from every other one; empty without an election.
    """

    key: str
    epoch: str = ""


class After(msgspec.Struct, frozen=True):
    """Look again in so many seconds, whatever happens until then."""

    seconds: float

    def __post_init__(self) -> None:
        if not math.isfinite(self.seconds):
            raise InvalidConfigError(f"After({self.seconds}) is no time", found=str(self.seconds), expected="seconds")


class TerminalError(Exception):
    """Trying again is of no use until the object changes.

    Args:
        error: Why.
    """

    def __init__(self, error: OutriderError) -> None:
        super().__init__(error.message)
        self.error = error


Reconcile = Callable[[Work], Awaitable[After | None]]


def own_key(change: Change) -> Iterable[str]:
    """Return the key of the object itself."""
    return (change.key,)


def owner_keys(resource: Resource) -> Callable[[Change], Iterable[str]]:
    """Return a function that gives the keys of those who control an object, or did, and are of a kind."""

    def keys(change: Change) -> Iterable[str]:
        found: list[str] = []
        for item in filter(None, (change.after, change.before)):
            metadata = item.metadata
            prefix = f"{metadata.namespace}/" if metadata.namespace and resource.namespaced else ""
            found += [f"{prefix}{owner.name}" for owner in metadata.owner_references if _controls(owner, resource)]
        return dict.fromkeys(found)

    return keys


def _controls(owner: OwnerReference, resource: Resource) -> bool:
    group = owner.api_version.rpartition("/")[0]
    return owner.controller and owner.kind == resource.kind and group == resource.group


def generation_changed(change: Change) -> bool:
    """Return whether what is wanted has changed, and not only what is said of it; also of labels, annotations and finalizers."""
    before, after = change.before, change.after
    if before is None or after is None:
        return True
    old, new = before.metadata, after.metadata
    return (
        old.generation != new.generation or old.labels != new.labels or old.annotations != new.annotations
        or old.finalizers != new.finalizers or old.deletion_timestamp != new.deletion_timestamp
    )  # fmt: skip


class Controller:
    """Reconciles the objects of one kind.

    Args:
        name: In logs and metrics.
        reconcile: Looks at one object and does what is missing; it may be called any number of times. What it raises is
            logged, and it is called again after a pause that grows.
        workers: How many objects at a time.
        timeout: Seconds for one.
        pace: How keys wait.
        metrics: Where it is counted.
        clock: For pauses and deadlines.
    """

    def __init__(
        self,
        name: str,
        reconcile: Reconcile,
        *,
        workers: int = 16,
        timeout: float = 60.0,
        pace: QueuePace | None = None,
        metrics: ControllerMetrics | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.name = name
        self.queue: WorkQueue[str] = WorkQueue(pace)
        self._reconcile, self._workers, self._timeout = reconcile, workers, timeout
        self._metrics = metrics
        self._clock = clock or SystemClock()
        self._informers: list[Informer] = []
        # Asked before each object: a process that was frozen must not act before it hears that another one leads.
        self.may_act: Callable[[], bool] = lambda: True
        # Workers that have nothing to do; one is woken for each key.
        self._resting: list[asyncio.Future[None]] = []
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = float("inf")

    def follow(
        self,
        informer: Informer,
        keys: Callable[[Change], Iterable[str]] = own_key,
        *,
        when: Callable[[Change], bool] | None = None,
        awaited: bool = True,
    ) -> None:
        """Have objects looked at when something changes.

        Args:
            informer: What is followed.
            keys: Whose objects a change concerns.
            when: Which changes count; all of them if None.
            awaited: Whether nothing is done before its cache is filled; otherwise who needs it must see to that.
        """
        if awaited:
            self._informers.append(informer)

        def changed(change: Change, first: bool) -> None:
            if when is None or when(change):
                for key in keys(change):
                    self.add(key, priority=START_UP if first else NORMAL)

        informer.on_change(changed)

    def add(self, key: str, *, priority: int = NORMAL) -> None:
        """Have an object looked at."""
        self.queue.add(key, now=self._clock.monotonic(), priority=priority)
        if self._metrics is not None:
            self._metrics.added(self.name)
        self._wake()

    def now(self) -> float:
        """Return the time by which its queue counts."""
        return self._clock.monotonic()

    @property
    def synced(self) -> bool:
        """Whether all caches have been filled."""
        return all(informer.reflector.synced.is_set() for informer in self._informers)

    async def run(self, epoch: str = "") -> None:
        """Work until this is cancelled, from when all caches have been filled; what is at work then is cancelled too.

        Args:
            epoch: What tells this leadership from every other one.
        """
        for informer in self._informers:
            await informer.reflector.synced.wait()
        workers = [asyncio.create_task(self._work(epoch)) for _ in range(self._workers)]
        try:
            await asyncio.wait(workers, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await ended(workers)
            raise_first(workers)
            self._resting.clear()
            if self._timer is not None:
                self._timer.cancel()
                self._timer, self._timer_at = None, float("inf")

    async def _work(self, epoch: str) -> None:
        while self.may_act():
            key = self.queue.take(now=self._clock.monotonic())
            if key is None:
                await self._rest()
                continue
            # Others that have come, or come due meanwhile, are not to wait until this one is done.
            self._plan()
            if len(self.queue):
                self._wake()
            try:
                await self._run_one(Work(key, epoch))
            finally:
                self.queue.done(key)
                if len(self.queue):
                    self._wake()

    async def _run_one(self, work: Work) -> None:
        began = self._clock.monotonic()
        outcome: Outcome = "success"
        try:
            with Deadline(self._timeout):
                after = await self._reconcile(work)
            self.queue.forget(work.key)
            if after is not None:
                outcome = "requeue_after"
                self.queue.add_later(work.key, after.seconds, now=self._clock.monotonic())
        except TerminalError as error:
            outcome = "terminal"
            self.queue.forget(work.key)
            _LOG.warning(
                "reconcile given up until the object changes",
                extra={"controller": self.name, "key": work.key, "error": error.error.message},
            )
        except asyncio.CancelledError as error:
            if (task := asyncio.current_task()) is None or task.cancelling():
                self.add(work.key)
                raise
            # Nobody cancels this worker: something that it waited for was.
            outcome = "error"
            self._failed(work.key, ExecutionFailedError(f"what it waited for was cancelled: {error}"))
        except Exception as error:  # noqa: BLE001 - the boundary: a fault of one object, or in the code for it, ends no worker
            outcome = "error"
            self._failed(work.key, error)
        self._plan()
        if self._metrics is not None:
            self._metrics.done(self.name, outcome, self._clock.monotonic() - began)

    def _failed(self, key: str, error: Exception) -> None:
        pause = self.queue.retry(key, now=self._clock.monotonic(), chance=random.random())  # noqa: S311 - spreads load
        said = error.message if isinstance(error, OutriderError) else f"{type(error).__name__}: {error}"
        # That somebody was faster is nothing to look at, unless it goes on.
        usual = isinstance(error, ConflictError) and self.queue.failures(key) < _MANY_CONFLICTS
        _LOG.log(
            logging.DEBUG if usual else logging.WARNING, "reconcile failed", exc_info=not isinstance(error, OutriderError | TimeoutError),
            extra={"controller": self.name, "key": key, "error": said, "again_in": round(pause, 3)},
        )  # fmt: skip

    async def _rest(self) -> None:
        self._plan()
        rest = asyncio.get_running_loop().create_future()
        self._resting.append(rest)
        try:
            await rest
        finally:
            if rest in self._resting:
                self._resting.remove(rest)

    def _wake(self) -> None:
        while self._resting:
            rest = self._resting.pop()
            if not rest.done():
                rest.set_result(None)
                return

    def _plan(self) -> None:
        """Have a worker woken when the next delayed key comes."""
        due = self.queue.next_due()
        if due is None or due >= self._timer_at:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer_at = due
        self._timer = asyncio.get_running_loop().call_later(max(0.0, due - self._clock.monotonic()), self._due)

    def _due(self) -> None:
        self._timer, self._timer_at = None, float("inf")
        self._wake()


def all_synced(controllers: Sequence[Controller]) -> bool:
    """Return whether all caches of all controllers have been filled."""
    return all(controller.synced for controller in controllers)
