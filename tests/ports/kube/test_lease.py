"""One of several processes leads: on a scripted server and on a real one."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from outrider.core.machines.election import Terms
from outrider.ports.clock import SystemClock
from outrider.ports.kube.client import KubeClient
from outrider.ports.kube.lease import Election
from outrider.ports.kube.resources import LEASES
from tests.ports.kube.conftest import Server, until
from tests.servers.kube_api.faults import Hang, Match

# It waits for leaderships to end: not for the fast part.
pytestmark = [pytest.mark.real, pytest.mark.timeout(120)]
TERMS = Terms(duration=2.0, deadline=1.2, retry=0.2)


class Candidate:
    """A process that wants to lead, and when it acted."""

    def __init__(self, server: Server, name: str, clock: SystemClock | None = None) -> None:
        self.client = KubeClient(server.target, component=name)
        self.election = Election(self.client, "test", server.namespace, name, terms=TERMS, clock=clock)
        self.epochs: list[str] = []
        self.acts = False
        self._task: asyncio.Task[None] | None = None

    async def lead(self, epoch: str) -> None:
        self.epochs.append(epoch)
        self.acts = True
        try:
            await asyncio.Event().wait()
        finally:
            self.acts = False

    def start(self) -> None:
        self._task = asyncio.create_task(self.election.run(self.lead))

    async def stop(self) -> None:
        assert self._task is not None
        self._task.cancel()
        await asyncio.wait((self._task,))


@contextlib.asynccontextmanager
async def candidates(server: Server, *names: str) -> AsyncIterator[list[Candidate]]:
    all_of_them = [Candidate(server, name) for name in names]
    for one in all_of_them:
        one.start()
    try:
        yield all_of_them
    finally:
        for one in all_of_them:
            await one.stop()
            await one.client.close()


async def test_one_leads_and_a_clean_stop_hands_over_at_once(server: Server) -> None:
    async with candidates(server, "a", "b") as both:
        await until(lambda: any(one.acts for one in both))
        await asyncio.sleep(0.5)
        assert sum(one.acts for one in both) == 1
        first, second = sorted(both, key=lambda one: not one.acts)
        await first.stop()
        async with asyncio.timeout(1.0):
            await until(lambda: second.acts)
        assert not first.acts
        assert second.epochs == [f"1/{second.client.manager.removeprefix('outrider-')}"]
        spec = (await second.client.get(LEASES, "test", server.namespace))["spec"]
        assert (spec["holderIdentity"], spec["leaseTransitions"]) == (
            second.client.manager.removeprefix("outrider-"),
            1,
        )
        first.start()


async def test_a_leader_that_is_cut_off_acts_no_more_before_another_one_does(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with candidates(server, "a", "b") as both:
        await until(lambda: any(one.acts for one in both))
        first, second = sorted(both, key=lambda one: not one.acts)
        # Its requests are lost, as those of a process that the network has cut off.
        monkeypatch.setattr(first.client.transport, "send", _lost)
        together = False
        async with asyncio.timeout(TERMS.duration + 2 * TERMS.retry + 1.0):
            while not second.acts:
                together = together or (first.acts and second.acts)
                await asyncio.sleep(0.01)
        assert not together
        assert not first.acts
        monkeypatch.undo()


async def _lost(*_: object) -> None:
    await asyncio.sleep(30)


async def test_a_wall_clock_that_is_an_hour_off_changes_nothing(server: Server) -> None:
    class Ahead(SystemClock):
        def now(self) -> float:
            return super().now() + 3600

    async with candidates(server, "a") as (first,):
        await until(lambda: first.acts)
        other = Candidate(server, "ahead", Ahead())
        other.start()
        await asyncio.sleep(1.5)
        assert first.acts
        assert not other.acts
        await other.stop()
        await other.client.close()


async def test_answers_that_do_not_come_end_the_leadership_in_time(server: Server) -> None:
    if server.fake is None:
        return
    async with candidates(server, "a") as (first,):
        await until(lambda: first.acts)
        server.fake.script(Match(method="PUT", path="/leases/"), Hang(), times=1)
        await asyncio.sleep(TERMS.deadline + 2 * TERMS.retry)
        assert (first.acts, len(first.epochs)) == (True, 1), "one answer that is lost costs nothing"
        lost = server.fake.script(Match(path="/leases/"), Hang())
        await until(lambda: not first.acts, TERMS.deadline + 2.0)
        lost.end()
        await until(lambda: first.acts)
