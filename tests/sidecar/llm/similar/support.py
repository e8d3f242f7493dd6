"""Models of embeddings and calls for which texts are similar by the number at their end: it is the angle of their vectors."""

import asyncio
import json
import math
from typing import Any

from tests.sidecar.llm.support import Answer, Gateway
from tests.sidecar.proxy.support import Reader

CACHE: dict[str, Any] = {"ttl": 60.0, "similar": {"embedding": "embed", "similarity": 0.95}}
# Their cosine is 0.985: near. Those that are 20 degrees apart are not, with 0.940.
NEAR, FAR = 10, 20


class Embeddings:
    """A model of embeddings, as a script of a provider.

    Attributes:
        texts: What it was asked.
        failing: An answer in place of its own, as it stands on the wire.
        vector: What it makes of every text; None to go by the number at its end.
        wait: Cleared to keep it from answering.
    """

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.failing = b""
        self.vector: list[float] | None = None
        self.wait = asyncio.Event()
        self.wait.set()

    async def __call__(self, reader: Reader, writer: asyncio.StreamWriter) -> None:
        while await reader.readuntil(b"\n\n\n"):
            (text,) = json.loads(reader.body)["input"]  # type: ignore[attr-defined]  # as support.py reads requests
            self.texts.append(text)
            await self.wait.wait()
            writer.write(self.failing or self._answer(text))
            await writer.drain()

    def _answer(self, text: str) -> bytes:
        vector = self.vector
        if vector is None:
            angle = math.radians(float(text.rsplit(maxsplit=1)[-1]))
            vector = [3 * math.cos(angle), 3 * math.sin(angle)]
        usage = {"prompt_tokens": 5, "total_tokens": 5}
        body = json.dumps({"data": [{"index": 0, "embedding": vector}], "usage": usage}).encode()
        return b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body)


def user(content: Any) -> dict[str, Any]:
    """Return a call whose last message this is."""
    system = {"role": "system", "content": "You help."}
    return {"model": "default", "messages": [system, {"role": "user", "content": content}]}


async def how(found: Gateway, text: str, **more: Any) -> str:
    """Ask, and return what the cache says of it; empty where the model was asked."""
    answer: Answer = await found.ask(**(user(text) | more))
    assert answer.status == 200
    return answer.fields.get("x-outrider-cache", "")
