"""Ours: an informer that fills its cache."""

import asyncio

from benchmarks.kube_watch.clients.engine import AGENTS, Arguments, arguments, begin
from benchmarks.kube_watch.meter import Meter
from outrider.ports.kube.cache import Change
from outrider.ports.kube.informer import Informer


async def fill(given: Arguments) -> None:
    """Follow until the cache has all."""
    client = begin(given)
    informer = Informer(client, AGENTS)
    full = asyncio.Event()

    def changed(_: Change, __: bool) -> None:
        if len(informer.cache) == given.objects:
            full.set()

    informer.on_change(changed)
    meter = Meter()
    following = asyncio.create_task(informer.run())
    await full.wait()
    meter.tell()
    following.cancel()
    await client.close()


if __name__ == "__main__":
    asyncio.run(fill(arguments()))
