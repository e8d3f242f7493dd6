"""The way to an agent that speaks A2A: its card, and JSON-RPC over HTTP."""

from typing import Any
from urllib.parse import urlsplit

from outrider.core.a2a.cards import Card, read_card
from outrider.core.a2a.older import older_params
from outrider.core.a2a.protocol import CARD_PATH, CURRENT, OLDER, OLDER_NAMES, SEND, VERSION_HEADER, Interface
from outrider.core.codec import encode
from outrider.core.errors import (
    ConnectionFailedError,
    ExecutionFailedError,
    UnauthenticatedError,
    UnavailableError,
)
from outrider.core.http.errors import ProtocolError
from outrider.core.http.headers import Headers
from outrider.core.http.limits import Limits
from outrider.core.http.messages import Response
from outrider.core.http.urls import request_target
from outrider.core.mcp.asking import Fault
from outrider.core.tool_settings import A2aServerSettings
from outrider.ports.http.client import Client
from outrider.ports.secrets import Resolver
from outrider.sidecar.tools.servers.addresses import read_address
from outrider.sidecar.tools.servers.credentials import Credentials
from outrider.sidecar.tools.servers.wire import LIST_SECONDS, MIB, answer_of, room_for

LONGEST_CARD = MIB


class A2aWire:
    """Asks one agent.

    Args:
        settings: Where it is, and what it wants to see.
        secrets: Opens what is secret of that.
        longest: Bytes of a result of a call; its wrapping comes on top.
        reached: Where it is reached, whatever its card says; empty where the card counts.

    Raises:
        InvalidConfigError: The address cannot be used.
    """

    def __init__(
        self, settings: A2aServerSettings, secrets: Resolver, longest: int = MIB, *, reached: str = ""
    ) -> None:  # fmt: skip
        address = read_address(settings.name, settings.url, settings.ca, settings.mutual_tls)
        self._name, self._near = settings.name, "" if reached else settings.url
        self._card_path = urlsplit(settings.url).path.rstrip("/") + CARD_PATH
        self._credentials = Credentials(settings.name, settings.headers, settings.token, secrets)
        base, tls = reached or address.base, address.tls
        self._cards = Client(base, tls=tls, limits=Limits(body=LONGEST_CARD), max_connections=2)
        self._calls = Client(base, tls=tls, limits=Limits(body=room_for(longest)), max_connections=32)
        self._numbers = 0

    async def card(self) -> Card:
        """Return the agent's card.

        Raises:
            OutriderError: It gives none, or one that cannot be used.
        """
        headers = Headers([("accept", "application/json"), *(await self._credentials.headers()).items()])
        response = await self._exchange(self._cards, "GET", self._card_path, headers, timeout=LIST_SECONDS)
        if response.status != 200:
            raise ExecutionFailedError(
                f"server '{self._name}' gives no agent card", found=f"status {response.status} at {self._card_path}", expected="status 200",
                suggestions=["write the address into url before which the card lies"],
            )  # fmt: skip
        try:
            return read_card(response.content, self._near)
        except ExecutionFailedError as error:
            error.about(f"server '{self._name}'")
            raise

    async def ask(
        self, interface: Interface, method: str, params: dict[str, Any], timeout: float
    ) -> dict[str, Any] | Fault:
        """Send a request and return the result, or the agent's error.

        Args:
            interface: Where to, and in which version.
            method: By its name in 1.0.
            params: As 1.0 has them.
            timeout: Seconds.

        Raises:
            OutriderError: Nothing came back, or no answer to this request.
        """
        self._numbers += 1
        number = self._numbers
        sent = {**params, "tenant": interface.tenant} if interface.tenant else params
        if interface.older:
            sent = older_params(sent) if method == SEND else sent
            method = OLDER_NAMES[method]
        fields = Headers([
            ("content-type", "application/json"), ("accept", "application/json"),
            (VERSION_HEADER, OLDER if interface.older else CURRENT), *(await self._credentials.headers()).items(),
        ])  # fmt: skip
        body = encode({"jsonrpc": "2.0", "id": number, "method": method, "params": sent})
        target = request_target(interface.url)
        response = await self._exchange(self._calls, "POST", target, fields, body, timeout=timeout)
        return answer_of(self._name, response, number)

    async def close(self) -> None:
        """Drop its connections."""
        await self._cards.close()
        await self._calls.close()

    async def _exchange(
        self, client: Client, method: str, path: str, headers: Headers, body: bytes = b"", *, timeout: float
    ) -> Response:
        try:
            response = await client.request(method, path, headers=headers, body=body, timeout=timeout)
        except ConnectionFailedError as error:
            if not isinstance(error.__cause__, ProtocolError):
                raise
            # The next answer would be no better.
            raise ExecutionFailedError(
                f"server '{self._name}' answers with what cannot be taken: {error.__cause__.message}",
                suggestions=["ask for less", "allow more in limits.longestResult of the grant"],
            ) from error
        self._check(response)
        return response

    def _check(self, response: Response) -> None:
        """Refuse what is no answer of the agent itself."""
        found = f"status {response.status}"
        if response.status in (401, 403):
            raise UnauthenticatedError(
                f"server '{self._name}' does not accept its credentials", found=found,
                suggestions=["look at token and headers of its Tool"],
            )  # fmt: skip
        if 300 <= response.status < 400:
            place = (response.headers.get("location") or "")[:200]
            raise ExecutionFailedError(
                f"server '{self._name}' sends its callers elsewhere, which is not followed", found=f"{found} to {place}",
                suggestions=["write the address where it is into its Tool"],
            )  # fmt: skip
        if response.status >= 500:
            raise UnavailableError(f"server '{self._name}' fails", found=found)
