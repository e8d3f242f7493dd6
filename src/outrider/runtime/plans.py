"""Making plans, keeping them, and applying exactly what was planned, once."""

import asyncio
import fcntl
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec

from outrider.core.calls import Call
from outrider.core.codec import decode, encode, to_builtins
from outrider.core.errors import ConflictError, ExecutionFailedError, NotFoundError, OutriderError, UnsupportedError
from outrider.core.identifiers import time_ordered
from outrider.core.operation import Change
from outrider.core.plans import (
    LIFETIME,
    PARALLEL,
    ItemOutcome,
    Plan,
    PlanItem,
    PlanState,
    check_fresh,
    filled,
    references,
)
from outrider.core.schema import convert
from outrider.ports.secrets.private_files import write_private
from outrider.runtime.implementation import load_operation
from outrider.runtime.invoker import CallOptions, Invoker
from outrider.version import __version__

_MIN_PREFIX = 6


class PlanStore:
    """Plans and their outcomes in a folder, one file each, mode 0600."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def save(self, plan: Plan) -> None:
        """Keep a plan."""
        self._write(f"{plan.id}.json", encode(plan))

    def load(self, prefix: str) -> Plan:
        """Return the plan whose id begins with `prefix` (six characters at least).

        Raises:
            NotFoundError: There is none, or more than one.
        """
        matches = (
            sorted(self._folder.glob(f"{prefix.upper()}*.json"))
            if len(prefix) >= _MIN_PREFIX and prefix.isalnum()
            else []
        )
        if len(matches) != 1:
            raise NotFoundError(
                f"no plan is called '{prefix}'"
                if not matches
                else f"'{prefix}' begins the names of {len(matches)} plans",
                found=prefix,
                suggestions=["make one: outrider plan OPERATION ...", "give more characters of its id"],
            )
        return decode(matches[0].read_bytes(), Plan)

    def newest(self, limit: int) -> list[Plan]:
        """Return the last plans that were made, the newest first."""
        files = sorted(self._folder.glob("*.json"), reverse=True)[:limit]  # an id begins with the time
        return [decode(path.read_bytes(), Plan) for path in files]

    def outcomes(self, plan: Plan) -> list[ItemOutcome]:
        """Return what is recorded of an earlier apply."""
        path = self._folder / f"{plan.id}.outcomes"
        return decode(path.read_bytes(), list[ItemOutcome]) if path.exists() else []

    def save_outcomes(self, plan: Plan, outcomes: Sequence[ItemOutcome]) -> None:
        """Record what became of a plan's items so far."""
        self._write(f"{plan.id}.outcomes", encode(list(outcomes)))

    @asynccontextmanager
    async def applying(self, plan: Plan) -> AsyncIterator[None]:
        """Let one process at a time apply a plan.

        Raises:
            ConflictError: Another one does.
        """
        file = os.open(self._folder / f"{plan.id}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise ConflictError(
                    f"plan {plan.id} is being applied by another process", suggestions=["wait for its end"]
                ) from error
            yield
        finally:
            os.close(file)

    def _write(self, name: str, data: bytes) -> None:
        try:
            write_private(self._folder / name, data)
        except OutriderError as error:
            raise ExecutionFailedError(
                f"the plan cannot be kept: {error.message}",
                found=str(self._folder),
                suggestions=[f"check space and mode of {self._folder}"],
            ) from error


class Planner:
    """Plans calls and applies plans through an invoker."""

    def __init__(self, invoker: Invoker, store: PlanStore) -> None:
        self._invoker = invoker
        self._store = store

    async def plan(self, calls: Sequence[Call], options: CallOptions) -> Plan:
        """Make and keep the plan of some calls; reads among them are left out.

        Calls with the same target depend on each other in the order given. A call whose parameters wait for the result of an
        earlier one is planned when that is done.
        """
        items: list[PlanItem] = []
        for call in calls:
            if needed := references(call.params):
                items.append(self._later(call, str(len(items) + 1), needed))
                continue
            invocation = self._invoker.prepare(call, options)
            if not invocation.effect.changes:
                continue
            change = await self._invoker.plan(call, options)
            same = [item.id for item in items if item.change.target == change.target]
            items.append(
                PlanItem(
                    id=str(len(items) + 1),
                    operation=call.name,
                    params=to_builtins(invocation.params),
                    effect=invocation.effect,
                    change=change,
                    depends_on=same[-1:],
                )
            )
        now = self._invoker.environment.clock.now()
        plan = Plan(
            id=time_ordered(now, os.urandom(10)),
            created=now,
            expires=now + LIFETIME,
            actor=f"{options.principal.kind}:{options.principal.name}",
            version=__version__,
            items=items,
        )
        plan.digest = plan.compute_digest()
        self._store.save(plan)
        return plan

    def _later(self, call: Call, item: str, needed: set[str]) -> PlanItem:
        family, _ = self._invoker.registry.family(call.family)
        numbers = ", ".join(sorted(needed, key=int))
        return PlanItem(
            id=item,
            operation=call.name,
            params=call.params,
            effect=family.operation(call.operation)[0].effect,
            change=Change(target="", warnings=[f"what it will change is known when item {numbers} is done"]),
            depends_on=sorted(needed, key=int),
        )

    def load(self, reference: str) -> Plan:
        """Return a kept plan, by the beginning of its id or by a file that holds a copy of it.

        Raises:
            NotFoundError: No such plan.
            PreconditionFailedError: The copy was edited.
        """
        path = Path(reference)
        if not os.path.isfile(path):  # noqa: PTH113 - of a text that is too long for a path it says no
            return self.stored(reference)
        copy = decode(path.read_bytes(), Plan)
        stored = self._store.load(copy.id)
        copy.check_unchanged(stored)
        return stored

    def stored(self, prefix: str) -> Plan:
        """Return a kept plan by the beginning of its id.

        Raises:
            NotFoundError: There is none, or more than one.
        """
        return self._store.load(prefix)

    def newest(self, limit: int = 50) -> list[Plan]:
        """Return the last plans that were made, the newest first."""
        return self._store.newest(limit)

    def state(self, plan: Plan) -> PlanState:
        """Return what became of a plan."""
        outcomes = self._store.outcomes(plan)
        if len(outcomes) == len(plan.items):
            name = "applied" if all(outcome.state == "done" for outcome in outcomes) else "partial"
        else:
            name = "expired" if self._invoker.environment.clock.now() >= plan.expires else "planned"
        return PlanState(plan=plan, state=name, outcomes=outcomes)

    async def apply(self, plan: Plan, options: CallOptions) -> list[ItemOutcome]:
        """Do what the plan says, independent items beside each other; what an earlier apply finished is not done again.

        Raises:
            PreconditionFailedError: The plan expired.
            ConflictError: Another process applies it.
        """
        async with self._store.applying(plan):
            outcomes = {outcome.id: outcome for outcome in self._store.outcomes(plan) if outcome.state == "done"}
            if len(outcomes) < len(plan.items):
                check_fresh(plan, self._invoker.environment.clock.now())
                await _Application(plan, outcomes, self._invoker, self._store).run(options)
            return [outcomes[item.id] for item in plan.items]

    async def inverse(self, plan: Plan, options: CallOptions) -> Plan:
        """Make the plan that undoes an applied one, last item first.

        Raises:
            UnsupportedError: An item cannot be undone.
        """
        calls = []
        outcomes = {outcome.id: outcome for outcome in self._store.outcomes(plan)}
        for item in reversed(plan.items):
            outcome = outcomes.get(item.id)
            if outcome is not None and outcome.state == "done":
                calls.append(self._inverse_call(item, filled(item.params, outcomes), outcome.result))
        return await self.plan(calls, options)

    def _inverse_call(self, item: PlanItem, given: dict[str, Any], result: Any) -> Call:
        family, _, verb = item.operation.partition(".")
        operation = load_operation(self._invoker.registry, family, verb)
        params = convert(given, operation.code.params)
        inverse = operation.code.inverse(params, result) if operation.code.inverse else None
        if inverse is None:
            raise UnsupportedError(
                f"{item.operation} on {item.change.target} cannot be undone",
                suggestions=["plan by hand what should be there instead"],
            )
        return Call(family, inverse[0], inverse[1])


class _Application:
    """One application of a plan.

    Args:
        plan: What is done.
        outcomes: By item, those of items that were done before; the others are added.
        invoker: Does it.
        store: Keeps the outcomes after each item, so that a later application knows them.
    """

    def __init__(self, plan: Plan, outcomes: dict[str, ItemOutcome], invoker: Invoker, store: PlanStore) -> None:
        self._plan = plan
        self._outcomes = outcomes
        self._invoker = invoker
        self._store = store
        self._free = asyncio.Semaphore(PARALLEL)
        self._saving = asyncio.Lock()
        self._fault: OutriderError | None = None
        self._tasks: dict[str, asyncio.Task[None]] = {}

    async def run(self, options: CallOptions) -> None:
        """Bring every item that is not done to its outcome."""
        loop = asyncio.get_running_loop()
        left = [item for item in self._plan.items if item.id not in self._outcomes]
        self._tasks = {item.id: loop.create_task(self._settle(item, options)) for item in left}
        try:
            await asyncio.wait(self._tasks.values())
        finally:
            for task in self._tasks.values():
                task.cancel()
            # Each item's end must be on record before another process may apply the plan.
            await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        for task in self._tasks.values():
            task.result()

    async def _settle(self, item: PlanItem, options: CallOptions) -> None:
        for needed in item.depends_on:
            if needed in self._tasks:
                await asyncio.wait({self._tasks[needed]})
        if any(needed not in self._outcomes or self._outcomes[needed].state != "done" for needed in item.depends_on):
            self._outcomes[item.id] = ItemOutcome(id=item.id, state="skipped")
            return
        async with self._free:
            if self._fault is not None:
                raise self._fault  # what is done now could not be kept, and would be done again
            self._outcomes[item.id] = await self._do(item, options)
            await self._save()

    async def _save(self) -> None:
        async with self._saving:
            try:
                await asyncio.to_thread(self._store.save_outcomes, self._plan, list(self._outcomes.values()))
            except OutriderError as error:
                self._fault = error
                raise

    async def _do(self, item: PlanItem, options: CallOptions) -> ItemOutcome:
        family, _, operation = item.operation.partition(".")
        options = msgspec.structs.replace(
            options, idempotency_key=f"{self._plan.id}-{item.id}", preconditions=item.change.preconditions
        )
        try:
            params = filled(item.params, self._outcomes)
            result = await self._invoker.run(Call(family, operation, params), options)
        except OutriderError as error:
            return ItemOutcome(id=item.id, state="failed", error=to_builtins(error.body()))
        return ItemOutcome(id=item.id, state="done", result=to_builtins(result))
