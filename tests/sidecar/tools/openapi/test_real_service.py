"""Services that we did not write, through the sidecar: an agent calls their operations as tools."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from outrider.core.secrets import SecretRef
from tests.servers.web_service import WebService
from tests.sidecar.process import Sidecar, started
from tests.sidecar.tools.openapi.support import asking
from tests.sidecar.tools.test_real_servers import ask
from tests.surfaces.http.serving import serving

pytestmark = [pytest.mark.real, pytest.mark.timeout(120)]


@pytest.fixture(scope="module")
def service() -> Iterator[WebService]:
    with WebService() as made:
        yield made


@pytest.fixture(scope="module")
def sidecar(service: WebService, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sidecar]:
    folder = tmp_path_factory.mktemp("sidecar")
    (folder / "key").write_text("sk-virtual")
    (folder / "token").write_text("sk-pets")
    settings = {
        "agent": "ana", "listen": "127.0.0.1:0", "state": str(folder / "state"), "keys": [{"secret": "key"}],
        "secret_sources": {"key": {"file": str(folder / "key")}, "token": {"file": str(folder / "token")}},
        "tools": {
            "servers": [{"name": "pets", "transport": "openapi", "version": "1", "document": service.document, "token": {"secret": "token"}}],
            "grants": [{"server": "pets", "tools": ["*"]}],
        },
    }  # fmt: skip
    with started(folder, settings) as made:
        yield made


def call(sidecar: Sidecar, tool: str, **arguments: Any) -> Any:
    status, result = ask(sidecar, "POST", f"/v1/tools/{tool}", arguments)
    assert status == 200
    return result


def test_every_operation_is_a_tool(sidecar: Sidecar) -> None:
    _, listed = ask(sidecar, "GET", "/v1/tools")
    tools = {one["name"]: one for one in listed["tools"]}
    assert set(tools) == {
        "getPet", "addPet", "replacePet", "changePet", "removePet", "form", "parts", "list", "text", "image", "away",
        "NothingSaidUnnamed",
    }  # fmt: skip
    assert tools["getPet"]["title"] == "Say what was asked for"
    assert list(tools["getPet"]["inputSchema"]["properties"]) == [
        "pet_id",
        "name",
        "limit",
        "colour",
        "exact",
        "X-Trace",
        "session",
    ]
    assert tools["addPet"]["inputSchema"]["$defs"]["Pet"]["properties"]["parent"] == {
        "oneOf": [{"$ref": "#/$defs/Pet"}, {"type": "null"}]
    }
    assert tools["removePet"]["annotations"] == {"readOnlyHint": False, "destructiveHint": True, "idempotentHint": True}


TEXTS = ["x", "ü ß", "a&b=c", "100%", "+ +", "a;b", '"', "\\", "#?", "\r\n", "😀", " a ", "a,b"]


def test_parameters_arrive_as_they_were_sent(sidecar: Sidecar) -> None:
    for text in TEXTS:
        said = call(sidecar, "getPet", pet_id=text, name=[text, "y"], limit=7, colour="blue", exact=True)[
            "structuredContent"
        ]
        assert (said["pet_id"], said["names"]) == (text, [text, "y"])
        assert (said["limit"], said["colour"], said["exact"]) == (7, "blue", True)
        assert said["authorization"] == "Bearer sk-pets"
    said = call(sidecar, "getPet", pet_id="1", **{"X-Trace": "t 1"}, session="s-1")["structuredContent"]
    assert (said["trace"], said["session"], said["names"]) == ("t 1", "s-1", None)


def test_no_value_leads_to_another_path(sidecar: Sidecar) -> None:
    for text in ("..", "../list", "", "a/../../list", "%2e%2e"):
        result = call(sidecar, "getPet", pet_id=text)
        assert result["structuredContent"]["code"] == "INVALID_CONFIG"
        assert result["structuredContent"]["path"] == "pet_id"
    # Litestar decodes before it chooses a handler: what it finds is none.
    assert call(sidecar, "getPet", pet_id="a/b")["structuredContent"] == {"status": 404}
    injected = call(sidecar, "getPet", pet_id="1", **{"X-Trace": "a\r\nauthorization: b"})["structuredContent"]
    assert (injected["code"], injected["path"]) == ("INVALID_CONFIG", "X-Trace")


def test_bodies_arrive_as_they_were_sent(sidecar: Sidecar) -> None:
    pet = {
        "name": "Rex ü",
        "colour": "blue",
        "age": 3,
        "tags": ["a", "b"],
        "parent": {"name": "Ann", "colour": "red", "age": None, "tags": [], "parent": None},
    }
    assert call(sidecar, "addPet", body=pet)["structuredContent"] == pet
    assert call(sidecar, "replacePet", pet_id=5, body=pet)["structuredContent"] == {"pet_id": 5, **pet}
    assert call(sidecar, "changePet", pet_id=5, body={"a": [1, {}]})["structuredContent"] == {
        "pet_id": 5,
        "data": {"a": [1, {}]},
    }
    flat = {"name": "Rex &=+ü", "colour": "blue", "age": 3, "tags": ["a", "b"]}
    assert call(sidecar, "form", body=flat)["structuredContent"] == {**flat, "parent": None}
    assert call(sidecar, "parts", body={"a": "1\r\n--x", "b": "ü"})["structuredContent"] == {"a": "1\r\n--x", "b": "ü"}


def test_arguments_that_do_not_fit_are_not_sent(sidecar: Sidecar) -> None:
    calls: list[tuple[str, dict[str, Any], str]] = [
        ("addPet", {"body": {"name": 5}}, "body.name"), ("getPet", {"pet_id": "1", "limit": 1000}, "limit"),
        ("removePet", {"pet_id": "x"}, "pet_id"), ("getPet", {}, "pet_id"), ("getPet", {"pet_id": "1", "authorization": "x"}, "authorization"),
    ]  # fmt: skip
    for tool, arguments, path in calls:
        found = call(sidecar, tool, **arguments)["structuredContent"]
        assert (found["code"], found["path"]) == ("INVALID_CONFIG", path)


def test_answers(sidecar: Sidecar) -> None:
    assert call(sidecar, "list")["structuredContent"] == {"result": [1, 2]}
    assert call(sidecar, "text") == {"content": [{"type": "text", "text": "hello"}], "isError": False}
    assert call(sidecar, "image")["content"][0]["text"] == "image/png, 5 bytes, which are not shown"
    assert call(sidecar, "removePet", pet_id=1)["content"] == [{"type": "text", "text": ""}]
    missing = call(sidecar, "removePet", pet_id=404)
    assert missing["isError"]
    head, _, body = missing["content"][0]["text"].partition("\n")
    assert (head, json.loads(body)["detail"]) == ("HTTP status 404 Not Found", "no such pet")
    away = call(sidecar, "away")
    assert away["isError"]
    assert away["content"][0]["text"].startswith("HTTP status 302 Found, to /list; redirects are not followed")


def test_each_call_is_audited(sidecar: Sidecar, tmp_path: Path) -> None:
    call(sidecar, "list")
    entries = [
        json.loads(line)["entry"] for line in (sidecar.folder / "state" / "audit.jsonl").read_text().splitlines()
    ]
    assert (entries[-1]["action"], entries[-1]["outcome"]) == ("tool.pets.list", "ok")


async def test_our_own_operations_over_http(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("one\ntwo\n")
    with serving() as served:
        async with asking(tmp_path, document=f"{served.address}/openapi.json", token=SecretRef("tok")) as server:
            (tmp_path / "tok").write_text(served.token)
            tools = {one["name"]: one for one in await server.list_tools()}
            assert server.left_out == {}
            (name,) = [one for one in tools if "file_tail" in one or "fileTail" in one.replace(".", "_")]
            result = await server.call(
                tools[name], {"arguments": {"body": {"path": str(tmp_path / "log"), "lines": 1}}}, 20.0
            )
            assert not result["isError"], result
            assert "two" in result["content"][0]["text"]
            refused = await server.call(tools[name], {"arguments": {"body": {"path": str(tmp_path / "none")}}}, 20.0)
            assert refused["isError"]
            assert refused["content"][0]["text"].startswith("HTTP status 4")
