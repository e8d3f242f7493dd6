"""The orchestrator's connection to the queue: kept, made anew when it is lost, and never waited for by anything else."""

import asyncio
from collections.abc import Callable

import msgspec

from outrider.core.errors import OutriderError, UnavailableError
from outrider.core.secrets import SecretRef, SecretValue
from outrider.orchestrator.engine import Engine
from outrider.orchestrator.inbox import InboxReader
from outrider.orchestrator.metrics import QueueMetrics
from outrider.orchestrator.publisher import Publisher
from outrider.orchestrator.queue_names import inbox_work, streams, tasks_work
from outrider.orchestrator.queue_use import QueueUse
from outrider.orchestrator.settings import QueueAccess
from outrider.orchestrator.task_reader import TaskReader
from outrider.ports.nats.address import NatsAddress
from outrider.ports.nats.connection import Connection, connected
from outrider.ports.nats.streams import ensure_stream
from outrider.ports.nats.work import Worker
from outrider.ports.telemetry import logger

FIRST_PAUSE, LONGEST_PAUSE = 0.2, 10.0
LOOK_SECONDS = 0.2
_log = logger(__name__)


class _ChangedError(Exception):
    """The platform declares another queue now."""


class LinkState(msgspec.Struct, kw_only=True):
    """How it stands with the connection; `since` in seconds since the epoch."""

    problem: str = "not connected yet"
    since: float = 0.0


class QueueLink:
    """Publishes and takes what the platform declares, over one connection.

    Args:
        engine: Of the tenant.
        access: Where the queue is.
        open_secret: Returns the value of a secret.
        metrics: Counts.

    Attributes:
        connection: None while there is none.
        state: Why.
        task_problems: Why AI agents get no tasks, by name.
    """

    def __init__(
        self,
        engine: Engine,
        access: QueueAccess,
        open_secret: Callable[[SecretRef], SecretValue],
        metrics: QueueMetrics,
    ) -> None:
        self._engine = engine
        self._access = access
        self._open_secret = open_secret
        self._metrics = metrics
        self._publisher = Publisher(engine, metrics, self._well)
        self._inbox = InboxReader(engine, metrics)
        self.connection: Connection | None = None
        self.task_problems: dict[str, str] = {}
        self.state = LinkState(since=engine.clock.now())

    async def run(self) -> None:
        """Keep the connection as long as the platform declares a queue."""
        pause, clock = FIRST_PAUSE, self._engine.clock
        while True:
            use, began = self._engine.world.queue_use, clock.monotonic()
            if use is None or not use.any or use.queue.prefix != self._access.prefix:
                await clock.sleep(LOOK_SECONDS)
                continue
            try:
                await self._keep(use)
            except* OutriderError as lost:
                self._lost(_first(lost))
            except* _ChangedError:
                _log.info("queue: takes over what has changed")
                self._note("takes over what has changed")
                pause = FIRST_PAUSE / 2
            pause = _next_pause(pause, clock.monotonic() - began)
            await clock.sleep(pause)

    async def _keep(self, use: QueueUse) -> None:
        engine, queue = self._engine, use.queue
        address = await asyncio.to_thread(self._address)
        async with connected(address) as connection:
            await self._ensure_streams(connection, use)
            self._found(connection)
            if not queue.publish:  # else the publisher says when it gets on
                self._well()
            try:
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(connection.until_lost())
                    tasks.create_task(self._until_changed(use))
                    if queue.publish:
                        tasks.create_task(self._publisher.run(connection, queue))
                    if queue.inbox is not None:
                        work = inbox_work(queue, engine.tenant, queue.inbox)
                        tasks.create_task(Worker(connection, work, self._inbox.take).run())
                    for agent in use.tasks:
                        tasks.create_task(self._take_tasks(connection, use, agent))
            finally:
                self.connection = None
                self.task_problems.clear()

    async def _ensure_streams(self, connection: Connection, use: QueueUse) -> None:
        for stream in streams(self._engine.world.platform, use):
            await ensure_stream(connection, stream)

    async def _take_tasks(self, connection: Connection, use: QueueUse, agent: str) -> None:
        """Take the tasks of an agent; what is wrong with its stream stops no other."""
        engine, pause = self._engine, FIRST_PAUSE
        work = tasks_work(use.queue, engine.tenant, agent, use.tasks[agent])
        reader = TaskReader(engine, self._metrics, connection, use.queue, agent)
        worker = Worker(connection, work, reader.take, lambda: self._takes_well(agent))
        while True:
            began = engine.clock.monotonic()
            try:
                await worker.run()
            except* OutriderError as fault:
                self._takes_not(agent, _first(fault).message)
            _heed_cancellation()
            pause = _next_pause(pause, engine.clock.monotonic() - began)
            await engine.clock.sleep(pause)
            try:  # somebody may have removed them
                await self._ensure_streams(connection, use)
            except OutriderError as error:
                self._takes_not(agent, error.message)

    def _takes_well(self, agent: str) -> None:
        self.task_problems.pop(agent, None)

    def _takes_not(self, agent: str, problem: str) -> None:
        if self.task_problems.get(agent) != problem:
            _log.warning("tasks of %s: %s", agent, problem)
        self.task_problems[agent] = problem

    async def _until_changed(self, use: QueueUse) -> None:
        while self._engine.world.queue_use == use:
            await self._engine.clock.sleep(LOOK_SECONDS)
        raise _ChangedError

    def _address(self) -> NatsAddress:
        access = self._access

        def opened(reference: SecretRef | None) -> SecretValue | None:
            return self._open_secret(reference) if reference is not None else None

        return NatsAddress(
            servers=access.servers, user=access.user, password=opened(access.password),
            token=opened(access.token), credentials=opened(access.credentials), ca=access.ca,
        )  # fmt: skip

    def _found(self, connection: Connection) -> None:
        _log.info("queue: connected to %s", connection.server)
        self.connection = connection

    def _lost(self, error: OutriderError) -> None:
        if error.message != self.state.problem:
            _log.warning("%s", error.message)
            self._note(error.message)

    def _well(self) -> None:
        """Note that all goes well, if that is new."""
        if self.state.problem:
            self._note("")

    def _note(self, problem: str) -> None:
        self.state = LinkState(problem=problem, since=self._engine.clock.now())
        self._metrics.connected(not problem)

    def live(self) -> Connection:
        """Return the connection.

        Raises:
            UnavailableError: There is none now.
        """
        if self.connection is None:
            raise UnavailableError(
                f"the queue cannot be reached: {self.state.problem}", suggestions=["look at it: outrider queue status"],
                retry_after=LONGEST_PAUSE,
            )  # fmt: skip
        return self.connection


def _next_pause(pause: float, lasted: float) -> float:
    """Return how long to wait after what has lasted for so many seconds."""
    return FIRST_PAUSE if lasted > LONGEST_PAUSE else min(2 * pause, LONGEST_PAUSE)


def _heed_cancellation() -> None:
    """End where this task was told to: a TaskGroup tells of its faults alone if both come at once (before Python 3.13)."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


def _first(group: BaseExceptionGroup[OutriderError]) -> OutriderError:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    assert isinstance(error, OutriderError)
    return error
