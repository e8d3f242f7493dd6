"""A gateway that answers as a test wants it."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

Asked = dict[str, Any]
# What is asked, and the status and body of the answer.
Answer = Callable[[Asked], Awaitable[tuple[int, bytes]]]


@asynccontextmanager
async def answering(answer: Answer) -> AsyncIterator[str]:
    """Listen as long as the context lasts, and yield the address."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = re.search(rb"(?i)content-length: (\d+)", head)
                assert length is not None
                status, body = await answer(json.loads(await reader.readexactly(int(length[1]))))
                writer.write(b"HTTP/1.1 %d X\r\ncontent-length: %d\r\n\r\n%s" % (status, len(body), body))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, limit=1 << 20)
    yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    server.close()
    await server.wait_closed()


def chat(text: str | None, reason: str | None = "stop") -> bytes:
    """Return the answer of a model of chats."""
    message = {"role": "assistant", "content": text}
    return json.dumps({"choices": [{"index": 0, "message": message, "finish_reason": reason}]}).encode()


def refused(why: str) -> bytes:
    """Return the answer of a gateway that refuses."""
    return json.dumps({"error": {"message": why}}).encode()
