"""A process that starts a guarded family, prints the pids of the guardian and of the family, and waits to be killed."""

import asyncio
import os
import sys

from outrider.ports.process import spawn_guarded


async def main(family: str) -> None:
    group = await spawn_guarded([sys.executable, family, "--orphan", "--ignore-term"])
    assert group.stdout is not None
    os.write(1, b"%d %s" % (group.pid, await group.stdout.readline()))
    await group.wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
