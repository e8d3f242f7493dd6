"""Controllers of one process: they share caches, one of several processes leads, and all of it can be asked how it is."""

import asyncio
from collections.abc import Mapping
from functools import partial

from outrider.ports.kube.cache import IndexFunction
from outrider.ports.kube.client import KubeClient
from outrider.ports.kube.controller import Controller, all_synced
from outrider.ports.kube.informer import Informer
from outrider.ports.kube.lease import Election
from outrider.ports.kube.metrics import ControllerMetrics
from outrider.ports.kube.reflector import Pace, Selection
from outrider.ports.kube.resources import Resource
from outrider.ports.kube.tasks import ended, raise_first


class Manager:
    """Runs controllers. Caches are filled and followed from the start, also while another process leads.

    Args:
        client: Who is asked.
        election: Who of several processes acts; None where there is only one.
        pace: How reflectors wait.
        metrics: Where it is counted.
    """

    def __init__(
        self,
        client: KubeClient,
        *,
        election: Election | None = None,
        pace: Pace | None = None,
        metrics: ControllerMetrics | None = None,
    ) -> None:
        self._client, self._election, self._pace, self._metrics = client, election, pace, metrics
        if election is not None:
            # Also what a reconcile writes that was at work when the process was frozen.
            client.transport.fence = partial(getattr, election, "leads")
        self._informers: dict[tuple[Resource, Selection], Informer] = {}
        self._controllers: list[Controller] = []
        # While it runs: what runs, and what is told of more of it.
        self._tasks: list[asyncio.Task[None]] = []
        self._more: asyncio.Future[None] | None = None

    def informer(
        self,
        resource: Resource,
        *,
        selection: Selection | None = None,
        indexes: Mapping[str, IndexFunction] | None = None,
    ) -> Informer:
        """Return the cache of a kind, the same one for all who ask for the same objects; the first one says its indexes.

        It begins to be filled when the manager runs, or at once where it runs already.
        """
        key = (resource, selection or Selection())
        if key not in self._informers:
            self._informers[key] = Informer(
                self._client, resource, selection=selection, indexes=indexes, pace=self._pace
            )
            if self._more is not None:
                self._tasks.append(asyncio.create_task(self._informers[key].run()))
                if not self._more.done():
                    self._more.set_result(None)
        return self._informers[key]

    def add(self, controller: Controller) -> Controller:
        """Have a controller run, and return it."""
        self._controllers.append(controller)
        if self._election is not None:
            controller.may_act = partial(getattr, self._election, "leads")
        return controller

    @property
    def leads(self) -> bool:
        """Whether this process acts."""
        return self._election is None or self._election.leads

    def problems(self) -> list[str]:
        """Return why this process is not ready: caches that are not filled, or fall behind."""
        found = []
        for informer in self._informers.values():
            reflector = informer.reflector
            if not reflector.synced.is_set():
                found.append(
                    f"the cache of {informer.resource.title} is not filled yet"
                    + (f": {reflector.problem.message}" if reflector.problem else "")
                )
            elif reflector.problem is not None:
                found.append(f"the cache of {informer.resource.title} may be behind: {reflector.problem.message}")
        return found

    def measure(self) -> None:
        """Bring the metrics up to date, as before they are read."""
        if self._metrics is None:
            return
        for controller in self._controllers:
            queue = controller.queue
            longest = queue.longest_work(now=controller.now())
            self._metrics.queue(controller.name, waiting=len(queue), working=queue.working, longest=longest)
        for informer in self._informers.values():
            reflector = informer.reflector
            self._metrics.cache(
                informer.resource.title,
                objects=len(informer.cache),
                relists=reflector.relists,
                restarts=reflector.restarts.items(),
            )
        if self._election is not None:
            self._metrics.leader(self._election.name, leads=self._election.leads)

    @property
    def synced(self) -> bool:
        """Whether all caches have been filled."""
        return all_synced(self._controllers)

    async def run(self) -> None:
        """Run until this is cancelled."""
        self._tasks = [asyncio.create_task(informer.run()) for informer in self._informers.values()]
        self._tasks.append(asyncio.create_task(self._act()))
        try:
            while not any(task.done() for task in self._tasks):
                self._more = asyncio.get_running_loop().create_future()
                await asyncio.wait({*self._tasks, self._more}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._more = None
            await ended(self._tasks)
        raise_first(self._tasks)

    async def _act(self) -> None:
        if self._election is None:
            await self._lead("")
        else:
            await self._election.run(self._lead)

    async def _lead(self, epoch: str) -> None:
        if not self._controllers:
            await asyncio.Event().wait()
        tasks = [asyncio.create_task(controller.run(epoch)) for controller in self._controllers]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await ended(tasks)
        raise_first(tasks)
