"""One tenant's part of the orchestrator: each method is one transaction, and what follows from its commit."""

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

import sqlalchemy as sa

from outrider.core.audit import AuditEntry, ChainHead
from outrider.core.errors import ConflictError, NotFoundError, OutriderError
from outrider.core.events import (
    CallAnswer,
    CallRequest,
    Event,
    EventOutcome,
    Instruction,
    LeaseAnswer,
    LogBatch,
    PollAnswer,
    Result,
    ResultAnswer,
)
from outrider.core.objects import Object
from outrider.orchestrator.agent_calls import call_state, start_call, start_task, take_task, waits_for
from outrider.orchestrator.agents import greet, mark_silent, restore, revoke, revoked_agents
from outrider.orchestrator.desk import Desk
from outrider.orchestrator.evaluation import Evaluator
from outrider.orchestrator.holds import Holds, drop_expired, lift, list_holds, load_holds, place
from outrider.orchestrator.holds import check as check_hold
from outrider.orchestrator.ingest import Ingest
from outrider.orchestrator.metrics import EngineMetrics
from outrider.orchestrator.objects import apply_objects, delete_object, load_objects
from outrider.orchestrator.outbox import Outbox
from outrider.orchestrator.pollers import Poller, Pollers, release
from outrider.orchestrator.runs import AGENT_SOURCE, QUEUE_SOURCE, USER_SOURCE, RunStarter
from outrider.orchestrator.schedules import Scheduler, timed_call, timed_rule
from outrider.orchestrator.sharing import Telling, bump, look, server_time
from outrider.orchestrator.timeline import Timeline
from outrider.orchestrator.transaction import Transaction
from outrider.orchestrator.windows import Windows
from outrider.orchestrator.wire import HoldRequest, HoldRow, TaskRequest
from outrider.orchestrator.world import Applied, World
from outrider.ports.clock import Clock
from outrider.ports.store import Store
from outrider.ports.telemetry import logger
from outrider.runtime.audit import AuditLog
from outrider.runtime.discovery import registry
from outrider.runtime.objects import parse_objects
from outrider.runtime.plugins.catalogue import Catalogue

T = TypeVar("T")
MAX_POLL_SECONDS = 60.0
SWEEP_SECONDS = 0.5
CALL_LOOK_SECONDS = 0.05
_log = logger(__name__)


class Engine:
    """Events in, instructions out.

    Args:
        tenant: Whose.
        store: Owns the truth.
        clock: One clock decides about leases and windows.
        audit: The orchestrator's own chain.
        catalogue: The plugins at hand.
        metrics: Counts what happens.
    """

    def __init__(
        self, tenant: str, store: Store, clock: Clock, *, audit: AuditLog, catalogue: Catalogue, metrics: EngineMetrics
    ) -> None:
        self.tenant = tenant
        self.store = store
        self.clock = clock
        self.timeline = Timeline(clock)
        self.audit = audit
        self._metrics = metrics
        self._catalogue = catalogue
        self._pollers = Pollers()
        # Set when something waits to be published.
        self.outgoing = asyncio.Event()
        # Looked at on every request of an agent, so kept in memory beside the table that owns it.
        self.revoked: set[str] = set()
        # Leases and windows follow a clock that cannot jump: wall time is read once, then time is counted.
        self._began = clock.now() - clock.monotonic()
        self._holds = Holds()
        self.windows = Windows(tenant)
        self._telling = Telling(tenant)
        # Of what is in memory, where others may change it; none yet.
        self._number = -1
        self._use(World([], catalogue))

    def _now(self) -> float:
        return self._began + self.clock.monotonic()

    def _use(self, world: World) -> None:
        self.world = world
        queue = world.platform.queue
        self._outbox = Outbox(self.tenant, queue) if queue is not None and queue.publish else None
        starter = self._starter = RunStarter(self.tenant, world)
        self._desk = Desk(self.tenant, starter, self._holds)
        self._evaluator = Evaluator(self.tenant, world.rules, starter, self._holds, windows=self.windows)
        self._ingest = Ingest(self.tenant, self._evaluator)
        timed = [timed_call(entry) for entry in world.scheduled_calls()] + [
            timed_rule(r) for r in world.rules.scheduled
        ]
        self._scheduler = Scheduler(
            self.tenant, timed, evaluator=self._evaluator, starter=starter, desk=self._desk, holds=self._holds,
            alone=not self.store.shared,
        )  # fmt: skip

    async def open(self) -> None:
        """Take up the work where it was left: load the objects, and give live claims their full time."""
        await self._catch_up()
        await self.write(self._adopt)

    async def _catch_up(self) -> None:
        """Take into memory what is on disk now, and put there when each schedule comes next.

        Where others write too, every transaction takes in what is on disk.
        """
        if not self.store.shared:
            await self.store.read(self._reload)
            if self._scheduler.idle:
                return
        try:
            await self.write(lambda work: self._scheduler.plan(work, self.clock.now()))
        except OutriderError as error:  # what was changed is on disk, and the next sweep plans, too
            self._scheduler.forget()
            _log.warning("schedules: %s", error.message)

    def _reload(self, connection: sa.Connection) -> None:
        self._use(World(load_objects(connection, self.tenant), self._catalogue))
        self.revoked = revoked_agents(connection, self.tenant)
        self._holds.use(load_holds(connection, self.tenant))

    def _begin(self, connection: sa.Connection) -> Transaction:
        """Return a transaction that decides by what is on disk."""
        if not self.store.shared:
            return Transaction(connection, self._now(), self._outbox)
        number = look(connection, self.tenant)
        if number != self._number:
            self._reload(connection)
            self._number = number
        return Transaction(connection, self._now(), self._outbox)

    async def set_clock(self) -> None:
        """Go by the clock of a store that others share, so that all judge leases and windows by one."""
        if self.store.shared:
            now = await self.store.read(server_time)
            self._began = now - self.clock.monotonic()

    def _adopt(self, work: Transaction) -> None:
        self._desk.adopt(work, unbroken=self.store.unbroken)
        greet(work, self.tenant)

    async def apply(self, items: list[Object], by: str, *, prune: bool) -> list[str]:
        """Store objects and use them from the next event on; with `prune` those not named are removed.

        Returns:
            What changed, as `Kind/name created`.
        """

        def body(work: Transaction) -> list[str]:
            changes = apply_objects(work, self.tenant, items, by=by, prune=prune)
            World(load_objects(work.connection, self.tenant), self._catalogue)  # what cannot be used is not stored
            work.audit.extend(_applied(change, by) for change in changes)
            return changes

        return await self._change(body)

    async def delete(self, kind: str, name: str, by: str) -> str:
        """Remove an object that no other one names, and return what changed.

        Raises:
            NotFoundError: There is none.
            ConflictError: Another one names it.
        """

        def body(work: Transaction) -> str:
            change = delete_object(work, self.tenant, kind, name)
            _check_references(f"{kind}/{name}", load_objects(work.connection, self.tenant), self._catalogue)
            work.audit.append(_applied(change, by))
            return change

        return await self._change(body)

    async def ingest(self, batch: list[Event], *, by: str = "") -> list[EventOutcome]:
        """Store events, match them and create what follows; `by` is the user who sent them, if no agent did."""

        def body(work: Transaction) -> list[EventOutcome]:
            if by:
                work.audit.extend(_sent(event, by) for event in batch)
            return self._ingest.store(work, batch)

        outcomes = await self.write(body)
        self._metrics.ingested(outcomes)
        return outcomes

    async def poll(self, agent: str, limit: int, wait: float) -> PollAnswer:
        """Hand out instructions; where there are none, wait up to `wait` seconds for one."""
        deadline = self.clock.monotonic() + min(wait, MAX_POLL_SECONDS)
        while True:
            claimed = await self._claim(agent, limit)
            left = deadline - self.clock.monotonic()
            if claimed or left <= 0:
                return _poll_answer(claimed)
            if self._pollers.has_nothing(agent):  # else something came in while we looked
                poller = Poller(agent, limit)
                await self._pollers.wait(poller, left)
                if poller.claimed or poller.superseded:
                    return _poll_answer(poller.claimed)

    async def _claim(self, agent: str, limit: int) -> list[Instruction]:
        if self._pollers.has_nothing(agent):
            return []
        wakes = self._pollers.wakes(agent)
        claimed = await self.write(lambda work: self._desk.claim(work, agent, limit))
        if len(claimed) < limit:
            self._pollers.found_nothing(agent, wakes)
        return claimed

    async def renew(self, agent: str, instruction: str, epoch: int) -> LeaseAnswer:
        """Extend a claim. What the machine's sudden end could take away of it, `adopt` allows for."""
        return await self.write(lambda work: self._desk.renew(work, agent, instruction, epoch), relaxed=True)

    async def finish(self, agent: str, instruction: str, result: Result) -> ResultAnswer:
        """Record a result; one that comes too late is kept as evidence and refused."""
        try:
            return await self.write(lambda work: self._desk.finish(work, agent, instruction, result))
        except ConflictError:
            await self.write(lambda work: self._desk.keep_evidence(work, agent, instruction, result))
            raise

    async def append_log(self, agent: str, instruction: str, batch: LogBatch) -> int:
        """Store log lines and return the number of the next."""
        return await self.write(lambda work: self._desk.append_log(work, agent, instruction, batch))

    async def call(self, agent: str, request: CallRequest) -> str:
        """Start what an AI agent asks for, and return the run.

        Raises:
            NotFoundError: No object declares the agent.
            DeniedError: It may not ask for that.
            ConflictError: It was asked for already.
        """

        def body(work: Transaction) -> str:
            demanded = self.world.demanded_approvals()
            return start_call(work, self.tenant, self._starter, self._agent_type(agent), request, demanded=demanded)

        return await self.write(body)

    async def give_task(self, agent: str, request: TaskRequest, source: str = USER_SOURCE) -> str:
        """Start a task that a user, or with QUEUE_SOURCE the queue, gives to an AI agent, and return the run.

        Raises:
            NotFoundError: No object declares the agent.
            ConflictError: A user gave it already. A task of the queue that was delivered before is the same run.
        """
        start = take_task if source == QUEUE_SOURCE else start_task
        return await self.write(lambda work: start(work, self.tenant, self._starter, self._agent_type(agent), request))

    def _agent_type(self, name: str) -> Applied:
        declared = self.world.agent_type(name)
        if declared is None:
            raise NotFoundError(
                f"no AgentType is called '{name}'", found=name, suggestions=["list them: outrider get agenttype"]
            )
        return declared

    async def called(self, agent: str, run: str, wait: float, source: str = AGENT_SOURCE) -> CallAnswer:
        """Return what became of what an AI agent has asked for, or was given; wait up to `wait` seconds for its end.

        Raises:
            NotFoundError: There is none such.
        """
        deadline = self.clock.monotonic() + min(wait, MAX_POLL_SECONDS)
        while True:
            answer = await self.store.read(lambda connection: call_state(connection, self.tenant, agent, run, source))
            if answer.state != "running" or self.clock.monotonic() >= deadline:
                break
            await self.clock.sleep(CALL_LOOK_SECONDS)
        if answer.state == "running" and source == USER_SOURCE:
            answer.waits = await self.store.read(lambda connection: waits_for(connection, self.tenant, run))
        return answer

    async def decide(self, instruction: str, decision: str, by: str) -> None:
        """Answer an approval."""
        await self.write(lambda work: self._desk.decide(work, instruction, decision, by))

    async def cancel(self, run: str) -> int:
        """Cancel what is left of a run."""
        return await self.write(lambda work: self._desk.cancel(work, run))

    async def hold(self, request: HoldRequest, by: str) -> HoldRow:
        """Hold back the platform, an agent or rules; what runs already goes on.

        Raises:
            InvalidConfigError: There is nothing of that name.
            ConflictError: It is held back already.
        """
        check_hold(request, self.world.declared_agents())
        return await self._change(lambda work: place(work, self.tenant, request, by))

    async def lift(self, hold: str, by: str) -> HoldRow:
        """End a hold, by its id or as `cordon:NAME`, `pause:`, and wake who may go on.

        Raises:
            NotFoundError: There is none.
        """
        lifted = await self._change(lambda work: lift(work, self.tenant, hold, by))
        self._pollers.wake(self.world.declared_agents())
        return lifted

    async def _change(self, body: Callable[[Transaction], T]) -> T:
        """Run a transaction that changes what orchestrators remember."""

        def changing(work: Transaction) -> T:
            result = body(work)
            bump(work.connection, self.tenant)
            return result

        result = await self.write(changing)
        await self._catch_up()
        return result

    def held(self, connection: sa.Connection) -> list[HoldRow]:
        """Return what is held back."""
        return list_holds(connection, self.tenant, self._now())

    async def revoke(self, agent: str) -> bool:
        """Refuse an agent from its next request on; return whether it ever came in."""
        return await self._change(lambda work: revoke(work, self.tenant, agent))

    async def restore(self, agent: str) -> bool:
        """Let a revoked agent in again; return whether it was revoked."""
        return await self._change(lambda work: restore(work, self.tenant, agent))

    def hear(self, text: str) -> None:
        """Take what another orchestrator told at its commit: something waits for an agent."""
        agent = self._telling.heard(text)
        if agent:
            self._pollers.wake([agent])

    async def sweep(self) -> None:
        """Once in a while: expire claims and approvals, fire what was held, wake agents for delayed retries."""
        while True:
            await self.clock.sleep(SWEEP_SECONDS)
            try:
                await self.write(self._sweep_once)
            except OutriderError as error:
                self._scheduler.forget()
                _log.warning("sweep: %s", error.message)

    def _sweep_once(self, work: Transaction) -> None:
        mark_silent(work, self.tenant)
        self._desk.expire(work)
        drop_expired(work, self.tenant)
        self._evaluator.due(work)
        self._scheduler.due(work, self.clock.now())
        work.wake.update(self._desk.waiting_agents(work))

    @property
    def audit_head(self) -> ChainHead:
        """The end of the orchestrator's own chain."""
        return self.audit.head

    async def record(self, entry: AuditEntry) -> None:
        """Add to the orchestrator's audit chain, on disk when this returns."""
        await self.audit.append_synced(entry)

    async def write(self, body: Callable[[Transaction], T], *, relaxed: bool = False) -> T:
        """Run a transaction, then carry out what it wants to happen after its commit.

        A caller who goes away in between does not stop that: what is on disk is also told. `relaxed` does not wait for
        the disk.
        """
        held: list[tuple[Transaction, list[Poller]]] = []
        began = self.clock.monotonic()

        def run(connection: sa.Connection) -> T:
            work, handed = self._begin(connection), list[Poller]()
            held.append((work, handed))
            result = body(work)
            self._pollers.hand_over(work, handed, self._desk.claim)
            if self.store.shared:
                self._telling.tell(connection, work.wake)
            return result

        written = self.store.submit(run, relaxed=relaxed)
        written.add_done_callback(lambda future: self._written(future, held, began))
        return await asyncio.shield(written)

    def _written(
        self, written: "asyncio.Future[Any]", held: list[tuple[Transaction, list[Poller]]], began: float
    ) -> None:
        """Let those who wait have their answers, and do the rest after that."""
        committed = written.exception() is None
        for _, handed in held:
            release(handed, committed=committed)
        if committed:
            work, _ = held[-1]
            self._pollers.wake(work.wake)
            if work.outgoing:
                self.outgoing.set()
            loop = asyncio.get_running_loop()
            loop.call_soon(loop.call_soon, self._tell, work, self.clock.monotonic() - began)

    def _tell(self, work: Transaction, seconds: float) -> None:
        self._metrics.committed(work, seconds)
        if work.entries:
            self.timeline.add(work.entries)
        for entry in work.audit:
            try:
                self.audit.append(entry)
            except OutriderError as error:
                _log.error("%s is not in the audit chain: %s", entry.action, error.message, extra={"hint": error.hint})


def _poll_answer(claimed: list[Instruction]) -> PollAnswer:
    if not claimed:
        return PollAnswer()
    return PollAnswer(instruction=claimed[0], instructions=claimed, status="instruction_delivered")


def _check_references(removed: str, left: list[Applied], catalogue: Catalogue) -> None:
    """Refuse to remove what another object names."""
    try:
        parse_objects([], registry(), catalogue, beside=[entry.item for entry in left])
    except OutriderError as error:
        raise ConflictError(
            f"{removed} is still named: {error.message}",
            suggestions=["remove or change what names it first"],
            causes=error.causes,
        ) from error


def _sent(event: Event, by: str) -> AuditEntry:
    return AuditEntry(
        phase="fact", principal=by, action="event.send", target=f"event/{event.id}", outcome="ok",
        details={"source": event.source, "type": event.type},
    )  # fmt: skip


def _applied(change: str, by: str) -> AuditEntry:
    target, _, what = change.partition(" ")
    return AuditEntry(phase="fact", principal=by, action=f"object.{what}", target=target, outcome="ok")
