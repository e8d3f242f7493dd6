"""Appends messages one after the other to the conversations of a folder, and prints the number of each once it is stored."""

import asyncio
import sys
from pathlib import Path

from outrider.ports.clock import SystemClock
from outrider.sidecar.memory.model import Message
from outrider.sidecar.memory.sqlite import open_conversations
from tests.sidecar.memory.backends import SCOPE


async def main() -> None:
    store = await open_conversations(Path(sys.argv[1]), clock=SystemClock())
    number = 0
    while True:
        await store.append(
            SCOPE, "s", [Message(role="user", content=number), Message(role="assistant", content=number)]
        )
        print(number, flush=True)
        number += 1


asyncio.run(main())
