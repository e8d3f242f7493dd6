"""How the token endpoint is found, and whom nobody can make it be."""

import json
from pathlib import Path
from typing import Any

import pytest

from outrider.core.errors import InvalidConfigError, OutriderError, UnauthenticatedError, UnavailableError
from outrider.core.http.headers import Headers
from outrider.core.http.messages import Response
from outrider.sidecar.tools.servers.oauth.challenge import parameter, reason
from outrider.sidecar.tools.servers.oauth.metadata import Found, Metadata
from outrider.sidecar.tools.servers.oauth.places import checked
from tests.sidecar.tools.oauth.support import JSON, Identity, answer, identity

RESOURCE, SERVER = "/.well-known/oauth-protected-resource", "/.well-known/oauth-authorization-server"
OPENID = "/.well-known/openid-configuration"
NONE = Headers()


async def find(made: Identity, challenge: str = "", *, issuer: str = "", path: str = "/mcp") -> Found:
    """Ask one server that is everything at once."""
    metadata = Metadata(made.url + path, None, None, issuer=issuer or made.url, issuer_ca=None)
    return await metadata.find(Headers({"www-authenticate": challenge}) if challenge else NONE)


def describe(made: Identity, issuer: str = "", /, **more: Any) -> None:
    issuer = issuer or made.url
    usual = {"issuer": issuer, "token_endpoint": f"{made.url}/token"}
    made.documents[SERVER + issuer.removeprefix(made.url).rstrip("/")] = answer(**(usual | more))


def protect(made: Identity, place: str = f"{RESOURCE}/mcp", **more: Any) -> None:
    made.documents[place] = answer(**({"resource": f"{made.url}/mcp", "authorization_servers": [made.url]} | more))


async def test_where_the_refusal_says() -> None:
    async with identity() as made:
        describe(made)
        protect(made, "/elsewhere")
        found = await find(made, f'Bearer error="invalid_token", resource_metadata="{made.url}/elsewhere", scope="a"')
        assert found == Found(f"{made.url}/token", f"{made.url}/mcp")
        assert made.fetched == ["/elsewhere", SERVER]


@pytest.mark.parametrize("place", [f"{RESOURCE}/mcp", RESOURCE])
async def test_where_it_usually_is(place: str) -> None:
    async with identity() as made:
        describe(made)
        protect(made, place, resource=made.url)
        assert await find(made, "Bearer") == Found(f"{made.url}/token", made.url)


async def test_a_server_that_says_nothing_takes_those_of_whom_the_user_names() -> None:
    async with identity() as made:
        describe(made)
        assert await find(made) == Found(f"{made.url}/token", "")


@pytest.mark.parametrize("place", [f"{SERVER}/one", f"{OPENID}/one", f"/one{OPENID}"])
async def test_an_issuer_with_a_path(place: str) -> None:
    async with identity() as made:
        issuer = f"{made.url}/one"
        made.documents[place] = answer(issuer=issuer, token_endpoint=f"{made.url}/one/token")
        assert (await find(made, issuer=issuer)).token_url == f"{made.url}/one/token"


async def test_a_slash_behind_an_issuer_is_none() -> None:
    async with identity() as made:
        describe(made, f"{made.url}/")
        protect(made, authorization_servers=["https://other.internal", f"{made.url}/"])
        assert (await find(made)).token_url == f"{made.url}/token"


@pytest.mark.parametrize(
    ("said", "kind", "message"),
    [
        ({"authorization_servers": ["https://evil.internal"]}, UnauthenticatedError, "another authorization server"),
        ({"authorization_servers": []}, UnauthenticatedError, "another authorization server"),
        ({"authorization_servers": "all"}, UnauthenticatedError, "another authorization server"),
        ({"authorization_servers": [7]}, UnauthenticatedError, "another authorization server"),
        ({"resource": "https://evil.internal/mcp"}, UnauthenticatedError, "another resource"),
        ({"resource": None}, UnauthenticatedError, "another resource"),
        ({"resource": "http://["}, UnauthenticatedError, "another resource"),
        ({"resource": "/mc"}, UnauthenticatedError, "another resource"),
    ],
)
async def test_a_server_cannot_name_another_one(said: dict[str, Any], kind: type[OutriderError], message: str) -> None:
    async with identity() as made:
        describe(made)
        protect(made, **said)
        with pytest.raises(kind, match=message):
            await find(made)
        assert made.forms == []
        assert SERVER not in made.fetched


@pytest.mark.parametrize(
    "named", ["http://169.254.169.254/latest", "https://evil.internal/x", "file:///etc/passwd", "//evil/x", "http://["]
)
async def test_a_server_cannot_send_anybody_anywhere(named: str) -> None:
    async with identity() as made:
        describe(made)
        with pytest.raises(UnauthenticatedError, match="at another server"):
            await find(made, f'Bearer resource_metadata="{named}"')
        assert made.fetched == []


@pytest.mark.parametrize(
    ("said", "kind", "message"),
    [
        ({"issuer": "https://evil.internal"}, UnauthenticatedError, "answers for another issuer"),
        ({"issuer": None}, UnauthenticatedError, "answers for another issuer"),
        ({"token_endpoint": None}, InvalidConfigError, "names no token endpoint"),
        ({"token_endpoint": "http://id.internal/token"}, InvalidConfigError, "may be told a secret"),
        ({"token_endpoint": "http://127.0.0.1.evil.internal/token"}, InvalidConfigError, "may be told a secret"),
        ({"token_endpoint": "https://u:p@id.internal/token"}, InvalidConfigError, "may be told a secret"),
        ({"token_endpoint": "https://"}, InvalidConfigError, "may be told a secret"),
        ({"token_endpoint": "https://id internal/"}, InvalidConfigError, "may be told a secret"),
        ({"token_endpoint": "https://["}, InvalidConfigError, "may be told a secret"),
        ({"token_endpoint": "unix:/run/id"}, InvalidConfigError, "may be told a secret"),
    ],
)
async def test_what_an_issuer_cannot_say(said: dict[str, Any], kind: type[OutriderError], message: str) -> None:
    async with identity() as made:
        describe(made, **said)
        with pytest.raises(kind, match=message):
            await find(made)


@pytest.mark.parametrize(
    "broken", [Response(500, Headers({}), b""), Response(200, JSON, b"[]"), Response(200, JSON, b"{" * 300_000)]
)
@pytest.mark.parametrize("place", [f"{RESOURCE}/mcp", SERVER])
async def test_documents_that_are_none(broken: Response, place: str) -> None:
    async with identity() as made:
        describe(made)
        protect(made)
        made.documents[place] = broken
        with pytest.raises(OutriderError):
            await find(made)


async def test_nothing_is_there() -> None:
    async with identity() as made:
        with pytest.raises(UnavailableError, match="has no metadata"):
            await find(made)
        describe(made)
        with pytest.raises(UnavailableError, match="not where it says"):
            await find(made, f'Bearer resource_metadata="{made.url}/elsewhere"')


async def test_redirects_are_not_followed() -> None:
    async with identity() as made:
        describe(made)
        made.documents["/other"] = made.documents.pop(SERVER)
        made.documents[SERVER] = Response(302, Headers({"location": f"{made.url}/other"}), b"")
        with pytest.raises(UnavailableError, match="has no metadata"):
            await find(made)
        assert "/other" not in made.fetched


@pytest.mark.parametrize(
    "url",
    [
        "https://id.internal/token?a=b", "http://127.0.0.1:8080/token", "http://localhost/token", "http://[::1]:1/token",
        "http://127.8.0.1/token",
    ],
)  # fmt: skip
def test_addresses_that_may_be_told_a_secret(url: str) -> None:
    assert checked(url, path="p") == url


@pytest.mark.parametrize(
    "url", ["http://id.internal/token", "http://10.0.0.1/token", "ftp://id/", "token", "", "https://id/#a", "https://id:0/"]
)  # fmt: skip
def test_addresses_that_may_not(url: str) -> None:
    with pytest.raises(InvalidConfigError):
        checked(url, path="p")


def test_what_a_refusal_says() -> None:
    said = Headers([
        ("www-authenticate", 'Basic realm="a, error=\\"no\\""'),
        ("www-authenticate", 'Bearer Error = insufficient_scope , scope="tools.read tok-1", resource_metadata="a\\"b"'),
    ])  # fmt: skip
    assert parameter(said, "resource_metadata") == 'a"b'
    assert reason(said, "tok-1") == "insufficient_scope, it wants the scope 'tools.read ***'"
    assert reason(Headers({"www-authenticate": 'Bearer error="<script>"'}), "") == ""
    assert reason(Headers({"www-authenticate": 'Bearer error="invalid_token", scope="\x80"'}), "") == "invalid_token"
    assert reason(NONE, "tok") == ""
    assert parameter(Headers({"www-authenticate": json.dumps("a=" * 5000)}), "scope") == ""


def test_files_that_cannot_be_used(tmp_path: Path) -> None:
    with pytest.raises(InvalidConfigError):
        Metadata("https://t.internal/mcp", None, None, issuer="http://id.internal", issuer_ca=None)
