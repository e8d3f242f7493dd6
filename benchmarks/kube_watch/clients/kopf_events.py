"""kopf: an operator with one handler, which keeps every object."""

import asyncio
import os
import sys
from typing import Any

import kopf  # type: ignore[import-not-found]  # in an environment of its own

from benchmarks.kube_watch import samples
from benchmarks.kube_watch.meter import Meter

url, count, *authority = sys.argv[1:]
stored: dict[str, Any] = {}
registry = kopf.OperatorRegistry()


async def log_in(**_: Any) -> Any:
    """Return where the server is."""
    return kopf.ConnectionInfo(server=url, ca_path=authority[0] if authority else None)


async def keep(uid: str, body: Any, **_: Any) -> None:
    """Keep an object, and end this process with the last one."""
    stored[uid] = body
    if len(stored) == int(count):
        meter.tell()
        os._exit(0)  # thousands of its tasks are left, and ending them is not what is measured


kopf.on.login(registry=registry)(log_in)
kopf.on.event(samples.GROUP, samples.VERSION, samples.PLURAL, registry=registry)(keep)
meter = Meter()
asyncio.run(kopf.operator(registry=registry, standalone=True, clusterwide=True))
