"""The way to an MCP server over HTTP (streamable HTTP, of any revision)."""

from typing import Any

from outrider.core.errors import (
    ExecutionFailedError,
    UnauthenticatedError,
    UnavailableError,
)
from outrider.core.http.headers import Headers
from outrider.core.http.limits import Limits
from outrider.core.http.messages import Response
from outrider.core.mcp.asking import ACCEPTED, Asked, Fault
from outrider.core.tool_settings import HttpServerSettings
from outrider.ports.clock import Clock
from outrider.ports.secrets import Resolver
from outrider.sidecar.tools.servers.addresses import read_address
from outrider.sidecar.tools.servers.credentials import Credentials
from outrider.sidecar.tools.servers.events import EventClient
from outrider.sidecar.tools.servers.oauth.endpoint import SYSTEM_CLOCK, open_tokens
from outrider.sidecar.tools.servers.wire import LIST_SECONDS, LONGEST_LIST, MIB, SESSION, Answer, answer_of, room_for

_JSON = Headers([("content-type", "application/json"), ("accept", ACCEPTED)])


class HttpWire:
    """Asks one server.

    Args:
        settings: Where it is, and what it wants to see.
        secrets: Opens what is secret of that.
        longest: Bytes of a result of a call; its wrapping comes on top.
        clock: Time.

    Raises:
        InvalidConfigError: The address cannot be used.
    """

    patience: float | None = None

    def __init__(
        self, settings: HttpServerSettings, secrets: Resolver, longest: int = MIB, clock: Clock = SYSTEM_CLOCK
    ) -> None:
        address = read_address(settings.name, settings.url, settings.ca, settings.mutual_tls)
        self._name, self._target = settings.name, address.target
        tokens = open_tokens(settings, secrets, clock)
        self._credentials = Credentials(settings.name, settings.headers, settings.token, secrets, tokens)
        base, tls = f"unix:{settings.socket}" if settings.socket is not None else address.base, address.tls
        self._lists = EventClient(base, tls=tls, limits=Limits(body=LONGEST_LIST), max_connections=4)
        self._calls = EventClient(base, tls=tls, limits=Limits(body=room_for(longest)), max_connections=32)

    async def begin(self) -> int:
        """Return always the same: what begins a session says so itself."""
        return 0

    async def ask(self, asked: Asked, number: int, timeout: float, *, is_call: bool = False) -> Answer:
        """Send a request and return what comes back; arguments as those of Wire.

        Raises:
            OutriderError: Nothing came back, or the server wants other credentials, or fails.
        """
        response = await self._post(asked, number, timeout, is_call=is_call)
        if response.status in (401, 403):
            raise UnauthenticatedError(
                f"server '{self._name}' does not accept its credentials{self._credentials.reason(response)}", found=f"status {response.status}",
                suggestions=["look at token, oauth and headers of its Tool"],
            )  # fmt: skip
        if response.status >= 500:
            raise UnavailableError(f"server '{self._name}' fails", found=f"status {response.status}")
        found: dict[str, Any] | Fault | ExecutionFailedError
        try:
            found = answer_of(self._name, response, number)
        except ExecutionFailedError as error:
            found = error
        return Answer(found, response.status, response.headers.get(SESSION) or "")

    async def tell(self, asked: Asked) -> None:
        """Send a notification.

        Raises:
            OutriderError: It could not be sent.
        """
        await self._post(asked, 0, LIST_SECONDS, is_call=False)

    async def close(self) -> None:
        """Drop its connections."""
        await self._credentials.close()
        await self._lists.close()
        await self._calls.close()

    async def _post(self, asked: Asked, number: int, timeout: float, *, is_call: bool) -> Response:
        client = self._calls if is_call else self._lists

        async def post(shown: dict[str, str], seconds: float) -> Response:
            fields = _JSON.joined([*asked.headers.items(), *shown.items()])
            return await client.ask(self._target, number, headers=fields, body=asked.body, timeout=seconds)

        return await self._credentials.send(post, timeout)
