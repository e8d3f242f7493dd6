"""Vectors of texts, from the gateway: what they cost is in the ledger and in the budget like any other call."""

import msgspec

from outrider.core.codec import decode, decode_plain, encode
from outrider.core.errors import ExecutionFailedError, InvalidConfigError
from outrider.core.http.headers import Headers
from outrider.core.http.limits import Limits
from outrider.core.secrets import SecretValue
from outrider.ports.http.client import Client

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
    """

    def __init__(self, address: str, alias: str, key: SecretValue | None) -> None:
        self._alias = alias
        self._key = key
        self._client = Client(address, limits=Limits(body=LONGEST_ANSWER), timeout=TIMEOUT)

    async def embed(self, texts: list[str]) -> list[list[float]]:
        """Return the vectors of texts.

        Raises:
            ExecutionFailedError: The gateway refuses, or no provider answers as one of embeddings does.
        """
        headers = [("content-type", "application/json")]
        if self._key is not None:
            headers.append(("authorization", f"Bearer {self._key.reveal()}"))
        body = encode({"model": self._alias, "input": texts, "encoding_format": "float"})
        response = await self._client.request("POST", "/v1/embeddings", headers=Headers(headers), body=body)
        content = response.content
        if response.status != 200:
            raise ExecutionFailedError(
                f"route '{self._alias}' embeds nothing: {_reason(content)}", found=f"status {response.status}",
                suggestions=["name a route of OpenAI's dialect whose model makes embeddings"],
            )  # fmt: skip
        return self._vectors(content, len(texts))

    async def close(self) -> None:
        """Drop the connections."""
        await self._client.close()

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
        return ExecutionFailedError(
            f"route '{self._alias}' embeds nothing: its model answers otherwise", found=found,
            expected=f"{count} vectors, each with its number",
            suggestions=["name a route of OpenAI's dialect whose model makes embeddings"],
        )  # fmt: skip


def _reason(content: bytes) -> str:
    try:
        document = decode_plain(content)
    except InvalidConfigError:
        document = None
    error = document.get("error") if isinstance(document, dict) else None
    message = error.get("message") if isinstance(error, dict) else None
    return message if isinstance(message, str) else "it does not say why"
