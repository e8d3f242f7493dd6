"""Ours: somebody changes an object while the keys of all that was there at the start wait for 16 workers.

It is the last one in the order of arrival. Prints the milliseconds from when the server sends the change until a reconcile has it, and
those until the last key of the start is taken: so long would the change wait in a queue that knows no priority.
"""

import asyncio
import json
import sys
import time

from benchmarks.kube_watch import samples
from benchmarks.kube_watch.clients.engine import AGENTS, Arguments, arguments, begin
from benchmarks.kube_watch.clients.reconcile import WORKERS
from outrider.ports.kube.cache import ObjectCache
from outrider.ports.kube.controller import Controller, Work
from outrider.ports.kube.manager import Manager

WORK_SECONDS = 0.001


class Reconciler:
    """Does a little for each object.

    Args:
        cache: What is reconciled.
        objects: How many there are.

    Attributes:
        under_way: Set when a twentieth of them is done.
        done: Set when all are.
        change: When the server sent the change, and when its reconcile began.
        last: When the last one began.
    """

    def __init__(self, cache: ObjectCache, objects: int) -> None:
        self.under_way, self.done = asyncio.Event(), asyncio.Event()
        self.change: tuple[float, float] | None = None
        self.last = 0.0
        self._cache, self._objects = cache, objects
        self._seen: set[str] = set()

    async def reconcile(self, work: Work) -> None:
        """Look at an object."""
        now = time.monotonic()
        agent = self._cache.get(work.key)
        assert agent is not None
        sent = agent.metadata.annotations.get("sent")
        if sent is not None and self.change is None:
            self.change = float(sent), now
        self._seen.add(work.key)
        await asyncio.sleep(WORK_SECONDS)
        if len(self._seen) == self._objects // 20:
            self.under_way.set()
        if len(self._seen) == self._objects and not self.done.is_set():
            self.last = now
            self.done.set()


async def change_one(given: Arguments) -> None:
    """Fill the cache, have an object changed while the others wait, and tell when it was looked at."""
    client = begin(given)
    manager = Manager(client)
    informer = manager.informer(AGENTS)
    reconciler = Reconciler(informer.cache, given.objects)
    manager.add(Controller("agents", reconciler.reconcile, workers=WORKERS)).follow(informer)
    running = asyncio.create_task(manager.run())
    await reconciler.under_way.wait()
    item = json.loads(samples.object_in(samples.line(given.objects - 1)))["metadata"]
    await client.patch(AGENTS, item["name"], item["namespace"], {})
    await reconciler.done.wait()
    assert reconciler.change is not None
    sent, began = reconciler.change
    sys.stdout.write(json.dumps({"live": (began - sent) * 1000, "in_order": (reconciler.last - sent) * 1000}) + "\n")
    running.cancel()
    await client.close()


if __name__ == "__main__":
    asyncio.run(change_one(arguments()))
