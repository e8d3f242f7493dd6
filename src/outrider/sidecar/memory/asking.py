"""A route of the gateway, asked by a memory: what that costs is in the ledger and in the budget like any other call."""

from typing import Any

from outrider.core.codec import decode_plain, encode
from outrider.core.errors import ExecutionFailedError, InvalidConfigError
from outrider.core.http.headers import Headers
from outrider.core.http.limits import Limits
from outrider.core.secrets import SecretValue
from outrider.ports.http.client import Client


class AskedRoute:
    """Asks one route.

    Args:
        address: Of the gateway, as that of a client.
        alias: Name of the route.
        key: That the gateway wants, if it wants one.
        limits: Bounds of an answer.
        timeout: Seconds.
        fails: What it does where it fails, such as `embeds nothing`.
        remedy: What helps then.
        connections: So many requests at a time.
    """

    def __init__(
        self, address: str, alias: str, key: SecretValue | None, *, limits: Limits, timeout: float, fails: str, remedy: str,
        connections: int = 8,
    ) -> None:  # fmt: skip
        self._alias, self._key = alias, key
        self._fails, self._remedy = fails, remedy
        self._client = Client(address, limits=limits, timeout=timeout, max_connections=connections)

    async def ask(self, path: str, **body: Any) -> bytes:
        """Return the answer to a call of the route.

        Raises:
            ExecutionFailedError: The gateway refuses.
            OutriderError: It does not answer.
        """
        headers = [("content-type", "application/json")]
        if self._key is not None:
            headers.append(("authorization", f"Bearer {self._key.reveal()}"))
        content = encode({"model": self._alias, **body})
        response = await self._client.request("POST", path, headers=Headers(headers), body=content)
        if response.status != 200:
            raise self.failed(_reason(response.content), found=f"status {response.status}")
        return response.content

    def failed(self, why: str, *, found: str, expected: str = "") -> ExecutionFailedError:
        """Return what is raised where no answer comes that can be used."""
        return ExecutionFailedError(
            f"route '{self._alias}' {self._fails}: {why}", found=found, expected=expected, suggestions=[self._remedy]
        )

    async def close(self) -> None:
        """Drop the connections."""
        await self._client.close()


def _reason(content: bytes) -> str:
    try:
        document = decode_plain(content)
    except InvalidConfigError:
        document = None
    error = document.get("error") if isinstance(document, dict) else None
    message = error.get("message") if isinstance(error, dict) else None
    return message if isinstance(message, str) else "it does not say why"
