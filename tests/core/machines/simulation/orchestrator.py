"""The orchestrator of the simulation: the real lease machine over a store that survives crashes."""

from collections.abc import Callable

import msgspec

from outrider.core.events import Instruction, LeaseAnswer, Result, ResultAnswer
from outrider.core.machines import lease as machine
from outrider.core.machines.lease import Lease
from tests.core.machines.simulation.ledger import Ledger
from tests.core.machines.simulation.world import Process, World

LEASE_SECONDS = 30.0
SWEEP_SECONDS = 1.0


class Orchestrator(Process):
    """Hands out instructions, renews claims, takes results, and takes back what was not renewed.

    Its lease time is read from the wall once, when it boots, and goes on evenly from there: claims that were alive get
    their full time again at a boot, and a wall clock that jumps meanwhile moves no claim. With `follows_wall` it reads the
    wall for every decision.
    """

    def __init__(self, world: World, ledger: Ledger, leases: dict[str, Lease], *, follows_wall: bool) -> None:
        super().__init__(world, "orchestrator")
        self._ledger = ledger
        self._leases = leases
        self._follows_wall = follows_wall
        self._wall_offset = 1_000_000.0
        self._offset = self._wall_offset

    def now(self) -> float:
        return self.world.time + (self._wall_offset if self._follows_wall else self._offset)

    def jump(self, seconds: float) -> None:
        """Set the wall clock."""
        self._wall_offset += seconds

    def boot(self) -> None:
        super().boot()
        self._offset = self._wall_offset
        for name, lease in self._leases.items():
            if lease.state in ("delivered", "executing"):
                self._store(name, msgspec.structs.replace(lease, expires=self.now() + LEASE_SECONDS))
        self._sweep()

    def _sweep(self) -> None:
        for name in self._leases:
            self._change(name, lambda lease: machine.expire(lease, now=self.now()))
        self.after(SWEEP_SECONDS, self._sweep)

    def _change(self, name: str, transition: Callable[[Lease], Lease]) -> Lease:
        lease = transition(self._leases[name])
        self._store(name, lease)
        return lease

    def _store(self, name: str, lease: Lease) -> None:
        self._ledger.changed(name, self._leases[name], lease)
        self._leases[name] = lease

    @property
    def settled(self) -> bool:
        return all(lease.state.final for lease in self._leases.values())

    def poll(self, agent: str) -> Instruction | None:
        """Hand out the first instruction that is free."""
        for name, lease in self._leases.items():
            if lease.state == "pending" and lease.not_before <= self.now():
                claimed = machine.claim(lease, agent, now=self.now(), duration=LEASE_SECONDS)
                self._store(name, claimed)
                return Instruction(
                    id=name,
                    instruction_type="execute",
                    plugin_id="p",
                    attempt=claimed.attempt,
                    lease_epoch=claimed.epoch,
                    on_lost=claimed.on_lost,
                )
        return None

    def renew(self, agent: str, name: str, epoch: int) -> LeaseAnswer:
        lease = self._change(
            name, lambda lease: machine.renew(lease, agent, epoch, now=self.now(), duration=LEASE_SECONDS)
        )
        return LeaseAnswer(epoch, LEASE_SECONDS, lease.cancel_requested)

    def finish(self, agent: str, name: str, result: Result) -> ResultAnswer:
        if machine.is_repeat(self._leases[name], result):
            return ResultAnswer(acknowledged=True, duplicate=True)
        self._change(
            name, lambda lease: machine.finish(lease, agent, result.lease_epoch, result.status, now=self.now())
        )
        self._ledger.recorded(name, result.attempt, result.status)
        return ResultAnswer(acknowledged=True)

    def cancel(self, name: str) -> None:
        self._ledger.cancel_requested(name, self._leases[name])
        self._change(name, machine.request_cancel)
