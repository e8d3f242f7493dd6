"""Hands on what the agent's program sends of traces, metrics and logs (OTLP over HTTP): the collector's key stays here."""

import asyncio
from collections.abc import Callable
from urllib.parse import urlsplit

from outrider.core.errors import InvalidConfigError, OutriderError
from outrider.core.sidecar_settings import TelemetrySettings
from outrider.ports.certificates.tls import trusting
from outrider.ports.secrets import Resolver
from outrider.ports.telemetry import logger
from outrider.sidecar.proxy.exchange import Exchange
from outrider.sidecar.proxy.gate import Attempt
from outrider.sidecar.proxy.messages import Field, Request
from outrider.sidecar.proxy.pool import Target
from outrider.sidecar.proxy.proxy import Proxy
from outrider.sidecar.tools.servers.credentials import opened

RENEW_SECONDS = 30.0
_log = logger(__name__)


class OtlpGate:
    """Forwards to one collector.

    Args:
        settings: Where it is, and what it wants to see.
        proxy: Keeps the connections.
        secrets: Opens what is secret of that.
        admits: Whether a request carries a key of the agent, or needs none.
        keyless: Whether no request needs one, so that a web page must be told from the agent.

    Raises:
        InvalidConfigError: The address cannot be used.
    """

    def __init__(
        self, settings: TelemetrySettings, proxy: Proxy, secrets: Resolver, admits: Callable[[Request], bool], *, keyless: bool
    ) -> None:  # fmt: skip
        parts = urlsplit(settings.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise InvalidConfigError(
                "not the address of a collector",
                path="telemetry.url",
                found=settings.url,
                expected="http:// or https://",
            )
        secure = parts.scheme == "https"
        tls = trusting(settings.ca, path="telemetry.ca") if secure else None
        self.target = proxy.add(Target(proxy, parts.hostname, parts.port or (443 if secure else 80), tls))
        self._base = parts.path.rstrip("/").encode()
        self._settings, self._secrets = settings, secrets
        self._admits, self._keyless = admits, keyless
        self._own: list[Field] = []

    async def open(self) -> None:
        """Read the secrets.

        Raises:
            OutriderError: One cannot be read.
        """
        found = await opened("telemetry", self._settings.headers, self._secrets)
        self._own = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in found.items()]

    async def keep_open(self) -> None:
        """Read them again now and then, until cancelled; what cannot be read stays what it was."""
        while True:
            await asyncio.sleep(RENEW_SECONDS)
            try:
                await self.open()
            except OutriderError as error:
                _log.warning("the headers of the collector stay as they were: %s", error)

    def decide(self, exchange: Exchange) -> None:
        """Forward a request; clients of OTLP try again where there is no answer."""
        request = exchange.request
        if not self._admits(request):
            exchange.refuse(401, "invalid_api_key", "the key is not one of this gateway")
        elif request.origin and self._keyless:
            exchange.refuse(403, "origin_refused", "web pages may not call a gateway without keys")
        elif request.method != b"POST":
            exchange.refuse(405, "not_allowed", "OTLP is posted", [(b"allow", b"POST")])
        else:
            named = {name for name, _ in self._own}
            fields = [*(field for field in request.fields if field[0] not in named), *self._own]
            path = self._base + request.target.partition(b"?")[0]
            exchange.forward(self.target, Attempt(), path=path, fields=fields, body=request.body)
