"""A guarded command that writes a record when its guardian dies."""

import asyncio
import os
import sys
from pathlib import Path

from outrider.ports.process import LIFELINE_VARIABLE, watch_lifeline


async def watch() -> None:
    ended = asyncio.Event()
    watch_lifeline(asyncio.get_running_loop(), int(os.environ.pop(LIFELINE_VARIABLE)), ended.set)
    os.write(1, b"%d\n" % os.getpid())
    await ended.wait()


if __name__ == "__main__":
    asyncio.run(watch())
    Path(sys.argv[1]).write_text("the guardian is gone")
