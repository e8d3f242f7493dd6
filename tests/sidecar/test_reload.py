"""A running sidecar whose settings change."""

import http.client
import json
import signal
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.servers.mcp_servers import McpServerProcess
from tests.servers.models import ModelServer
from tests.sidecar.process import Sidecar, started

pytestmark = [pytest.mark.real, pytest.mark.timeout(180)]
PRICE = {"input": 10**9, "output": 10**9}
CALL: dict[str, Any] = {"model": "default", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 4}


class Settings:
    """The settings file of a sidecar."""

    def __init__(self, folder: Path, provider: ModelServer) -> None:
        self.folder = folder
        (folder / "virtual").write_text("sk-virtual")
        (folder / "key").write_text("sk-provider")
        prices = {"date": "2026-11-28", "currency": "USD", "models": {"openai/m": PRICE, "openai/n": PRICE}}
        (folder / "prices.json").write_text(json.dumps(prices))
        self._url = f"{provider.url}/v1"
        self.told: dict[str, Any] = {
            "agent": "triage", "state": str(folder / "state"), "control": str(folder / "control"), "keys": [{"secret": "virtual"}],
            "secret_sources": {name: {"file": str(folder / name)} for name in ("virtual", "key")},
            "llm": {"routes": [self.route("default", "m")], "prices": str(folder / "prices.json")},
        }  # fmt: skip

    def route(self, alias: str, model: str) -> dict[str, Any]:
        openai = {"provider": "openai", "dialect": "openai", "url": self._url, "model": model, "key": {"secret": "key"}}
        return {"alias": alias, "providers": [openai]}

    def write(self, text: str = "") -> None:
        """Replace the file at once, as whoever cares does."""
        new = self.folder / "settings.new"
        new.write_text(text or json.dumps(self.told))
        new.rename(self.folder / "settings.json")


def ask(sidecar: Sidecar, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    connection = http.client.HTTPConnection(sidecar.address, timeout=30)
    connection.request(method, path, None if body is None else json.dumps(body), {"authorization": "Bearer sk-virtual"})
    answer = connection.getresponse()
    text = answer.read()
    connection.close()
    return answer.status, json.loads(text)


def status(sidecar: Sidecar) -> dict[str, Any]:
    found: dict[str, Any] = control(sidecar, "GET", "/status")
    return found


def until(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition never held"
        time.sleep(0.05)


@pytest.fixture
def provider() -> Any:
    with ModelServer("sk-provider", pause=0.2) as made:
        yield made


def test_other_settings_hold_from_the_next_call_on(tmp_path: Path, provider: ModelServer) -> None:
    settings = Settings(tmp_path, provider)
    with started(tmp_path, settings.told) as sidecar:
        assert (status(sidecar)["generation"], sidecar.call(**CALL)[0]) == (1, 200)
        settings.told["llm"]["routes"] = [settings.route("default", "n"), settings.route("other", "m")]
        settings.told["llm"]["limits"] = {"requests_per_minute": 3}
        settings.write()
        until(lambda: status(sidecar)["generation"] == 2)
        assert [sidecar.call(**CALL)[0], sidecar.call(**CALL | {"model": "other"})[0]] == [200, 200]
        assert provider.models == ["m", "n", "m"]
        assert [sidecar.call(**CALL)[0] for _ in range(2)] == [200, 429]
        settings.told["llm"]["routes"] = [settings.route("default", "n")]
        settings.write()
        until(lambda: status(sidecar)["generation"] == 3)
        assert sidecar.call(**CALL)[0] == 429, "limits that have not changed count on"
        assert status(sidecar)["models"]["routes"][0]["providers"][0]["model"] == "n"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda told: "{no json", "JSON"), (lambda told: told | {"agent": "other"}, "cannot change"),
        (lambda told: told | {"listen": "127.0.0.1:1"}, "cannot change"), (lambda told: told | {"unknown": 1}, "unknown"),
        (lambda told: told | {"llm": {"routes": [{"alias": "a", "providers": []}]}}, "no providers"),
        (lambda told: told | {"tools": {"grants": [{"server": "x", "tools": ["*"]}]}}, "no server of tools"),
        (lambda told: told | {"secret_sources": {}}, "virtual"),
        (lambda told: told | {"llm": told["llm"] | {"shared": {"url": "redis://127.0.0.1:1/0"}}}, "cannot change"),
    ],
)  # fmt: skip
def test_settings_that_cannot_be_change_nothing(
    tmp_path: Path, provider: ModelServer, change: Any, reason: str
) -> None:
    settings = Settings(tmp_path, provider)
    with started(tmp_path, settings.told) as sidecar:
        changed = change(settings.told)
        settings.write(changed if isinstance(changed, str) else json.dumps(changed))
        until(lambda: bool(status(sidecar)["refused"]))
        found = status(sidecar)
        assert (found["generation"], reason in found["refused"], found["problem"]) == (1, True, "")
        assert sidecar.call(**CALL)[0] == 200
        settings.told["llm"]["limits"] = {"concurrent": 5}
        settings.write()
        until(lambda: status(sidecar)["generation"] == 2)
        assert status(sidecar)["refused"] == ""


def test_a_file_that_is_gone_changes_nothing(tmp_path: Path, provider: ModelServer) -> None:
    settings = Settings(tmp_path, provider)
    with started(tmp_path, settings.told) as sidecar:
        (tmp_path / "settings.json").unlink()
        until(lambda: bool(status(sidecar)["refused"]))
        assert sidecar.call(**CALL)[0] == 200
        settings.write()
        until(lambda: not status(sidecar)["refused"])
        assert status(sidecar)["generation"] == 1


def test_a_stream_in_flight_goes_on_and_its_cost_counts_in_the_new_budget(
    tmp_path: Path, provider: ModelServer
) -> None:
    settings = Settings(tmp_path, provider)
    settings.told["llm"]["budget"] = {"amount": 10**12, "per": "day"}
    with started(tmp_path, settings.told) as sidecar:
        connection = http.client.HTTPConnection(sidecar.address, timeout=30)
        connection.request(
            "POST", "/v1/chat/completions", json.dumps(CALL | {"stream": True}), {"authorization": "Bearer sk-virtual"}
        )
        answer = connection.getresponse()
        first = answer.readline()
        settings.told["llm"]["budget"] = {"amount": 2 * 10**12, "per": "month"}
        settings.write()
        until(lambda: status(sidecar)["generation"] == 2)
        budget = status(sidecar)["models"]["budget"]
        assert budget["limit"] == 2 * 10**12
        rest = answer.read()
        assert b"[DONE]" in first + rest
        connection.close()
        until(lambda: status(sidecar)["models"]["budget"]["reserved"] == 0)
        assert status(sidecar)["models"]["budget"]["spent"] == sum(one + other for one, other in provider.told) * 1000
        assert status(sidecar)["models"]["running"] == 0


def grant(*tools: str, server: str = "shop") -> dict[str, Any]:
    return {"server": server, "tools": list(tools), "prefix": f"{server}_"}


def names(sidecar: Sidecar) -> list[str]:
    return [one["name"] for one in ask(sidecar, "GET", "/v1/tools")[1]["tools"]]


@pytest.mark.parametrize("sdk", ["mcp1", "mcp2"])
def test_tools_come_and_go_and_a_call_in_flight_ends(tmp_path: Path, provider: ModelServer, sdk: str) -> None:
    settings = Settings(tmp_path, provider)
    with McpServerProcess(sdk, tmp_path / "shop.log") as shop, McpServerProcess(sdk, tmp_path / "other.log") as other:
        servers = {
            name: {"name": name, "transport": "http", "url": one.url}
            for name, one in (("shop", shop), ("other", other))
        }
        with started(tmp_path, settings.told) as sidecar:
            assert ask(sidecar, "GET", "/v1/tools")[0] == 404, "there are none"
            settings.told["tools"] = {"servers": [servers["shop"]], "grants": [grant("add", "wait")]}
            settings.write()
            until(lambda: status(sidecar)["generation"] == 2)
            assert names(sidecar) == ["shop_add", "shop_wait"]
            waited: list[Any] = []
            waiting = threading.Thread(
                target=lambda: waited.append(ask(sidecar, "POST", "/v1/tools/shop_wait", {"seconds": 3}))
            )
            waiting.start()
            time.sleep(0.5)
            settings.told["tools"] = {"servers": [servers["other"]], "grants": [grant("add", server="other")]}
            settings.write()
            until(lambda: status(sidecar)["generation"] == 3)
            assert names(sidecar) == ["other_add"]
            assert ask(sidecar, "POST", "/v1/tools/shop_add", {"a": 1, "b": 2})[1]["isError"]
            assert ask(sidecar, "POST", "/v1/tools/other_add", {"a": 1, "b": 2})[1]["structuredContent"] == {
                "result": 3
            }
            waiting.join()
            assert waited[0][1]["structuredContent"] == {"result": "waited"}
            settings.told["tools"] = {}
            settings.write()
            until(lambda: status(sidecar)["generation"] == 4)
            assert ask(sidecar, "GET", "/v1/tools")[0] == 404


def test_what_has_not_changed_is_kept(tmp_path: Path, provider: ModelServer) -> None:
    settings = Settings(tmp_path, provider)
    program = tmp_path / "code" / "server.py"
    program.parent.mkdir()
    program.write_text(PROGRAM)
    stdio = {
        "name": "shop", "transport": "stdio", "command": ["/usr/bin/env", "python3", "server.py"], "base": str(tmp_path),
        "folder": str(program.parent), "memory": 2**29, "processes": 64,
    }  # fmt: skip
    approval = {"from": ["oncall"]}
    settings.told |= {
        "tools": {"servers": [stdio], "grants": [grant("pid"), {**grant("ask"), "approval": approval}]},
        "memories": [{"name": "notes", "type": "kv"}],
    }  # fmt: skip
    with started(tmp_path, settings.told) as sidecar:

        def pid() -> int:
            return int(ask(sidecar, "POST", "/v1/tools/shop_pid", {})[1]["content"][0]["text"])

        first = pid()
        ask(sidecar, "POST", "/v1/tools/notes_put", {"key": "k", "value": 1})
        asked: list[Any] = []
        asking = threading.Thread(target=lambda: asked.append(ask(sidecar, "POST", "/v1/tools/shop_ask", {})))
        asking.start()
        question = ""

        def has_question() -> bool:
            nonlocal question
            activity = control(sidecar, "GET", "/activity?after=0")
            question = next((one["question"]["id"] for one in activity if one.get("question")), "")
            return bool(question)

        until(has_question)
        settings.told["tools"]["grants"] = [grant("pid", "ask")]
        settings.write()
        until(lambda: status(sidecar)["generation"] == 2)
        assert pid() == first, "the same program"
        assert ask(sidecar, "POST", "/v1/tools/notes_get", {"key": "k"})[1]["structuredContent"]["entry"]["value"] == 1
        control(sidecar, "POST", f"/approvals/{question}", {"approve": True, "by": "ana"})
        asking.join()
        assert not asked[0][1].get("isError"), "a question that was open is answered all the same"
        calls = {one["tool"]: one["calls"] for one in status(sidecar)["tools"]["tools"]}
        assert calls["shop_pid"] == 2
        sidecar.process.send_signal(signal.SIGTERM)
        assert sidecar.process.wait(15) == 0


def control(sidecar: Sidecar, method: str, path: str, body: Any = None) -> Any:
    connection = http.client.HTTPConnection("x")
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.connect(str(sidecar.folder / "control" / "control.sock"))
    connection.request(method, path, None if body is None else json.dumps(body))
    found = json.loads(connection.getresponse().read())
    connection.close()
    return found


PROGRAM = """
import json, os, sys
for line in sys.stdin:
    asked = json.loads(line)
    if "id" not in asked:
        continue
    results = {
        "server/discover": {"supportedVersions": ["2026-07-28"]},
        "tools/list": {"tools": [{"name": name, "inputSchema": {"type": "object"}} for name in ("pid", "ask")]},
        "tools/call": {"content": [{"type": "text", "text": str(os.getpid())}]},
    }
    print(json.dumps({"jsonrpc": "2.0", "id": asked["id"], "result": results[asked["method"]]}), flush=True)
"""
