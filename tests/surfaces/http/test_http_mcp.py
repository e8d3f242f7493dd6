"""MCP over HTTP: the official clients, and requests whose headers and body disagree."""

import json
from pathlib import Path
from typing import Any

import pytest

from outrider.core.mcp.protocol import CAPABILITIES_KEY, VERSION_KEY
from tests.peers import mcp_client
from tests.surfaces.http.serving import Answer, Served

pytestmark = pytest.mark.real
VERSION = "2026-07-28"


def post(served: Served, message: Any, **headers: str) -> Answer:
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    return served.ask("POST", "/mcp", message, headers={"content-type": "application/json", **fields})


def modern(served: Served, method: str = "tools/call", name: str = "host_facts", **headers: str) -> Answer:
    params = {"name": name, "arguments": {}, "_meta": {VERSION_KEY: VERSION, CAPABILITIES_KEY: {}}}
    fields = {"MCP_Protocol_Version": VERSION, "Mcp_Method": method, "Mcp_Name": name} | headers
    return post(served, {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}, **fields)


@pytest.mark.parametrize(("sdk", "version"), [("mcp1", "2025-11-25"), ("mcp2", VERSION)])
def test_the_official_clients(served: Served, home: Path, sdk: str, version: str) -> None:
    calls: list[tuple[str, dict[str, Any]]] = [
        ("host_facts", {}),
        ("host_file_write", {"path": str(home / "a"), "content": "x"}),
        ("host_nothing", {}),
    ]
    seen = mcp_client.run(sdk, calls, url=f"{served.address}/mcp", token=served.token)
    assert seen.version == version
    assert [result.failed for result in seen.results] == [False, False, True]
    assert seen.results[2].content["code"] == "UNKNOWN_OPERATION"
    plan = seen.results[1].content
    assert served.ask("GET", f"/v1/plans/{plan['id']}").json["plan"]["actor"] == "agent:assistant"


def test_a_modern_call(served: Served) -> None:
    answer = modern(served)
    assert (answer.status, answer.json["result"]["isError"]) == (200, False)


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"Mcp_Name": "host_file_read"}, 400, -32020),
        ({"Mcp_Name": ""}, 400, -32020),
        ({"Mcp_Method": "tools/list"}, 400, -32020),
        ({"MCP_Protocol_Version": "2025-11-25"}, 400, -32020),
        ({"MCP_Protocol_Version": ""}, 400, -32020),
    ],
)
def test_headers_that_say_something_else_are_refused(
    served: Served, headers: dict[str, str], status: int, code: int
) -> None:
    answer = modern(served, **headers)
    assert (answer.status, answer.json["error"]["code"]) == (status, code)


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"{", 400, -32700),
        (b"", 400, -32700),
        (b"[]", 400, -32600),
        (json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/nothing"}).encode(), 200, -32601),
    ],
)
def test_what_is_no_message_is_refused(served: Served, body: bytes, status: int, code: int) -> None:
    answer = post(served, body)
    assert (answer.status, answer.json["error"]["code"]) == (status, code)


def test_an_unknown_method_of_the_modern_era_is_not_found(served: Served) -> None:
    answer = modern(served, method="resources/list")
    assert (answer.status, answer.json["error"]["code"]) == (404, -32601)


def test_a_notification_is_taken(served: Served) -> None:
    answer = post(served, {"jsonrpc": "2.0", "method": "notifications/initialized"})
    assert (answer.status, answer.body) == (202, b"")


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_there_is_no_stream_and_no_session(served: Served, method: str) -> None:
    answer = served.ask(method, "/mcp")
    assert answer.status == 405
    assert "POST" in answer.headers["allow"]


def test_a_page_of_another_origin_is_refused(served: Served) -> None:
    assert modern(served, Origin="https://evil.example").status == 403
