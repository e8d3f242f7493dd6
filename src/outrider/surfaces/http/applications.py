"""Plans that are being applied for callers who need not wait for the end, and requests that may be repeated."""

import asyncio
import hashlib
from pathlib import Path

import msgspec

from outrider.core.calls import Call
from outrider.core.codec import decode, digest, encode
from outrider.core.errors import ConflictError, InvalidConfigError
from outrider.core.plans import ItemOutcome, Plan, PlanState
from outrider.ports.secrets.private_files import create_private, read_private
from outrider.runtime.invoker import CallOptions
from outrider.surfaces.door import Door

# How long a caller waits for the end before it gets 202.
PATIENCE = 10.0
STOP_SECONDS = 10.0
_LONGEST_KEY = 255


class Applications:
    """What is being applied.

    Args:
        door: Applies.
        patience: Seconds after which a caller is let go.
    """

    def __init__(self, door: Door, patience: float = PATIENCE) -> None:
        self._door = door
        self._patience = patience
        self._running: dict[str, asyncio.Task[list[ItemOutcome]]] = {}

    async def apply(self, plan: Plan, options: CallOptions) -> PlanState:
        """Apply a plan, or wait for the one who does already; `state` is `running` where that takes long.

        Raises:
            PreconditionFailedError: The plan expired.
            ConflictError: Another process applies it.
        """
        task = self._running.get(plan.id)
        if task is None:
            task = asyncio.create_task(self._door.planner.apply(plan, options))
            self._running[plan.id] = task
            task.add_done_callback(lambda _: self._running.pop(plan.id, None))
        done, _ = await asyncio.wait({task}, timeout=self._patience)
        if done:
            task.result()
        return self.state(plan)

    def state(self, plan: Plan) -> PlanState:
        """Return what became of a plan."""
        state = self._door.planner.state(plan)
        if plan.id in self._running and not self._running[plan.id].done():
            return msgspec.structs.replace(state, state="running", next=f"ask again: GET /v1/plans/{plan.id}")
        return state

    async def close(self) -> None:
        """Let what runs come to its end for a while, then cancel it; how far it got is recorded."""
        if self._running:
            tasks = set(self._running.values())
            _, late = await asyncio.wait(tasks, timeout=STOP_SECONDS)
            for task in late:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


class _KeyRecord(msgspec.Struct):
    """What was asked for under a key, and the plan that does it."""

    request: str
    plan: str


class IdempotencyKeys:
    """Plans by the `Idempotency-Key` of the request that made them, so that a repeated request does nothing twice."""

    def __init__(self, folder: Path, door: Door) -> None:
        self._folder = folder
        self._door = door

    async def plan(self, key: str | None, call: Call, options: CallOptions) -> Plan:
        """Return the plan of a call: a new one, or the one that an earlier request with this key made.

        Raises:
            ConflictError: The earlier request asked for something else.
            InvalidConfigError: The key is empty or too long.
        """
        if key is None:
            return await self._door.planner.plan([call], options)
        if not (0 < len(key) <= _LONGEST_KEY):
            raise InvalidConfigError(
                "Idempotency-Key: its length", found=f"{len(key)} characters", expected=f"1 to {_LONGEST_KEY}"
            )
        request = digest([call.name, call.params])
        path = self._folder / f"{hashlib.sha256(key.encode()).hexdigest()}.json"
        found = read_private(path)
        if found is None:
            made = await self._door.planner.plan([call], options)
            if create_private(path, encode(_KeyRecord(request, made.id))):
                return made
            found = read_private(path)  # another request with this key was quicker
        record = decode(found or b"", _KeyRecord)
        if record.request != request:
            raise ConflictError(
                "this Idempotency-Key was used for another request",
                found=f"{call.name} with other parameters, or another operation",
                expected="the same request again",
                suggestions=["use a new key for a new request"],
            )
        return self._door.planner.load(record.plan)
