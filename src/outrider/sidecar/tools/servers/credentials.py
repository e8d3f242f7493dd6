"""What a server of tools wants to see of its client."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

from outrider.core.errors import DeadlineExceededError, ExecutionFailedError
from outrider.core.http.headers import Headers
from outrider.core.http.messages import Response
from outrider.core.secrets import SecretRef
from outrider.ports.secrets import Resolver
from outrider.sidecar.tools.servers.oauth.challenge import reason

KEY_SECONDS = 30.0
# A request with such headers, which may take so long.
Request = Callable[[dict[str, str], float], Awaitable[Response]]


class TokenSource(Protocol):
    """Gives a token that does not last."""

    async def get(self) -> str:
        """Return it; empty where none is wanted yet.

        Raises:
            OutriderError: There is none.
        """
        ...

    def refused(self, sent: str, challenge: Headers) -> bool:
        """Hear that the server does not take one, and return whether another one is worth a second request."""
        ...

    async def close(self) -> None:
        """Give back what it holds."""
        ...


class Credentials:
    """The headers of a server, with what is secret among them; that is read again now and then, so that it can be changed.

    Args:
        name: Of the server, for errors.
        headers: As text or from a secret.
        token: Secret that is sent as a bearer token.
        secrets: Opens what is secret.
        tokens: In place of `token`.
    """

    def __init__(
        self, name: str, headers: Mapping[str, str | SecretRef], token: SecretRef | None, secrets: Resolver,
        tokens: TokenSource | None = None,
    ) -> None:  # fmt: skip
        self._tokens, self._sent = tokens, ""
        self._name, self._headers, self._token, self._secrets = name, headers, token, secrets
        self._opened: dict[str, str] = {}
        self._stale = -1.0

    async def headers(self) -> dict[str, str]:
        """Return them.

        Raises:
            OutriderError: A secret cannot be opened.
        """
        now = asyncio.get_running_loop().time()
        if now > self._stale:
            self._opened, self._stale = await self._open_all(), now + KEY_SECONDS
        return self._opened

    async def send(self, request: Request, timeout: float) -> Response:
        """Send a request with them and return what comes back. One whose token is not taken is sent once more with another.

        Args:
            request: Sends it; a server that answers 401 has not done it.
            timeout: Seconds for all of it.

        Raises:
            OutriderError: A secret cannot be opened, there is no token, or the request fails.
        """
        if self._tokens is None:
            return await request(await self.headers(), timeout)
        loop = asyncio.get_running_loop()
        ends = loop.time() + timeout
        token = await self._wait(self._tokens, ends, timeout)
        response = await request(await self._with(token), ends - loop.time())
        if response.status == 401 and self._tokens.refused(token, response.headers):
            token = await self._wait(self._tokens, ends, timeout)
            response = await request(await self._with(token), ends - loop.time())
        return response

    def reason(self, response: Response) -> str:
        """Return why a server refuses, with a colon before it; empty where it does not say, or its words may hold a secret."""
        why = reason(response.headers, self._sent) if self._tokens is not None else ""
        return f": {why}" if why else ""

    async def close(self) -> None:
        """Give back what gives tokens."""
        if self._tokens is not None:
            await self._tokens.close()

    async def _wait(self, tokens: TokenSource, ends: float, timeout: float) -> str:
        try:
            async with asyncio.timeout_at(ends):
                return await tokens.get()
        except TimeoutError as error:
            raise DeadlineExceededError(
                f"server '{self._name}': no token within {timeout:g} s",
                suggestions=["check that the token endpoint of its oauth is well", "allow more time"],
            ) from error

    async def _with(self, token: str) -> dict[str, str]:
        headers, self._sent = await self.headers(), token
        return {**headers, "authorization": f"Bearer {token}"} if token else headers

    async def _open_all(self) -> dict[str, str]:
        made = await opened(self._name, self._headers, self._secrets)
        if self._token is not None:
            made["authorization"] = f"Bearer {await open_secret(self._name, self._token, self._secrets)}"
        return made


async def opened(server: str, values: Mapping[str, str | SecretRef], secrets: Resolver) -> dict[str, str]:
    """Return values of a server's settings, with what is secret among them opened.

    Raises:
        OutriderError: A secret cannot be opened.
    """
    return {
        name: await open_secret(server, value, secrets) if isinstance(value, SecretRef) else value
        for name, value in values.items()
    }


async def open_secret(server: str, reference: SecretRef, secrets: Resolver) -> str:
    """Return a secret of a server's settings, without white space around it.

    Raises:
        OutriderError: It cannot be opened.
    """
    try:
        return (await secrets.fetch(reference.secret, reference.key)).reveal().strip()
    except OSError as error:
        raise ExecutionFailedError(
            f"server '{server}': the secret '{reference.secret}' cannot be read: {error.strerror}"
        ) from error
