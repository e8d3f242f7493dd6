"""A client of several servers that answer alike: it stays with one until that cannot be reached."""

import ssl
from collections.abc import Mapping, Sequence

from outrider.core.errors import ConnectionFailedError, InvalidConfigError
from outrider.core.http.headers import Headers
from outrider.core.http.messages import Response
from outrider.ports.http.client import Client


class FailoverClient(Client):
    """Sends requests to one of several servers.

    A request that surely did not reach its server is sent to the next one; after any other failure of the connection the next
    request goes there.

    Args:
        base_urls: Their addresses; the first is tried first.
        tls: As that of Client.
        max_connections: To each of them; more requests at a time wait for a connection.
    """

    def __init__(
        self, base_urls: Sequence[str], *, tls: ssl.SSLContext | None = None, max_connections: int = 8
    ) -> None:  # fmt: skip
        if not base_urls:
            raise InvalidConfigError("no address of a server", expected="at least one")
        super().__init__(base_urls[0], tls=tls)
        self._servers = [Client(url, tls=tls, max_connections=max_connections) for url in base_urls]
        self._current = 0

    async def request(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | Headers | None = None,
        body: bytes = b"",
        timeout: float | None = None,
        repeat: bool | None = None,
    ) -> Response:
        """Send a request; arguments, result and errors are those of Client."""
        left = len(self._servers)
        while True:
            number, left = self._current, left - 1
            try:
                server = self._servers[number]
                return await server.request(method, path, headers=headers, body=body, timeout=timeout, repeat=repeat)
            except ConnectionFailedError as error:
                if number == self._current:  # nobody else has moved on meanwhile
                    self._current = (number + 1) % len(self._servers)
                if error.sent or left == 0:
                    raise

    async def close(self) -> None:
        """Drop all connections."""
        for server in self._servers:
            await server.close()
        await super().close()
