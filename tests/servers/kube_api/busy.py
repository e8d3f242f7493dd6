"""A scripted API server as a process of its own, whose objects change all the time: `python -m tests.servers.kube_api.busy`.

It prints its address, then waits for a line, then changes so many objects a second for so many seconds, and prints what came of it.
"""

import argparse
import asyncio
import json
import random
import sys

from tests.servers.kube_api.server import FakeApi

# So many changes are told in one go.
_STEP = 20


async def _serve(objects: int, rate: int, seconds: float) -> None:
    async with FakeApi(history=100_000) as fake:
        for number in range(objects):
            fake.put("widgets", _widget(number, 0))
        print(json.dumps({"url": fake.url}), flush=True)
        loop, chance = asyncio.get_running_loop(), random.Random(7)
        await loop.run_in_executor(None, sys.stdin.readline)
        began, changes = loop.time(), 0
        while changes < rate * seconds:
            for _ in range(_STEP):
                changes += 1
                fake.put("widgets", _widget(chance.randrange(objects), changes))
            await asyncio.sleep(max(0.0, began + changes / rate - loop.time()))
        versions = {one["metadata"]["name"]: one["metadata"]["resourceVersion"] for one in fake.objects("widgets")}
        print(json.dumps({"seconds": loop.time() - began, "changes": changes, "versions": versions}), flush=True)
        await loop.run_in_executor(None, sys.stdin.readline)


def _widget(number: int, size: int) -> dict[str, object]:
    return {
        "metadata": {"name": f"w{number}", "namespace": "shop", "labels": {"app": "shop"}},
        "spec": {"size": size, "color": "red"},
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    for name, usual in (("objects", 10_000), ("rate", 2_000), ("seconds", 15)):
        parser.add_argument(f"--{name}", type=int, default=usual)
    given = parser.parse_args()
    asyncio.run(_serve(given.objects, given.rate, given.seconds))
