"""Servers that take tokens, and everything that can be wrong with these."""

import asyncio
import json
import logging
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from outrider.core.errors import (
    DeadlineExceededError,
    InvalidConfigError,
    OutriderError,
    UnauthenticatedError,
    UnavailableError,
)
from outrider.core.http.headers import Headers
from outrider.core.http.messages import Request, Response
from outrider.core.secrets import SecretRef
from outrider.core.tool_settings import HttpServerSettings, OpenApiServerSettings, ToolGrantSettings, ToolsSettings
from outrider.ports.clock import SystemClock
from outrider.ports.clock.manual import ManualClock
from outrider.ports.http.server import Server
from outrider.ports.secrets import Resolver
from outrider.sidecar.tools.building import Tools
from outrider.sidecar.tools.servers.http import HttpWire
from outrider.sidecar.tools.servers.mcp import McpServer
from outrider.sidecar.tools.servers.oauth import endpoint
from outrider.sidecar.tools.servers.openapi.server import OpenApiServer
from tests.ports.http.authority import Authority
from tests.sidecar.tools.oauth.support import SECRET, Guarded, Identity, answer, guarded, identity, secrets, wanted
from tests.sidecar.tools.openapi.support import Service

DEFINITION = {"name": "echo", "inputSchema": {"type": "object"}}


@asynccontextmanager
async def reaching(
    folder: Path, issuer: Identity, server: Guarded, clock: Any = None, /, **oauth: Any
) -> AsyncIterator[McpServer]:
    settings = HttpServerSettings(name="s", url=server.url, version="1", oauth=wanted(issuer, **oauth))
    made = McpServer("s", "1", HttpWire(settings, secrets(folder), clock=clock or SystemClock()))
    try:
        yield made
    finally:
        await made.close()


async def call(server: McpServer, timeout: float = 10.0) -> dict[str, Any]:
    return await server.call(DEFINITION, {"arguments": {"text": "hi"}}, timeout)


async def test_many_calls_need_one_token(tmp_path: Path) -> None:
    async with guarded() as (issuer, server), reaching(tmp_path, issuer, server, scope="tools.read") as made:
        issuer.delay = 0.05
        await asyncio.gather(*(call(made) for _ in range(50)))
        assert issuer.forms == [{"grant_type": "client_credentials", "scope": "tools.read", "resource": server.url}]
        assert set(server.shown) == {"token-1"}


@pytest.mark.parametrize(("resource", "sent"), [(None, True), ("", False), ("urn:tools", "urn:tools")])
async def test_the_resource_is_the_server_unless_another_is_named(tmp_path: Path, resource: Any, sent: Any) -> None:
    async with guarded() as (issuer, server), reaching(tmp_path, issuer, server, resource=resource) as made:
        await call(made)
        assert issuer.forms[0].get("resource", False) == (server.url if sent is True else sent)


async def test_a_token_that_is_revoked_is_replaced_and_the_call_sent_again(tmp_path: Path) -> None:
    async with guarded() as (issuer, server), reaching(tmp_path, issuer, server) as made:
        await call(made)
        issuer.good.clear()
        server.shown.clear()
        results = await asyncio.gather(*(call(made) for _ in range(20)))
        assert len(results) == 20
        assert len(issuer.forms) == 2
        assert server.shown.count("token-1") <= 20
        assert server.shown.count("token-2") == 20


@pytest.mark.parametrize("status", [401, 403])
async def test_a_server_that_takes_no_token(tmp_path: Path, status: int) -> None:
    async with guarded() as (issuer, server), reaching(tmp_path, issuer, server, ManualClock()) as made:
        await call(made)
        server.status, server.challenge = status, 'Bearer error="insufficient_scope", scope="tools.write"'
        issuer.refusal = lambda _: answer(access_token="not-good", token_type="Bearer")
        issuer.good.clear()
        for _ in range(5):
            with pytest.raises(UnauthenticatedError) as caught:
                await call(made)
        assert caught.value.message.endswith(
            "not accept its credentials: insufficient_scope, it wants the scope 'tools.write'"
        )
        assert len(issuer.forms) == (2 if status == 401 else 1)
        assert len(server.shown) <= 10


async def test_a_call_waits_no_longer_than_it_may(tmp_path: Path) -> None:
    async with guarded() as (issuer, server), reaching(tmp_path, issuer, server) as made:
        await call(made)
        issuer.good.clear()
        issuer.delay = 60.0
        with pytest.raises(DeadlineExceededError, match=r"no token within 0\.2 s"):
            await call(made, 0.2)


REFUSALS: dict[str, Response] = {
    "refused": answer(401, error="invalid_client", error_description=f"{SECRET} is wrong"),
    "fails": Response(500, Headers({}), b"<html>"),
    "malformed": Response(200, Headers({"content-type": "application/json"}), b'{"access_token": "tok'),
    "elsewhere": Response(307, Headers({"location": "http://127.0.0.1:1/token"}), b""),
    "endless": Response(200, Headers({}), b"x" * 300_000),
}


@pytest.mark.parametrize("refusal", REFUSALS)
async def test_an_endpoint_that_gives_none_is_named_and_left_in_peace(tmp_path: Path, refusal: str) -> None:
    async with guarded() as (issuer, server), reaching(tmp_path, issuer, server, ManualClock()) as made:
        issuer.refusal = lambda _: REFUSALS[refusal]
        for _ in range(3):
            with pytest.raises(OutriderError) as caught:
                await call(made)
            assert caught.value.message.startswith("server 's': no token: ")
            assert issuer.url.removeprefix("http://") in caught.value.message
            assert SECRET not in str(caught.value.body())
        assert len(issuer.forms) == 1
        assert server.shown == []


async def test_an_endpoint_that_nobody_can_vouch_for(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(authority.issue("id", dns=("localhost",)))
    async with guarded() as (_, server), identity(tls) as issuer:
        issuer.url = issuer.url.replace("127.0.0.1", "localhost")
        server.identity = issuer
        async with reaching(tmp_path, issuer, server, ca=authority.file) as made:
            await call(made)
        async with reaching(tmp_path, issuer, server, ca=Authority(tmp_path, "other").file) as made:
            with pytest.raises(UnauthenticatedError, match=r"no token: .*certificate"):
                await call(made)
        assert len(issuer.forms) == 1


async def test_all_that_is_asked_on_the_way_has_one_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoint, "ALL_SECONDS", 0.2)
    async with guarded() as (issuer, server), reaching(tmp_path, issuer, server) as made:
        issuer.delay = 60.0
        with pytest.raises(UnavailableError, match=r"server 's': no token: none within 0\.2 s"):
            await call(made)


async def test_nobody_listens(tmp_path: Path) -> None:
    async with guarded() as (issuer, server):
        async with reaching(tmp_path, issuer, server, token_url="http://127.0.0.1:1/token") as made:
            with pytest.raises(OutriderError) as caught:
                await call(made)
        assert caught.value.code == "UNAVAILABLE"


async def test_a_secret_that_is_changed_is_used_from_then_on(tmp_path: Path) -> None:
    clock = ManualClock()
    async with (
        guarded() as (issuer, server),
        reaching(tmp_path, issuer, server, clock, auth_method="client_secret_post") as made,
    ):
        good = "new"
        issuer.refusal = lambda form: None if form["client_secret"] == good else answer(401, error="invalid_client")
        with pytest.raises(UnauthenticatedError, match="invalid_client"):
            await call(made)
        (tmp_path / "client").write_text("new")
        clock.advance(1.5)
        await call(made)
        assert [one["client_secret"] for one in issuer.forms] == [SECRET, "new"]


async def test_the_endpoint_is_found_out(tmp_path: Path) -> None:
    async with guarded() as (issuer, server):
        place = "/.well-known/oauth-protected-resource/mcp"
        server.documents[place] = answer(resource=server.url, authorization_servers=[issuer.url])
        server.challenge = f'Bearer resource_metadata="{server.url.removesuffix("/mcp")}{place}"'
        issuer.documents["/.well-known/oauth-authorization-server"] = answer(
            issuer=issuer.url, token_endpoint=f"{issuer.url}/token"
        )
        async with reaching(tmp_path, issuer, server, token_url="", issuer=issuer.url) as made:
            await asyncio.gather(*(call(made) for _ in range(20)))
        assert server.shown[0] == ""
        assert [one["resource"] for one in issuer.forms] == [server.url]
        assert len(issuer.fetched) == 1


async def test_an_endpoint_that_has_moved_is_found_again(tmp_path: Path) -> None:
    clock, place = ManualClock(), "/.well-known/oauth-authorization-server"
    async with guarded() as (issuer, server), identity() as moved:
        issuer.documents[place] = answer(issuer=issuer.url, token_endpoint=f"{issuer.url}/token")
        async with reaching(tmp_path, issuer, server, clock, token_url="", issuer=issuer.url) as made:
            await call(made)
            issuer.refusal = lambda _: answer(410)
            issuer.documents[place] = answer(issuer=issuer.url, token_endpoint=f"{moved.url}/token")
            issuer.good.clear()
            with pytest.raises(UnauthenticatedError, match="no token"):
                await call(made)
            clock.advance(2)
            server.identity = moved
            await call(made)
        assert (len(issuer.forms), len(moved.forms)) == (2, 1)


async def test_a_server_cannot_have_the_secret_sent_elsewhere(tmp_path: Path) -> None:
    async with guarded() as (issuer, server), identity() as thief:
        base = server.url.removesuffix("/mcp")
        server.documents["/m"] = answer(resource=server.url, authorization_servers=[thief.url])
        server.challenge = f'Bearer resource_metadata="{base}/m"'
        async with reaching(tmp_path, issuer, server, ManualClock(), token_url="", issuer=issuer.url) as made:
            for _ in range(3):
                with pytest.raises(UnauthenticatedError, match="another authorization server"):
                    await call(made)
        assert (thief.forms, thief.fetched, issuer.forms) == ([], [], [])


@pytest.mark.parametrize("refusal", [*REFUSALS, "none"])
async def test_nothing_secret_is_told_anywhere(tmp_path: Path, caplog: pytest.LogCaptureFixture, refusal: str) -> None:
    caplog.set_level(logging.DEBUG)
    async with guarded() as (issuer, server):
        settings = ToolsSettings(
            servers=[HttpServerSettings(name="s", url=server.url, version="1", oauth=wanted(issuer))],
            grants=[ToolGrantSettings(server="s", tools=["*"])],
        )
        tools = Tools(
            settings, agent="a", state=tmp_path / "state", secrets=secrets(tmp_path), clock=SystemClock(), used=lambda _: None,
            asked=lambda _: None,
        )  # fmt: skip
        try:
            issuer.refusal = lambda _: REFUSALS.get(refusal)
            await tools.catalogue.refresh()
            told = [await tools.desk.call("echo", {"arguments": {}}), repr(tools.status())]
            issuer.refusal = lambda _: REFUSALS["refused"]
            issuer.good.clear()
            told.append(await tools.desk.call("echo", {"arguments": {}}))
        finally:
            await tools.close()
        everything = json.dumps(told) + caplog.text
        everything += "".join(one.read_text() for one in (tmp_path / "state").rglob("*") if one.is_file())
        assert "no token" in everything
        for hidden in (SECRET, json.dumps(SECRET)[1:-1], "s3cret", "token-1", '"tok'):
            assert hidden not in everything
        if refusal == "refused":
            assert "invalid_client: *** is wrong" in everything


class Pets(Service):
    """A service that takes the tokens of an authorization server, for its document too."""

    def __init__(self, issuer: Identity) -> None:
        super().__init__()
        self._issuer = issuer

    async def handle(self, request: Request) -> Response:
        token = (request.headers.get("authorization") or "").removeprefix("Bearer ")
        return await super().handle(request) if token in self._issuer.good else answer(401, error="no")


async def test_a_service_with_a_document(tmp_path: Path) -> None:
    async with identity() as issuer:
        pets = Pets(issuer)
        server = Server(pets.handle)
        url = f"http://127.0.0.1:{await server.start_tcp('127.0.0.1', 0)}"
        parameter = {"name": "Authorization", "in": "header", "schema": {"type": "string"}}
        pets.paths = {"/ping": {"get": {"operationId": "ping", "parameters": [parameter]}}}
        settings = OpenApiServerSettings(
            name="pets", document=f"{url}/openapi.json", oauth=wanted(issuer, audience="pets")
        )
        made = OpenApiServer(settings, secrets(tmp_path))
        try:
            (definition,) = await made.list_tools()
            assert definition["inputSchema"].get("properties", {}) == {}
            for _ in range(2):
                result = await made.call(definition, {"arguments": {}}, 5.0)
                assert result["structuredContent"] == {"a": 1}
                issuer.good.clear()
        finally:
            await made.close()
            await server.stop(0)
        assert issuer.forms == [{"grant_type": "client_credentials", "audience": "pets"}] * 2
        assert [one.headers.get("authorization") for one in pets.requests] == ["Bearer token-1", "Bearer token-2"]


async def test_a_service_for_which_there_is_no_token(tmp_path: Path) -> None:
    async with identity() as issuer:
        issuer.refusal = lambda _: REFUSALS["refused"]
        settings = OpenApiServerSettings(name="pets", document="http://127.0.0.1:1/d.json", oauth=wanted(issuer))
        made = OpenApiServer(settings, secrets(tmp_path))
        with pytest.raises(UnauthenticatedError, match=r"server 'pets': no token: .*invalid_client"):
            await made.list_tools()
        await made.close()


@pytest.mark.parametrize(
    ("more", "oauth", "said"),
    [
        ({"token": SecretRef("client")}, {}, "a token besides oauth"),
        ({"headers": {"AUTHORIZATION": "x"}}, {}, "a token besides oauth"),
        ({}, {"token_url": ""}, "oauth without token_url"),
        ({}, {"client_secret": None}, "oauth without client_secret"),
        ({}, {"token_url": "http://id.internal/token"}, "may be told a secret"),
        ({}, {"token_url": "", "issuer": "http://id.internal"}, "may be told a secret"),
        ({}, {"token_url": "https://id.internal/token", "ca": Path("/nonexistent/ca.pem")}, "cannot be used"),
    ],
)
def test_settings_that_make_no_sense(more: dict[str, Any], oauth: dict[str, Any], said: str) -> None:
    told = wanted(Identity(), **({"token_url": "https://id.internal/token"} | oauth))
    with pytest.raises(InvalidConfigError, match=said) as caught:
        HttpWire(HttpServerSettings(name="s", url="https://t.internal/mcp", oauth=told, **more), Resolver({}))
    assert caught.value.message.startswith("server 's': ")


def test_a_service_cannot_find_it_out() -> None:
    told = wanted(Identity(), token_url="", issuer="https://id.internal")
    with pytest.raises(InvalidConfigError, match="oauth without token_url"):
        OpenApiServer(OpenApiServerSettings(name="s", document="d.json", oauth=told), Resolver({}))
