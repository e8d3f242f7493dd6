"""MCP servers and clients that we did not write, of both generations, with the sidecar between them."""

import http.client
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.peers import mcp_client
from tests.peers.environments import install
from tests.servers.mcp_servers import PROGRAMS, McpServerProcess
from tests.sidecar.process import Sidecar, started

pytestmark = [pytest.mark.real, pytest.mark.timeout(240)]
SDKS = ["mcp1", "mcp2"]


@pytest.fixture(params=SDKS)
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[McpServerProcess]:
    with McpServerProcess(request.param, tmp_path / "server.log") as made:
        yield made


def settings(folder: Path, server: McpServerProcess | None, **grant: Any) -> dict[str, Any]:
    usual = {"server": "shop", "tools": ["add", "fail", "wait", "count"], "prefix": "shop_"}
    (folder / "key").write_text("sk-virtual")
    return {
        "agent": "triage",
        "state": str(folder / "state"),
        "keys": [{"secret": "key"}],
        "secret_sources": {"key": {"file": str(folder / "key")}},
        "tools": {
            "servers": [{"name": "shop", "transport": "http", "url": server.url, "version": "1"}] if server else [],
            "grants": [usual | grant],
        },
    }


def ask(sidecar: Sidecar, method: str, path: str, body: Any = None, key: str = "sk-virtual") -> tuple[int, Any]:
    connection = http.client.HTTPConnection(sidecar.address, timeout=30)
    connection.request(method, path, None if body is None else json.dumps(body), {"authorization": f"Bearer {key}"})
    answer = connection.getresponse()
    text = answer.read()
    connection.close()
    return answer.status, json.loads(text) if text else None


@pytest.mark.parametrize("client", SDKS)
def test_every_client_uses_every_server(tmp_path: Path, server: McpServerProcess, client: str) -> None:
    with started(tmp_path, settings(tmp_path, server)) as sidecar:
        seen = mcp_client.run(
            client,
            [
                ("shop_add", {"a": 1, "b": 2}),
                ("shop_fail", {"reason": "why"}),
                ("shop_hidden", {}),
                ("add", {"a": 1, "b": 2}),
            ],
            url=f"http://{sidecar.address}/mcp",
            token="sk-virtual",
        )
    assert seen.version == ("2026-07-28" if client == "mcp2" else "2025-11-25")
    assert [tool["name"] for tool in seen.tools] == ["shop_add", "shop_count", "shop_fail", "shop_wait"]
    added, failed, hidden, unprefixed = seen.results
    assert not added.failed
    assert added.content == {"result": 3}
    assert failed.failed
    assert hidden.failed
    assert unprefixed.failed
    assert "shop_add" in hidden.content["expected"]


def test_the_same_tools_over_plain_http(tmp_path: Path, server: McpServerProcess) -> None:
    with started(tmp_path, settings(tmp_path, server, arguments={"a": [1, 2]})) as sidecar:
        status, listed = ask(sidecar, "GET", "/v1/tools")
        assert (status, [tool["name"] for tool in listed["tools"]]) == (
            200,
            ["shop_add", "shop_count", "shop_fail", "shop_wait"],
        )
        status, result = ask(sidecar, "POST", "/v1/tools/shop_add", {"a": 1, "b": 2})
        assert (status, result["structuredContent"], result["isError"]) == (200, {"result": 3}, False)
        _, refused = ask(sidecar, "POST", "/v1/tools/shop_add", {"a": 3, "b": 2})
        assert refused["isError"]
        assert refused["structuredContent"]["code"] == "DENIED"
        assert refused["structuredContent"]["path"] == "a"
        assert ask(sidecar, "POST", "/v1/tools/shop_add", {"a": 1, "b": 2}, key="other")[0] == 401
        assert ask(sidecar, "POST", "/v1/tools/shop_add", [1])[0] == 400
        assert ask(sidecar, "DELETE", "/v1/tools/shop_add")[0] == 404
        assert ask(sidecar, "GET", "/mcp")[0] == 405
        audit = [json.loads(line)["entry"] for line in (tmp_path / "state/audit.jsonl").read_text().splitlines()]
        assert [(one["phase"], one["action"], one["outcome"]) for one in audit] == [
            ("intent", "tool.shop.add", ""),
            ("outcome", "tool.shop.add", "ok"),
            ("fact", "tool.shop.add", "DENIED"),
        ]


def test_a_call_that_takes_too_long_ends(tmp_path: Path, server: McpServerProcess) -> None:
    with started(tmp_path, settings(tmp_path, server, timeout=0.5)) as sidecar:
        _, result = ask(sidecar, "POST", "/v1/tools/shop_wait", {"seconds": 20})
        assert result["structuredContent"]["code"] == "TIMEOUT"


def test_a_server_that_comes_back_is_used_again(tmp_path: Path) -> None:
    first = McpServerProcess("mcp1", tmp_path / "log")
    with started(tmp_path, settings(tmp_path, first)) as sidecar:
        with first:
            while not ask(sidecar, "GET", "/v1/tools")[1]["tools"]:
                continue
            assert ask(sidecar, "POST", "/v1/tools/shop_add", {"a": 1, "b": 2})[1]["structuredContent"] == {"result": 3}
        _, result = ask(sidecar, "POST", "/v1/tools/shop_add", {"a": 1, "b": 2})
        assert result["isError"]
        with McpServerProcess("mcp1", tmp_path / "log", port=first.port):
            # The session of before is lost: it is begun anew, and the agent does not see that.
            assert ask(sidecar, "POST", "/v1/tools/shop_add", {"a": 1, "b": 2})[1]["structuredContent"] == {"result": 3}


@pytest.mark.parametrize("sdk", SDKS)
def test_a_server_that_is_a_program_of_the_sidecar(tmp_path: Path, sdk: str) -> None:
    python = install(sdk, mcp_client.ENVIRONMENTS[sdk]) / "python"
    (tmp_path / "code").mkdir()
    shutil.copy(PROGRAMS / f"{sdk}_server.py", tmp_path / "code" / "server.py")
    told = settings(tmp_path, None)
    told["tools"]["servers"] = [{
        "name": "shop", "transport": "stdio", "version": "1", "command": [str(python), "server.py", "stdio"], "base": str(tmp_path),
        "folder": str(tmp_path / "code"), "memory": 2**29, "processes": 64,
    }]  # fmt: skip
    with started(tmp_path, told) as sidecar:
        status, result = ask(sidecar, "POST", "/v1/tools/shop_add", {"a": 1, "b": 2})
        assert (status, result["structuredContent"]) == (200, {"result": 3})
        seen = mcp_client.run(sdk, [("shop_count", {"to": 2})], url=f"http://{sidecar.address}/mcp", token="sk-virtual")
        assert seen.results[0].content == {"result": "counted"}
        assert seen.progress == [(1, 2, "at 1"), (2, 2, "at 2")]
        assert ask(sidecar, "POST", "/v1/tools/shop_fail", {"reason": "why"})[1]["isError"]


def test_the_user_of_a_client_approves(tmp_path: Path) -> None:
    with McpServerProcess("mcp2", tmp_path / "log") as server:
        told = settings(tmp_path, server, approval={"from": ["oncall"]}, elicit=True)
        with started(tmp_path, told) as sidecar:
            seen = mcp_client.run(
                "mcp2", [("shop_add", {"a": 1, "b": 2}), ("shop_add", {"a": 3, "b": 4})], url=f"http://{sidecar.address}/mcp",
                token="sk-virtual", answers=[("accept", {"approve": True}), ("decline", None)],
            )  # fmt: skip
    added, refused = seen.results
    assert added.content == {"result": 3}
    assert refused.content["code"] == "DENIED"
    assert seen.asked == ["May shop_add be called?\na: 1\nb: 2", "May shop_add be called?\na: 3\nb: 4"]


@pytest.mark.parametrize("client", SDKS)
def test_progress_comes_through(tmp_path: Path, server: McpServerProcess, client: str) -> None:
    with started(tmp_path, settings(tmp_path, server)) as sidecar:
        seen = mcp_client.run(
            client,
            [("shop_count", {"to": 3}), ("shop_add", {"a": 1, "b": 2})],
            url=f"http://{sidecar.address}/mcp",
            token="sk-virtual",
        )
    assert [one.content for one in seen.results] == [{"result": "counted"}, {"result": 3}]
    assert seen.progress == [(number, 3, f"at {number}") for number in (1, 2, 3)]
