import json
from typing import Any

import pytest

from outrider.core.mcp.messages import ProtocolError, Request
from outrider.core.mcp.protocol import CAPABILITIES_KEY, LEGACY_VERSIONS, SERVER_INFO_KEY, VERSION_KEY
from outrider.core.mcp.routing import Router, ToolCall
from outrider.core.mcp.tools import Annotations, Tool, ToolResult

MODERN = {"_meta": {VERSION_KEY: "2026-07-28", CAPABILITIES_KEY: {}}}
TOOL = Tool(
    name="host_facts",
    title="Facts",
    description="Facts.",
    input_schema={"type": "object"},
    annotations=Annotations(read_only_hint=True, destructive_hint=False, idempotent_hint=True),
)
ROUTER = Router(name="outrider", version="1", instructions="Read first.", keep_seconds=60)


def ask(method: str, params: dict[str, Any] | None = None, headers: dict[str, str] | None = None) -> Any:
    answer = ROUTER.route(Request(1, method, params or {}), [TOOL], headers)
    assert isinstance(answer, bytes)
    return json.loads(answer)["result"]


def refused(method: str, params: dict[str, Any], headers: dict[str, str] | None = None) -> tuple[int, int]:
    with pytest.raises(ProtocolError) as caught:
        ROUTER.route(Request(1, method, params), [TOOL], headers)
    assert caught.value.request_id == 1
    return caught.value.code, caught.value.status


@pytest.mark.parametrize(
    ("wanted", "agreed"), [*((version, version) for version in LEGACY_VERSIONS), ("2024-01-01", "2025-11-25")]
)
def test_a_legacy_client_is_greeted(wanted: str, agreed: str) -> None:
    found = ask("initialize", {"protocolVersion": wanted, "capabilities": {}, "clientInfo": {}})
    assert found["protocolVersion"] == agreed
    assert found["serverInfo"] == {"name": "outrider", "version": "1"}
    assert found["capabilities"] == {"tools": {}}


def test_a_modern_client_discovers() -> None:
    found = ask("server/discover", MODERN)
    assert found["supportedVersions"] == ["2026-07-28"]
    assert (found["resultType"], found["ttlMs"], found["cacheScope"]) == ("complete", 60000, "private")
    assert found["_meta"][SERVER_INFO_KEY]["name"] == "outrider"


def test_tools_are_listed_in_both_eras() -> None:
    modern, legacy = ask("tools/list", MODERN), ask("tools/list")
    assert modern["tools"] == legacy["tools"]
    assert modern["tools"][0]["annotations"]["readOnlyHint"] is True
    assert modern["ttlMs"] == 60000
    assert "ttlMs" not in legacy


@pytest.mark.parametrize("params", [{}, MODERN])
def test_a_call_is_handed_out_and_answered(params: dict[str, Any]) -> None:
    request = Request("x", "tools/call", {**params, "name": "host_facts", "arguments": {"a": 1}})
    call = ROUTER.route(request, [TOOL])
    assert isinstance(call, ToolCall)
    assert (call.name, call.arguments) == ("host_facts", {"a": 1})
    answer = json.loads(ROUTER.answer(call, ToolResult({"b": 2}, failed=True)))
    assert answer["id"] == "x"
    assert answer["result"]["structuredContent"] == {"b": 2}
    assert json.loads(answer["result"]["content"][0]["text"]) == {"b": 2}
    assert answer["result"]["isError"] is True
    assert ("resultType" in answer["result"]) is bool(params)


@pytest.mark.parametrize("params", [{}, MODERN])
def test_what_another_server_says_beside_its_result_stays(params: dict[str, Any]) -> None:
    call = ROUTER.route(Request(1, "tools/call", {**params, "name": "host_facts"}), [TOOL])
    assert isinstance(call, ToolCall)
    told = json.loads(ROUTER.respond(call, {"content": [], "_meta": {"mine": 1}}))["result"]["_meta"]
    assert told.pop("mine") == 1
    assert (told == {}) is not bool(params)


def test_ping_belongs_to_the_legacy_era() -> None:
    assert ask("ping") == {}
    assert refused("ping", MODERN) == (-32601, 404)
    assert refused("initialize", MODERN) == (-32601, 404)


@pytest.mark.parametrize(
    ("method", "params", "expected"),
    [
        ("resources/list", MODERN, (-32601, 404)),
        ("resources/list", {}, (-32601, 200)),
        ("tools/list", {**MODERN, "cursor": "x"}, (-32602, 400)),
        ("tools/call", {**MODERN, "name": 5}, (-32602, 400)),
        ("tools/call", {"arguments": {}}, (-32602, 200)),
        ("tools/call", {**MODERN, "name": "a", "arguments": []}, (-32602, 400)),
        ("initialize", {}, (-32602, 200)),
        ("server/discover", {}, (-32602, 400)),
        ("tools/list", {"_meta": {VERSION_KEY: "2026-07-28"}}, (-32602, 400)),
        ("tools/list", {"_meta": {VERSION_KEY: None, CAPABILITIES_KEY: {}}}, (-32602, 400)),
        ("tools/list", {"_meta": {VERSION_KEY: "2099-01-01", CAPABILITIES_KEY: {}}}, (-32022, 400)),
    ],
)
def test_what_breaks_the_rules_is_refused(method: str, params: dict[str, Any], expected: tuple[int, int]) -> None:
    assert refused(method, params) == expected


def test_an_unknown_version_is_told_the_known_ones() -> None:
    params = {"_meta": {VERSION_KEY: "2099-01-01", CAPABILITIES_KEY: {}}}
    with pytest.raises(ProtocolError) as caught:
        ROUTER.route(Request(1, "server/discover", params), [])
    assert caught.value.data == {"supported": ["2026-07-28"], "requested": "2099-01-01"}


def test_headers_of_a_legacy_request_are_not_trusted() -> None:
    assert ask("tools/list", {}, {"mcp-protocol-version": "2025-06-18", "mcp-method": "tools/call"})["tools"]
    assert ask("tools/list", {}, {"mcp-method": "tools/call"})["tools"]


@pytest.mark.parametrize(
    ("params", "version", "code"),
    [
        (MODERN, None, -32020),
        (MODERN, "2025-11-25", -32020),
        ({}, "2026-07-28", -32602),
        ({}, "2099-01-01", -32602),
    ],
)
def test_headers_and_body_must_agree_on_the_era(params: dict[str, Any], version: str | None, code: int) -> None:
    headers = {"mcp-method": "tools/list"} | ({"mcp-protocol-version": version} if version else {})
    assert refused("tools/list", params, headers) == (code, 400)
