"""How a Tool says where its tokens come from, and what its sidecar is told of it."""

from pathlib import Path
from typing import Any

import pytest

from outrider.core.errors import InvalidConfigError
from outrider.core.oauth_settings import ExchangeSettings, OAuthSettings
from outrider.core.schema import convert
from outrider.core.secrets import SecretRef
from outrider.core.tool_endpoints import ToolEndpoint
from outrider.kinds.agenttype.tools import ToolUse
from tests.kinds.agenttype.support import told

PLACES: dict[str, dict[str, Any]] = {
    "http": {"url": "https://tools.internal/mcp"},
    "openapi": {"document": "pets.yaml"},
}
FULL: dict[str, Any] = {
    "tokenUrl": "https://id.internal/token", "clientId": "outrider", "clientSecret": {"secret": "x", "key": "k"}, "authMethod": "client_secret_post",
    "scope": "tools.read tools.write", "resource": "urn:tools", "audience": "tools", "ca": "id.pem",
    "exchange": {"subjectToken": {"secret": "y"}, "subjectTokenType": "jwt"},
}  # fmt: skip
SIGNED: dict[str, Any] = {
    "issuer": "https://id.internal/one",
    "clientId": "outrider",
    "clientKey": {"secret": "z"},
    "keyId": "k1",
}
LEAST: dict[str, Any] = {"tokenUrl": "https://id.internal/", "clientId": "other", "clientSecret": {"secret": "other"}}


def server(oauth: dict[str, Any], way: str = "http", **more: Any) -> Any:
    endpoint = convert({"version": "1", "transport": {way: {**PLACES[way], "oauth": oauth, **more}}}, ToolEndpoint)
    use = ToolUse(server="s", tools=["*"])
    return told(use, {"s": endpoint}).servers[0]


@pytest.mark.parametrize("way", PLACES)
def test_everything_reaches_the_sidecar(way: str) -> None:
    assert server(FULL, way).oauth == OAuthSettings(
        client_id="outrider", token_url="https://id.internal/token", client_secret=SecretRef("x", "k"), auth_method="client_secret_post",
        scope="tools.read tools.write", resource="urn:tools", audience="tools", ca=Path("/home/ana/id.pem"),
        exchange=ExchangeSettings(subject_token=SecretRef("y"), subject_token_type="jwt"),
    )  # fmt: skip


def test_an_issuer_and_a_key_reach_the_sidecar() -> None:
    assert server(SIGNED).oauth == OAuthSettings(
        client_id="outrider", issuer="https://id.internal/one", client_key=SecretRef("z"), key_id="k1"
    )


@pytest.mark.parametrize(("full", "field"), [*((FULL, one) for one in FULL), *((SIGNED, one) for one in SIGNED)])
def test_every_field_reaches_the_sidecar(full: dict[str, Any], field: str) -> None:
    """Whatever is left out or stands otherwise is rendered otherwise."""
    usual = {key: value for key, value in full.items() if key != field}
    other = LEAST if field in ("tokenUrl", "issuer", "clientId", "clientSecret", "clientKey") else {}
    given = (
        {"issuer": "https://other.internal"}
        if field == "issuer"
        else {key: other[key] for key in other if key == field}
    )
    given |= {"clientKey": {"secret": "other"}} if field == "clientKey" else {}
    assert server(full).oauth != server(usual | given).oauth


def test_nothing_is_told_where_nothing_is_said() -> None:
    endpoint = convert({"version": "1", "transport": {"http": PLACES["http"]}}, ToolEndpoint)
    use = ToolUse(server="s", tools=["*"])
    made = told(use, {"s": endpoint}).servers[0]
    assert made.oauth is None  # type: ignore[union-attr]


@pytest.mark.parametrize("way", PLACES)
@pytest.mark.parametrize(
    ("more", "found"),
    [({"token": {"secret": "t"}}, "oauth and token"), ({"headers": {"authorization": "x"}}, "oauth and authorization")],
)
def test_a_server_is_shown_one_token(way: str, more: dict[str, Any], found: str) -> None:
    with pytest.raises(InvalidConfigError, match="one token") as caught:
        server(LEAST, way, **more)
    assert caught.value.found == found


@pytest.mark.parametrize(
    ("oauth", "path"),
    [
        ({"tokenUrl": None}, ""), ({"issuer": "https://id.internal"}, ""), ({"clientKey": {"secret": "k"}}, "clientKey"),
        ({"clientSecret": None}, "clientSecret"), ({"tokenUrl": "http://id.internal/token"}, "tokenUrl"),
        ({"tokenUrl": "http://127.0.0.1.evil.internal/token"}, "tokenUrl"), ({"tokenUrl": "https://u:p@id.internal/"}, "tokenUrl"),
        ({"tokenUrl": "https://id.internal/#a"}, "tokenUrl"), ({"tokenUrl": None, "issuer": "https://id.internal/?a"}, "issuer"),
        ({"clientId": ""}, "clientId"), ({"clientId": None}, "clientId"), ({"scope": "a  b"}, "scope"), ({"scope": 'a"b'}, "scope"),
        ({"resource": "no address"}, "resource"), ({"resource": "https://a.internal/#b"}, "resource"), ({"authMethod": "none"}, "authMethod"),
        ({"exchange": {}}, "exchange.subjectToken"), ({"clientSecret": "plain"}, "clientSecret"), ({"password": "x"}, "password"),
    ],
)  # fmt: skip
def test_what_cannot_be_declared(oauth: dict[str, Any], path: str) -> None:
    told = {key: value for key, value in (LEAST | oauth).items() if value is not None}
    with pytest.raises(InvalidConfigError) as caught:
        server(told)
    assert caught.value.path == f"transport.http.oauth.{path}".rstrip(".")


def test_only_an_mcp_server_can_be_asked_where_its_tokens_come_from() -> None:
    with pytest.raises(InvalidConfigError, match="only an MCP server") as caught:
        server(SIGNED, "openapi")
    assert caught.value.path == "transport.openapi.oauth.issuer"


@pytest.mark.parametrize("url", ["http://localhost:8080/token", "http://127.0.0.1/token?a=b", "http://[::1]:1/token"])
def test_an_address_of_this_machine_does_without_tls(url: str) -> None:
    assert server(LEAST | {"tokenUrl": url}).oauth.token_url == url


def test_an_exchange_needs_no_secret_of_the_client() -> None:
    oauth = {key: value for key, value in LEAST.items() if key != "clientSecret"}
    assert server({**oauth, "exchange": {"subjectToken": {"secret": "y"}}}).oauth.client_secret is None
