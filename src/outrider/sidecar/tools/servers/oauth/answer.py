"""What a token endpoint answers."""

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from outrider.core.errors import InvalidConfigError, OutriderError, UnauthenticatedError, UnavailableError
from outrider.core.http.messages import Response
from outrider.core.secrets import SecretValue, mask
from outrider.sidecar.tools.servers.oauth.places import LONGEST_SHOWN, read_object

# Of an answer that says nothing, or nothing that can be; one that is refused before is asked for anew.
USUAL_SECONDS = 300.0
LONGEST_SECONDS = 86_400.0
LONGEST_PAUSE = 300.0
# What an exchange may give (RFC 8693 section 3).
_ISSUED = ("urn:ietf:params:oauth:token-type:access_token", "urn:ietf:params:oauth:token-type:jwt")
_TOKEN = re.compile(r"[!-~]{1,16384}")
_REMEDIES = {
    "invalid_client": "look at clientId, and at clientSecret or clientKey",
    "invalid_grant": "look at the subjectToken of exchange",
    "invalid_scope": "look at scope",
    "invalid_target": "look at resource and audience",
    "unauthorized_client": "allow the grant to this client at the authorization server",
    "unsupported_grant_type": "use another grant: the authorization server does not know this one",
}
# RFC 6749 section 4.1.2.1 has them for another endpoint; some send them here.
_LATER = ("temporarily_unavailable", "server_error", "slow_down")


class Token(msgspec.Struct, frozen=True):
    """A token.

    Attributes:
        value: It.
        seconds: For how long it holds.
    """

    value: str
    seconds: float

    def __repr__(self) -> str:
        return f"Token(***, {self.seconds:g})"


def read_token(response: Response, shown: str, hidden: Sequence[SecretValue]) -> Token:
    """Return the token of an answer (RFC 6749 section 5.1).

    Args:
        response: The answer.
        shown: Address of the endpoint, for errors.
        hidden: What must not be told of it.

    Raises:
        UnauthenticatedError: It refuses (section 5.2).
        UnavailableError: It fails, or its answer cannot be used.
        InvalidConfigError: It is elsewhere.
    """
    if 300 <= response.status < 400:
        location = (response.headers.get("location") or "")[:LONGEST_SHOWN]
        raise InvalidConfigError(
            f"{shown} leads elsewhere", found=mask(f"status {response.status} {location}".strip(), hidden),
            expected="the token endpoint itself", suggestions=["redirects are not followed: name its address"],
        )  # fmt: skip
    if response.status == 429 or response.status >= 500:
        raise UnavailableError(
            f"{shown} fails: {_said(response, hidden)}", found=f"status {response.status}", retry_after=_pause(response)
        )
    body = read_object(response, shown)
    if response.status >= 400 or "error" in body:
        raise _refusal(response, body, shown, hidden)
    return _token(body, shown)


def _token(body: dict[str, Any], shown: str) -> Token:
    value, kind = body.get("access_token"), body.get("token_type", "bearer")
    if not isinstance(value, str) or not _TOKEN.fullmatch(value):
        length = f", of {len(value)} characters" if isinstance(value, str) else ""
        raise UnavailableError(
            f"{shown} answers no access_token that can be sent", found=f"{type(value).__name__}{length}",
            expected="an access_token of printable characters",
        )  # fmt: skip
    issued = body.get("issued_token_type", _ISSUED[0])
    if not isinstance(kind, str) or kind.lower() != "bearer" or issued not in _ISSUED:
        raise UnavailableError(
            f"{shown} answers a token of another type", found=_plain(f"{kind}, {issued}"), expected="Bearer, an access token",
            suggestions=["let the authorization server give bearer tokens to this client"],
        )  # fmt: skip
    return Token(value, _seconds(body.get("expires_in")))


def _seconds(said: object) -> float:
    """Return for how long a token holds; some servers write the number as text, and 0 for one that has no end."""
    text = str(said) if isinstance(said, int | float | str) and not isinstance(said, bool) else ""
    try:
        number = float(text)
    except ValueError:
        return USUAL_SECONDS
    return min(max(number, 1.0), LONGEST_SECONDS) if number > 0 else USUAL_SECONDS


def _refusal(response: Response, body: dict[str, Any], shown: str, hidden: Sequence[SecretValue]) -> OutriderError:
    code = body.get("error")
    if code in _LATER:
        return UnavailableError(f"{shown} fails: {_said(response, hidden)}", found=f"status {response.status}")
    remedy = _REMEDIES.get(code) if isinstance(code, str) else None
    return UnauthenticatedError(
        f"{shown} gives no token: {_said(response, hidden)}", found=f"status {response.status}",
        suggestions=[remedy or "look at oauth of its Tool"],
    )  # fmt: skip


def _said(response: Response, hidden: Sequence[SecretValue]) -> str:
    """Return `error` and `error_description` of an answer, without what is secret."""
    try:
        body = read_object(response, "")
    except UnavailableError:
        return f"status {response.status}"
    texts = [body[key] for key in ("error", "error_description") if isinstance(body.get(key), str)]
    return ": ".join(_plain(mask(one, hidden)) for one in texts) or f"status {response.status}"


def _plain(text: str) -> str:
    """Return a text of somebody else in one short line."""
    return " ".join("".join(one if one.isprintable() else " " for one in text).split())[:LONGEST_SHOWN]


def _pause(response: Response) -> float | None:
    said = (response.headers.get("retry-after") or "").strip()
    return min(float(said), LONGEST_PAUSE) if said.isascii() and said.isdecimal() and len(said) < 10 else None
