"""A service, its document and its answers over a network."""

import asyncio
import json
import os
from pathlib import Path
from typing import Any

import pytest

from outrider.core.errors import (
    ConnectionFailedError,
    DeadlineExceededError,
    ExecutionFailedError,
    InvalidConfigError,
    NotFoundError,
    OutriderError,
    UnauthenticatedError,
    UnsupportedError,
)
from outrider.core.http.headers import Headers
from outrider.core.http.messages import Response
from outrider.core.mutual_tls import IdentityFiles, MutualTlsSettings
from outrider.core.secrets import SecretRef
from outrider.core.tool_settings import OpenApiServerSettings, ToolGrantSettings, ToolsSettings
from outrider.ports.clock import SystemClock
from outrider.ports.secrets import Resolver
from outrider.sidecar.tools.building import Tools
from outrider.sidecar.tools.servers.openapi import server as module
from outrider.sidecar.tools.servers.openapi.document import Document, read_document
from tests.sidecar.tools.openapi.support import asking, document, service

PETS: dict[str, Any] = {
    "/pets/{id}": {"get": {"operationId": "getPet"}, "delete": {"operationId": "removePet"}},
    "/pets": {"post": {"operationId": "addPet", "requestBody": {"required": True, "content": {"application/json": {"schema": {"type": "object", "required": ["name"]}}}}}},
}  # fmt: skip


async def call(server: Any, name: str, timeout: float = 5.0, **arguments: Any) -> Any:
    tools = {one["name"]: one for one in await server.list_tools()}
    return await server.call(tools[name], {"arguments": arguments, "_meta": {}}, timeout)


def counted(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Return a list that gets what is read as a document."""
    reads: list[bytes] = []

    def read(content: bytes) -> Document:
        reads.append(content)
        return read_document(content)

    monkeypatch.setattr(module, "read_document", read)
    return reads


async def test_a_fetched_document_that_names_its_own_server(tmp_path: Path) -> None:
    async with (
        service() as pets,
        asking(
            tmp_path, document=f"{pets.url}/openapi.json", token=SecretRef("tok"), headers={"X-Team": "a"}
        ) as server,
    ):
        pets.paths, pets.said = PETS, {"servers": [{"url": "/v1/"}]}
        assert (await call(server, "getPet", id="a/b"))["structuredContent"] == {"a": 1}
        (asked,) = pets.requests
        assert (asked.method, asked.target) == ("GET", "/v1/pets/a%2Fb")
        assert asked.headers.get("authorization") == "Bearer sk-pets"
        assert asked.headers.get("x-team") == "a"
        assert (asked.headers.get("user-agent") or "").startswith("outrider/")
        # The document is at the same origin, and so it is fetched with the same credentials.
        assert pets.fetched[0].headers.get("authorization") == "Bearer sk-pets"
        await call(server, "addPet", body={"name": "x"})
        assert (pets.requests[1].body, pets.requests[1].headers.get("content-type")) == (
            b'{"name":"x"}',
            "application/json",
        )


async def test_a_document_of_another_origin_gets_no_credentials(tmp_path: Path) -> None:
    async with service() as pets, service() as docs:
        docs.paths = PETS
        async with asking(
            tmp_path, document=f"{docs.url}/openapi.json", url=f"{pets.url}/v2", token=SecretRef("tok")
        ) as server:
            await call(server, "removePet", id="7")
            assert docs.fetched[0].headers.get("authorization") is None
            assert pets.requests[0].headers.get("authorization") == "Bearer sk-pets"
            assert (pets.requests[0].method, pets.requests[0].target) == ("DELETE", "/v2/pets/7")


async def test_a_certificate_is_shown_under_tls_only_and_to_the_service_only(tmp_path: Path) -> None:
    mutual = MutualTlsSettings(identity=IdentityFiles(certificate=tmp_path / "svid.pem"))
    (tmp_path / "d.json").write_text(json.dumps(document(PETS, servers=[{"url": "http://pets.internal/v1"}])))
    async with asking(tmp_path, document=str(tmp_path / "d.json"), mutual_tls=mutual) as server:
        with pytest.raises(InvalidConfigError, match="server 'pets': mutualTls: there is no TLS"):
            await server.list_tools()
    with pytest.raises(InvalidConfigError, match="mutualTls: there is no TLS"):
        async with asking(tmp_path, document="http://pets.internal/openapi.json", mutual_tls=mutual):
            raise AssertionError
    async with service() as docs:
        docs.paths = PETS
        address = f"{docs.url}/openapi.json"  # another origin, which is shown nothing and need not have TLS
        async with asking(tmp_path, document=address, url="https://pets.internal/v1", mutual_tls=mutual) as server:
            with pytest.raises(InvalidConfigError, match="certificate cannot be used"):
                await server.list_tools()
            assert docs.fetched


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/v1", "https://evil.internal"])
async def test_a_fetched_document_does_not_send_credentials_elsewhere(tmp_path: Path, url: str) -> None:
    async with (
        service() as docs,
        asking(tmp_path, document=f"{docs.url}/openapi.json", token=SecretRef("tok")) as server,
    ):
        docs.said = {"servers": [{"url": url}]}
        with pytest.raises(InvalidConfigError, match=r"server 'pets': .* another origin"):
            await server.list_tools()


async def test_a_file_is_read_again_when_it_has_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reads = counted(monkeypatch)
    path = tmp_path / "pets.yaml"
    path.write_text(json.dumps(document(PETS)))
    async with service() as pets, asking(tmp_path, document=str(path), url=pets.url) as server:
        assert {one["name"] for one in await server.list_tools()} == {"getPet", "removePet", "addPet"}
        await server.list_tools()
        assert len(reads) == 1
        path.write_text("openapi: 3.0.0\npaths: {/a: {get: {operationId: a}}}")
        assert [one["name"] for one in await server.list_tools()] == ["a"]
        path.write_text("openapi: [")
        for _ in range(2):
            with pytest.raises(InvalidConfigError, match="server 'pets': not YAML"):
                await server.list_tools()
        assert len(reads) == 3
        path.unlink()
        with pytest.raises(NotFoundError, match=r"server 'pets': its document .* is not there"):
            await server.list_tools()


@pytest.mark.parametrize("etag", ["", '"1"'])
async def test_an_address_is_read_again_when_it_has_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, etag: str
) -> None:
    reads = counted(monkeypatch)
    async with service() as pets, asking(tmp_path, document=f"{pets.url}/openapi.json") as server:
        pets.etag = etag
        for _ in range(3):
            assert len(await server.list_tools()) == 1
        assert (len(pets.fetched), len(reads)) == (3, 1)
        pets.paths, pets.etag = PETS, etag and '"2"'
        assert len(await server.list_tools()) == 3
        assert len(reads) == 2


@pytest.mark.parametrize(
    ("response", "error", "said"),
    [
        (Response(401), UnauthenticatedError, "status 401 without credentials"),
        (Response(302, Headers({"location": "/b"})), ExecutionFailedError, "name /b in place of it"),
        (Response(500), ExecutionFailedError, "status 500"), (Response(304), ExecutionFailedError, "status 304"),
        (Response(200, body=b"<html>"), InvalidConfigError, "no mapping"), (Response(200, body=b"swagger: '2.0'"), UnsupportedError, "Swagger 2.0"),
    ],
)  # fmt: skip
async def test_a_document_that_is_not_to_be_had(
    tmp_path: Path, response: Response, error: type[OutriderError], said: str
) -> None:
    async with (
        service() as docs,
        service() as pets,
        asking(tmp_path, document=f"{docs.url}/openapi.json", url=pets.url, token=SecretRef("tok")) as server,
    ):
        docs.raw = response
        with pytest.raises(error) as caught:
            await server.list_tools()
        assert said in caught.value.message
        assert caught.value.message.startswith("server 'pets': ")


@pytest.mark.parametrize(
    ("servers", "said"),
    [
        (None, "says no address"), ([{"url": "/v1"}], "says no address"), ([{"url": "https://{region}.a.internal"}], "without a default"),
        ([{"url": "ftp://a.internal"}], "no address of a service"), ([{"url": "https://u:p@a.internal"}], "no address of a service"),
        ([{"url": "https://a.internal/?x=1"}], "no address of a service"), ([{"url": "https://a.internal:port"}], "no address of a service"),
        ([{"url": "https://a b.internal"}], "server"), ([7], "says no address"), ([{"url": 7}], "says no address"),
    ],
)  # fmt: skip
async def test_a_file_that_says_not_where_the_service_is(tmp_path: Path, servers: Any, said: str) -> None:
    (tmp_path / "d.json").write_text(json.dumps(document(PETS, servers=servers)))
    async with asking(tmp_path, document=str(tmp_path / "d.json")) as server:
        with pytest.raises(InvalidConfigError, match="server 'pets': ") as caught:
            await server.list_tools()
        assert said in caught.value.message


async def test_a_server_with_variables(tmp_path: Path) -> None:
    async with service() as pets, asking(tmp_path, document=str(tmp_path / "d.json")) as server:
        url = pets.url.replace("127.0.0.1", "{host}") + "/{version}/ü"
        variables = {"host": {"default": "127.0.0.1"}, "version": {"default": "v1"}}
        (tmp_path / "d.json").write_text(json.dumps(document(PETS, servers=[{"url": url, "variables": variables}])))
        await call(server, "getPet", id="1")
        assert pets.requests[0].target == "/v1/%C3%BC/pets/1"


async def test_a_document_may_name_another_server_later(tmp_path: Path) -> None:
    async with service() as first, service() as second, asking(tmp_path, document=str(tmp_path / "d.json")) as server:
        for one in (first, second):
            (tmp_path / "d.json").write_text(json.dumps(document(PETS, servers=[{"url": one.url}])))
            await call(server, "getPet", id="1")
            assert len(one.requests) == 1


async def test_arguments_are_checked_before_anything_is_sent(tmp_path: Path) -> None:
    async with service() as pets, asking(tmp_path, document=f"{pets.url}/openapi.json") as server:
        pets.paths = PETS
        for name, arguments, path in (
            ("addPet", {}, "body"),
            ("addPet", {"body": {}}, "body.name"),
            ("getPet", {"id": "1", "x": 1}, "x"),
            ("getPet", {"id": ".."}, "id"),
        ):
            with pytest.raises(InvalidConfigError) as caught:
                await call(server, name, **arguments)
            assert caught.value.path == path
        assert pets.requests == []


async def test_answers_and_their_bounds(tmp_path: Path) -> None:
    async with service() as pets, asking(tmp_path, document=f"{pets.url}/openapi.json") as server:
        pets.answer = Response(404, Headers({"content-type": "application/json"}), b'{"detail":"none"}')
        result = await call(server, "ping")
        assert result["isError"]
        assert result["content"][0]["text"] == 'HTTP status 404 Not Found\n{"detail":"none"}'
        pets.answer = Response(302, Headers({"location": f"{pets.url}/elsewhere"}))
        assert (await call(server, "ping"))["isError"]
        assert len(pets.requests) == 2
        pets.answer = Response(200, body=b"x" * 3_000_000)
        with pytest.raises(OutriderError, match="longer than"):
            await call(server, "ping")


async def test_a_call_that_ends_early_ends_its_request(tmp_path: Path) -> None:
    gone, begun = asyncio.Event(), asyncio.Event()

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        begun.set()
        await reader.read()
        gone.set()
        writer.close()

    slow = await asyncio.start_server(hang, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{slow.sockets[0].getsockname()[1]}"
    (tmp_path / "d.json").write_text(json.dumps(document(PETS)))
    async with asking(tmp_path, document=str(tmp_path / "d.json"), url=url) as server:
        with pytest.raises(DeadlineExceededError, match="no complete answer within"):
            await call(server, "getPet", 0.2, id="1")
        await gone.wait()
        gone.clear()
        begun.clear()
        task = asyncio.create_task(call(server, "getPet", id="1"))
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await gone.wait()
    slow.close()
    await slow.wait_closed()


async def test_before_the_first_look_and_after_the_last(tmp_path: Path) -> None:
    async with service() as pets, asking(tmp_path, document=f"{pets.url}/openapi.json") as server:
        with pytest.raises(OutriderError, match="not asked yet"):
            await server.call({"name": "ping"}, {"arguments": {}}, 1.0)
        await server.list_tools()
        with pytest.raises(NotFoundError, match="has no 'pong' any more"):
            await server.call({"name": "pong"}, {"arguments": {}}, 1.0)


async def test_a_service_that_is_away(tmp_path: Path) -> None:
    (tmp_path / "d.json").write_text(json.dumps(document(PETS)))
    async with asking(tmp_path, document=str(tmp_path / "d.json"), url="http://127.0.0.1:1") as server:
        with pytest.raises(ConnectionFailedError):
            await call(server, "getPet", id="1")


@pytest.mark.parametrize(
    "settings",
    [
        {"url": "http://a b/"},
        {"url": "http://h:x/"},
        {"url": "ftp://h/"},
        {"document": "http://h:99999/x"},
        {"url": "https://h/", "ca": Path("/nowhere")},
    ],
)
def test_settings_that_cannot_be_used(settings: dict[str, Any]) -> None:
    with pytest.raises(OutriderError, match="pets"):
        module.OpenApiServer(OpenApiServerSettings(name="pets", **({"document": "d.json"} | settings)), Resolver({}))


def test_a_document_that_is_too_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "long.json"
    path.write_bytes(b"")
    os.truncate(path, 17 * 1024 * 1024)
    made = module.OpenApiServer(OpenApiServerSettings(name="pets", document=str(path), url="http://h/"), Resolver({}))
    with pytest.raises(InvalidConfigError, match="more than 16777216 bytes"):
        asyncio.run(made.list_tools())


async def test_what_is_left_out_is_told_of_where_it_is_granted(tmp_path: Path) -> None:
    paths = {**PETS, "/b": {"get": {"operationId": "broken", "parameters": [7]}}}
    (tmp_path / "d.json").write_text(json.dumps(document(paths)))
    for tools, problem in (
        (["*"], "left out 1 operations: GET /b: a parameter is no mapping"),
        (["getPet", "broken"], "left out 1"),
        (["getPet"], ""),
    ):
        settings = ToolsSettings(
            servers=[OpenApiServerSettings(name="pets", document=str(tmp_path / "d.json"), url="http://127.0.0.1:1", version="1")],
            grants=[ToolGrantSettings(server="pets", tools=tools, prefix="pets_")],
        )  # fmt: skip
        made = Tools(
            settings, agent="a", state=tmp_path / f"state{len(tools)}{problem[:1]}", secrets=Resolver({}), clock=SystemClock(), used=lambda _: None,
            asked=lambda _: None,
        )  # fmt: skip
        await made.catalogue.refresh()
        assert made.status().problems.get("pets", "").startswith(problem)
        assert "pets_getPet" in {one.name for one in made.catalogue.all()}
        await made.close()


async def test_another_operation_under_the_same_name_is_refused(tmp_path: Path) -> None:
    async with service() as pets:
        pets.paths = {"/pets/{id}": {"get": {"operationId": "pet"}}}
        settings = ToolsSettings(
            servers=[OpenApiServerSettings(name="pets", document=f"{pets.url}/openapi.json", version="1")],
            grants=[ToolGrantSettings(server="pets", tools=["pet"])],
        )  # fmt: skip
        made = Tools(
            settings,
            agent="a",
            state=tmp_path,
            secrets=Resolver({}),
            clock=SystemClock(),
            used=lambda _: None,
            asked=lambda _: None,
        )
        await made.catalogue.refresh()
        assert not (await made.desk.call("pet", {"arguments": {"id": "1"}}))["isError"]
        pets.paths = {"/pets/{id}": {"delete": {"operationId": "pet"}}}
        await made.catalogue.refresh()
        result = await made.desk.call("pet", {"arguments": {"id": "1"}})
        assert result["structuredContent"]["code"] == "CONFLICT"
        assert [one.method for one in pets.requests] == ["GET"]
        await made.close()
