"""Vectors of texts, from the gateway: what they cost is in the ledger and in the budget like any other call."""

from typing import Any

from outrider.core.codec import decode_plain, encode
from outrider.core.errors import ExecutionFailedError, InvalidConfigError
from outrider.core.http.headers import Headers
from outrider.core.http.limits import Limits
from outrider.core.secrets import SecretValue
from outrider.ports.http.client import Client

TIMEOUT = 60.0
# A number of a vector takes some twenty letters.
LONGEST_ANSWER = 64 * 1024 * 1024


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
        content = response.body if isinstance(response.body, bytes) else b""  # this client reads an answer whole
        try:
            document = decode_plain(content)
        except InvalidConfigError:
            document = None
        if response.status != 200:
            raise ExecutionFailedError(
                f"route '{self._alias}' embeds nothing: {_reason(document)}", found=f"status {response.status}",
                suggestions=["name a route of OpenAI's dialect whose model makes embeddings"],
            )  # fmt: skip
        return self._vectors(document, len(texts))

    async def close(self) -> None:
        """Drop the connections."""
        await self._client.close()

    def _vectors(self, document: Any, count: int) -> list[list[float]]:
        found: dict[int, list[float]] = {}
        rows = document.get("data") if isinstance(document, dict) else None
        for number, row in enumerate(rows if isinstance(rows, list) else []):
            vector = row.get("embedding") if isinstance(row, dict) else None
            if isinstance(vector, list) and all(isinstance(value, int | float) for value in vector):
                found[row.get("index", number)] = [float(value) for value in vector]
        if found.keys() != set(range(count)):
            raise ExecutionFailedError(
                f"route '{self._alias}' embeds nothing: its model answers otherwise", found=f"{len(found)} vectors",
                expected=f"{count} vectors",
            )  # fmt: skip
        return [found[number] for number in range(count)]


def _reason(document: Any) -> str:
    error = document.get("error") if isinstance(document, dict) else None
    message = error.get("message") if isinstance(error, dict) else None
    return message if isinstance(message, str) else "it does not say why"
