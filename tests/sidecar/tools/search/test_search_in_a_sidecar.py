"""A service with many operations, as an agent sees it through a sidecar of its own."""

import http.client
import json
import socket
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from outrider.core.sidecar_settings import LlmSettings, ProviderSettings, RouteSettings
from outrider.sidecar.own_servers import models_of
from tests.sidecar.process import Sidecar, started
from tests.sidecar.tools.openapi.support import document
from tests.sidecar.tools.search.support import names

pytestmark = pytest.mark.timeout(120)
THINGS = (
    "invoice",
    "customer",
    "warehouse",
    "parcel",
    "refund",
    "voucher",
    "supplier",
    "contract",
    "employee",
    "vehicle",
)
VERBS = {"create": "post", "list": "get", "delete": "delete", "replace": "put", "change": "patch"}
NOTES = {"name": "notes", "type": "kv"}


def service() -> dict[str, Any]:
    """Return a document with fifty operations."""
    paths: dict[str, Any] = {}
    for thing in THINGS:
        for verb, method in VERBS.items():
            said = {"operationId": f"{verb}{thing.title()}", "summary": f"{verb.title()} {thing}s", "responses": {}}
            paths.setdefault(f"/{thing}s", {})[method] = said
    return document(paths, servers=[{"url": "http://127.0.0.1:9/"}])


def settings(folder: Path, **search: Any) -> dict[str, Any]:
    (folder / "key").write_text("sk-virtual")
    (folder / "answers.yaml").write_text(yaml.safe_dump([{"say": "hi"}]))
    (folder / "service.json").write_text(json.dumps(service()))
    return {
        "agent": "ana", "state": str(folder / "state"), "keys": [{"secret": "key"}], "memories": [NOTES], "control": str(folder / "c"),
        "llm": {"routes": [{"alias": "embed", "providers": []}], "offline": str(folder / "answers.yaml")},
        "secret_sources": {"key": {"file": str(folder / "key")}},
        "tools": {
            "servers": [{"name": "shop", "transport": "openapi", "version": "1", "document": str(folder / "service.json")}],
            "grants": [{"server": "shop", "tools": ["*"], "prefix": "shop_"}], "search": search,
        },
    }  # fmt: skip


def ask(sidecar: Sidecar, method: str, path: str, body: Any = None) -> Any:
    connection = http.client.HTTPConnection(sidecar.address, timeout=20)
    connection.request(method, path, json.dumps(body), {"authorization": "Bearer sk-virtual"})
    answer = json.loads(connection.getresponse().read())
    connection.close()
    return answer


def problems(folder: Path) -> dict[str, str]:
    """Return what the control socket tells."""
    connection = http.client.HTTPConnection("sidecar")
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.connect(str(folder / "c" / "control.sock"))
    connection.request("GET", "/status")
    found: dict[str, str] = json.loads(connection.getresponse().read())["tools"]["problems"]
    connection.close()
    return found


def test_the_list_is_short_and_every_tool_is_found(tmp_path: Path) -> None:
    with started(tmp_path, settings(tmp_path)) as sidecar:
        tools = ask(sidecar, "GET", "/v1/tools")["tools"]
        assert [one["name"] for one in tools] == [
            "find_tools", "notes_delete", "notes_get", "notes_list", "notes_put",
        ]  # fmt: skip
        (finder, *_) = tools
        assert finder["annotations"]["readOnlyHint"] is True
        assert finder["inputSchema"]["properties"]["limit"]["default"] == 8
        assert finder["inputSchema"]["properties"]["query"]["description"]
        for thing in THINGS:
            for verb in VERBS:
                found = ask(sidecar, "POST", "/v1/tools/find_tools", {"query": f"{verb} a {thing}", "limit": 1})
                assert names(found) == [f"shop_{verb}{thing.title()}"]
        called = ask(sidecar, "POST", "/v1/tools/shop_listInvoice", {})
        assert "127.0.0.1:9" in json.dumps(called), "it is called, though nobody listens there"
        assert ask(sidecar, "GET", "/v1/tools")["tools"] == tools


def test_few_tools_are_listed_as_ever(tmp_path: Path) -> None:
    with started(tmp_path, settings(tmp_path, list_up_to=50)) as sidecar:
        tools = [one["name"] for one in ask(sidecar, "GET", "/v1/tools")["tools"]]
        assert len(tools) == 54
        assert "find_tools" not in tools


def test_embeddings_go_through_the_gateway_once(tmp_path: Path) -> None:
    told = settings(tmp_path, embedding="embed")
    for asked in (3, 4):  # fifty tools in two requests, and a query; after a start only a query
        with started(tmp_path, told) as sidecar:
            ask(sidecar, "GET", "/v1/tools")
            before = time.monotonic()
            while problems(tmp_path):
                assert time.monotonic() < before + 30, problems(tmp_path)
            # It is no word of any tool, but shares parts of words.
            found = ask(sidecar, "POST", "/v1/tools/find_tools", {"query": "warehousing"})
            assert any("Warehouse" in name for name in names(found))
        assert [one["endpoint"] for one in sidecar.ledger()] == ["embeddings"] * asked


def test_vectors_are_those_of_the_models_of_a_route() -> None:
    def told(alias: str = "embed", script: Path | None = None, **provider: Any) -> str:
        one = ProviderSettings(**{"provider": "p", "dialect": "openai", "url": "https://p/v1", "model": "m"} | provider)
        return models_of(LlmSettings(routes=[RouteSettings(alias=alias, providers=[one])], offline=script), "embed")

    assert told() == told(weight=5) == told(priority=2)
    assert len({told(), told(model="n"), told(url="https://q/v1"), told(alias="other"), told(script=Path("a"))}) == 5


def test_a_route_that_is_not_there_is_told_of(tmp_path: Path) -> None:
    with started(tmp_path, settings(tmp_path, embedding="nope")) as sidecar:
        ask(sidecar, "GET", "/v1/tools")
        before = time.monotonic()
        while "route 'nope' embeds nothing" not in problems(tmp_path).get("@search", ""):
            assert time.monotonic() < before + 30, problems(tmp_path)
        found = ask(sidecar, "POST", "/v1/tools/find_tools", {"query": "delete parcels", "limit": 1})
        assert names(found) == ["shop_deleteParcel"]
