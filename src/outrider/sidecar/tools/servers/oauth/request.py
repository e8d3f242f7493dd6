"""What a token endpoint is asked."""

from base64 import b64encode
from secrets import token_urlsafe
from urllib.parse import quote_plus, urlencode

import msgspec

from outrider.core.errors import InvalidConfigError
from outrider.core.oauth_settings import OAuthSettings
from outrider.core.secrets import SecretValue
from outrider.ports.secrets import Resolver
from outrider.sidecar.tools.servers.credentials import open_secret

EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
TYPE_PREFIX = "urn:ietf:params:oauth:token-type:"
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ASSERTION_SECONDS = 60


class TokenRequest(msgspec.Struct, frozen=True):
    """A request for a token.

    Attributes:
        headers: Of it.
        body: A form.
        hidden: What of it must not be shown.
    """

    headers: dict[str, str]
    body: bytes
    hidden: list[SecretValue]


async def token_request(
    server: str, settings: OAuthSettings, secrets: Resolver, *, url: str, resource: str, now: float
) -> TokenRequest:
    """Return a request; what is secret is read anew.

    Args:
        server: Of tools, for errors.
        settings: Who asks, and for what.
        secrets: Opens what is secret.
        url: Of the token endpoint.
        resource: For what it is; empty for nothing.
        now: Seconds since the epoch.

    Raises:
        OutriderError: A secret cannot be opened, or a key cannot sign.
    """
    headers = {"accept": "application/json", "content-type": "application/x-www-form-urlencoded"}
    form, shown = {"grant_type": "client_credentials"}, []
    exchange = settings.exchange
    if exchange is not None:
        subject = await open_secret(server, exchange.subject_token, secrets)
        form = {
            "grant_type": EXCHANGE, "subject_token": subject, "subject_token_type": TYPE_PREFIX + exchange.subject_token_type,
            "requested_token_type": f"{TYPE_PREFIX}access_token",  # some give another one otherwise
        }  # fmt: skip
        shown.append(subject)
    wanted = {"scope": settings.scope, "resource": resource, "audience": settings.audience}
    form |= {name: value for name, value in wanted.items() if value}
    shown += await _identify(server, settings, secrets, headers, form, audience=settings.issuer or url, now=now)
    hidden = [SecretValue(written) for one in shown for written in {one, quote_plus(one)}]
    return TokenRequest(headers, urlencode(form).encode(), hidden)


async def _identify(
    server: str, settings: OAuthSettings, secrets: Resolver, headers: dict[str, str], form: dict[str, str], *,
    audience: str, now: float,
) -> list[str]:  # fmt: skip
    """Say in the headers or the form who asks, and return what of that is secret."""
    if settings.client_secret is not None:
        secret = await open_secret(server, settings.client_secret, secrets)
        if settings.auth_method == "client_secret_post":
            form |= {"client_id": settings.client_id, "client_secret": secret}
            return [secret]
        # RFC 6749 section 2.3.1: both are encoded as in a form before they are joined.
        pair = b64encode(f"{quote_plus(settings.client_id)}:{quote_plus(secret)}".encode()).decode()
        headers["authorization"] = f"Basic {pair}"
        return [secret, pair]
    form["client_id"] = settings.client_id
    if settings.client_key is None:
        return []
    pem = await open_secret(server, settings.client_key, secrets)
    made = _assertion(pem, settings, audience=audience, now=now)
    form |= {"client_assertion_type": ASSERTION_TYPE, "client_assertion": made}
    return [made]


def _assertion(pem: str, settings: OAuthSettings, *, audience: str, now: float) -> str:
    """Return a signed word of who asks (RFC 7523 section 3)."""
    from outrider.ports.certificates.jwt import signed  # noqa: PLC0415 - 8 MB that others do without

    who, moment = settings.client_id, int(now)
    claims = {
        "iss": who, "sub": who, "aud": audience, "jti": token_urlsafe(16), "iat": moment, "exp": moment + ASSERTION_SECONDS,
    }  # fmt: skip
    try:
        return signed(pem, claims, key_id=settings.key_id)
    except InvalidConfigError as error:
        error.path = "oauth.clientKey"
        raise
