"""Ours: a controller with 16 workers, each of whose reconciles reads the object from the cache and finds nothing to do."""

import asyncio

from benchmarks.kube_watch.clients.engine import AGENTS, Arguments, arguments, begin
from benchmarks.kube_watch.meter import Meter
from outrider.ports.kube.controller import Controller, Work
from outrider.ports.kube.manager import Manager

WORKERS = 16


async def reconcile_all(given: Arguments) -> None:
    """Fill the cache and look at each object once."""
    client = begin(given)
    manager = Manager(client)
    informer = manager.informer(AGENTS)
    seen: set[str] = set()
    done = asyncio.Event()

    async def reconcile(work: Work) -> None:
        agent = informer.cache.get(work.key)
        assert agent is not None
        seen.add(agent.metadata.uid)
        if len(seen) == given.objects:
            done.set()

    controller = manager.add(Controller("agents", reconcile, workers=WORKERS))
    controller.follow(informer)
    meter = Meter()
    running = asyncio.create_task(manager.run())
    await done.wait()
    meter.tell()
    running.cancel()
    await client.close()


if __name__ == "__main__":
    asyncio.run(reconcile_all(arguments()))
