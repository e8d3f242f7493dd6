"""What a server of tools wants to see of its client."""

import asyncio
from collections.abc import Mapping

from outrider.core.errors import ExecutionFailedError
from outrider.core.secrets import SecretRef
from outrider.ports.secrets import Resolver

KEY_SECONDS = 30.0


class Credentials:
    """The headers of a server, with what is secret among them; that is read again now and then, so that it can be changed.

    Args:
        name: Of the server, for errors.
        headers: As text or from a secret.
        token: Secret that is sent as a bearer token.
        secrets: Opens what is secret.
    """

    def __init__(
        self, name: str, headers: Mapping[str, str | SecretRef], token: SecretRef | None, secrets: Resolver
    ) -> None:
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

    async def _open_all(self) -> dict[str, str]:
        made = await opened(self._name, self._headers, self._secrets)
        if self._token is not None:
            made["authorization"] = f"Bearer {await _open(self._name, self._token, self._secrets)}"
        return made


async def opened(server: str, values: Mapping[str, str | SecretRef], secrets: Resolver) -> dict[str, str]:
    """Return values of a server's settings, with what is secret among them opened.

    Raises:
        OutriderError: A secret cannot be opened.
    """
    return {
        name: await _open(server, value, secrets) if isinstance(value, SecretRef) else value
        for name, value in values.items()
    }


async def _open(server: str, reference: SecretRef, secrets: Resolver) -> str:
    try:
        return (await secrets.fetch(reference.secret, reference.key)).reveal().strip()
    except OSError as error:
        raise ExecutionFailedError(
            f"server '{server}': the secret '{reference.secret}' cannot be read: {error.strerror}"
        ) from error
