"""Vectors of texts, from the gateway."""

import msgspec

from outrider.core.codec import decode
from outrider.core.errors import ExecutionFailedError, InvalidConfigError
from outrider.core.http.limits import Limits
from outrider.core.secrets import SecretValue
from outrider.sidecar.memory.asking import AskedRoute

TIMEOUT = 60.0
# A number of a vector takes some twenty letters.
LONGEST_ANSWER = 64 * 1024 * 1024


class _Row(msgspec.Struct):
    embedding: list[float]
    index: int | None = None


class _Answer(msgspec.Struct):
    data: list[_Row]


class Embedder:
    """Asks one route.

    Args:
        address: Of the gateway, as that of a client.
        alias: Name of the route.
        key: That the gateway wants, if it wants one.
        connections: So many requests at a time.
    """

    def __init__(self, address: str, alias: str, key: SecretValue | None, *, connections: int = 8) -> None:
        self._route = AskedRoute(
            address, alias, key, limits=Limits(body=LONGEST_ANSWER), timeout=TIMEOUT, connections=connections,
            fails="embeds nothing", remedy="name a route of OpenAI's dialect whose model makes embeddings",
        )  # fmt: skip

    async def embed(self, texts: list[str]) -> list[list[float]]:
        """Return the vectors of texts.

        Raises:
            ExecutionFailedError: The gateway refuses, or no provider answers as one of embeddings does.
        """
        content = await self._route.ask("/v1/embeddings", input=texts, encoding_format="float")
        return self._vectors(content, len(texts))

    async def close(self) -> None:
        """Drop the connections."""
        await self._route.close()

    def _vectors(self, content: bytes, count: int) -> list[list[float]]:
        try:
            rows = decode(content, _Answer).data
        except InvalidConfigError as error:
            raise self._otherwise(error.message, count) from error
        places = [number if row.index is None else row.index for number, row in enumerate(rows)]
        if sorted(places) != list(range(count)):
            raise self._otherwise(f"{len(rows)} vectors, numbered {places[:5]}", count)
        return [row.embedding for _, row in sorted(zip(places, rows, strict=True), key=lambda placed: placed[0])]

    def _otherwise(self, found: str, count: int) -> ExecutionFailedError:
        return self._route.failed(
            "its model answers otherwise", found=found, expected=f"{count} vectors, each with its number"
        )
