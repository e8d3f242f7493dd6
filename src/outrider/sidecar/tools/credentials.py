"""What a server of tools wants to see of its client."""

import asyncio

from outrider.core.errors import ExecutionFailedError
from outrider.core.secrets import SecretRef
from outrider.core.sidecar_settings import ToolServerSettings
from outrider.ports.secrets import Resolver

KEY_SECONDS = 30.0


class Credentials:
    """The headers of a server, with what is secret among them; that is read again now and then, so that it can be changed.

    Args:
        settings: Of the server.
        secrets: Opens what is secret.
    """

    def __init__(self, settings: ToolServerSettings, secrets: Resolver) -> None:
        self._settings, self._secrets = settings, secrets
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
        settings = self._settings
        made = {}
        for name, value in settings.headers.items():
            made[name] = await self._open(value) if isinstance(value, SecretRef) else value
        if settings.token is not None:
            made["authorization"] = f"Bearer {await self._open(settings.token)}"
        return made

    async def _open(self, reference: SecretRef) -> str:
        try:
            return (await self._secrets.fetch(reference.secret, reference.key)).reveal().strip()
        except OSError as error:
            raise ExecutionFailedError(
                f"server '{self._settings.name}': the secret '{reference.secret}' cannot be read: {error.strerror}"
            ) from error
