"""The token endpoint for one server, and who asks it."""

import asyncio

from outrider.core.errors import (
    ConnectionFailedError,
    DeadlineExceededError,
    InvalidConfigError,
    LimitedError,
    OutriderError,
    UnavailableError,
)
from outrider.core.http.headers import Headers
from outrider.core.oauth_settings import OAuthSettings
from outrider.core.tool_settings import HttpServerSettings, OpenApiServerSettings
from outrider.ports.clock import Clock, SystemClock
from outrider.ports.secrets import Resolver
from outrider.sidecar.tools.servers.oauth.answer import Token, read_token
from outrider.sidecar.tools.servers.oauth.metadata import Metadata
from outrider.sidecar.tools.servers.oauth.places import Place, checked
from outrider.sidecar.tools.servers.oauth.request import token_request
from outrider.sidecar.tools.servers.oauth.tokens import Tokens

# For all that is asked on the way to a token.
ALL_SECONDS = 20.0
SYSTEM_CLOCK = SystemClock()


class TokenEndpoint:
    """Gets tokens.

    Args:
        server: Of tools, for errors.
        settings: Who asks, and for what.
        secrets: Opens what is secret.
        resource: For what, where the settings say nothing.
        metadata: Finds the endpoint where the settings do not name it.
        clock: Time.

    Raises:
        InvalidConfigError: The address or the file of authorities cannot be used.
    """

    def __init__(
        self, server: str, settings: OAuthSettings, secrets: Resolver, *, resource: str, metadata: Metadata | None,
        clock: Clock,
    ) -> None:  # fmt: skip
        self._server, self._settings, self._secrets, self._clock = server, settings, secrets, clock
        self._resource, self._metadata = resource, metadata
        self._place: Place | None = None
        self._url = settings.token_url
        if metadata is None:
            self._place = Place(checked(settings.token_url, path="oauth.tokenUrl"), settings.ca)

    async def ask(self, challenge: Headers | None) -> Token:
        """Return a token.

        Args:
            challenge: Headers of the server's last refusal.

        Raises:
            OutriderError: There is none; the message names the server and says what the endpoint said.
        """
        try:
            async with asyncio.timeout(ALL_SECONDS):
                return await self._ask(challenge)
        except OutriderError as error:
            await self._forget()
            raise self._named(error) from error.__cause__
        except TimeoutError as error:
            await self._forget()
            raise self._named(UnavailableError(f"none within {ALL_SECONDS:g} s")) from error

    async def close(self) -> None:
        """Drop its connections."""
        if self._place is not None:
            await self._place.close()

    async def _ask(self, challenge: Headers | None) -> Token:
        place = self._place
        if self._metadata is not None and place is None:
            found = await self._metadata.find(challenge or Headers())
            self._url, self._resource = found.token_url, found.resource or self._resource
            self._place = place = Place(found.token_url, self._settings.ca)
        assert place is not None
        resource = self._resource if self._settings.resource is None else self._settings.resource
        asked = await token_request(
            self._server, self._settings, self._secrets, url=self._url, resource=resource, now=self._clock.now()
        )
        response = await place.post(asked.headers, asked.body)
        return read_token(response, place.shown, asked.hidden)

    async def _forget(self) -> None:
        """Find the endpoint anew the next time: it may have moved."""
        if self._metadata is not None and self._place is not None:
            place, self._place = self._place, None
            await place.close()

    def _named(self, error: OutriderError) -> OutriderError:
        # A call of a tool for which there is no token was not sent, whatever became of the request for one.
        if isinstance(error, ConnectionFailedError | DeadlineExceededError | LimitedError):
            error = UnavailableError(error.message, found=error.found, suggestions=error.suggestions)
        return error.about(f"server '{self._server}': no token")


def open_tokens(
    settings: HttpServerSettings | OpenApiServerSettings, secrets: Resolver, clock: Clock = SYSTEM_CLOCK
) -> Tokens | None:
    """Return the tokens for a server; None where its settings want none.

    Args:
        settings: Of the server.
        secrets: Opens what is secret.
        clock: Time.

    Raises:
        InvalidConfigError: They cannot be got as the settings have it.
    """
    oauth, is_mcp = settings.oauth, isinstance(settings, HttpServerSettings)
    if oauth is None:
        return None
    _check(settings, oauth, is_mcp=is_mcp)
    metadata = None
    try:
        if not oauth.token_url:
            metadata = Metadata(settings.url, settings.ca, settings.mutual_tls, issuer=oauth.issuer, issuer_ca=oauth.ca)
        endpoint = TokenEndpoint(
            settings.name, oauth, secrets, resource=settings.url if is_mcp else "", metadata=metadata, clock=clock
        )
    except InvalidConfigError as error:
        error.about(f"server '{settings.name}'")
        raise
    return Tokens(endpoint.ask, clock, unasked=metadata is not None, close=endpoint.close)


def _check(settings: HttpServerSettings | OpenApiServerSettings, oauth: OAuthSettings, *, is_mcp: bool) -> None:
    wrong = ""
    if settings.token is not None or any(name.lower() == "authorization" for name in settings.headers):
        wrong = "a token besides oauth"
    elif not oauth.token_url and not (is_mcp and oauth.issuer):
        wrong = "oauth without token_url"
    elif oauth.client_secret is None and oauth.client_key is None and oauth.exchange is None:
        wrong = "oauth without client_secret or client_key"
    if wrong:
        raise InvalidConfigError(
            f"server '{settings.name}': {wrong}", path="oauth", found=wrong, expected="one way to a token"
        )
