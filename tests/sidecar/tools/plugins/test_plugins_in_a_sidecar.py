"""A sidecar process with plugins of type `tool`: over MCP and over plain HTTP, granted, pinned, audited."""

import http.client
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from outrider.runtime.plugins.scaffold import scaffold
from tests.peers import mcp_client
from tests.sidecar.process import Sidecar, started
from tests.sidecar.tools.plugins.support import manifest, write_probe
from tests.sidecar.tools.test_real_servers import ask

pytestmark = [pytest.mark.real, pytest.mark.timeout(180)]
SECRET = "sk-of-the-tool-1749"


def settings(folder: Path, *plugins: dict[str, Any], **grant: Any) -> dict[str, Any]:
    """Return settings with a server for each plugin, all tools of which are granted."""
    for name, text in (("key", "sk-virtual"), ("token", SECRET)):
        (folder / name).write_text(text)
    servers = [{"transport": "plugin", "name": one["plugin"], "base": str(folder), **one} for one in plugins]
    return {
        "agent": "triage", "state": str(folder / "state"), "keys": [{"secret": "key"}],
        "secret_sources": {name: {"file": str(folder / name)} for name in ("key", "token")},
        "tools": {"servers": servers, "grants": [{"server": one["name"], "tools": ["*"], **grant} for one in servers]},
        "protected": [str(folder / name) for name in ("key", "token", "settings.json")],
    }  # fmt: skip


@contextmanager
def probe(folder: Path, config: dict[str, Any] | None = None, **grant: Any) -> Iterator[Sidecar]:
    """Run a sidecar with the probe; its plugin.yaml is written by the test."""
    with started(folder, settings(folder, {"plugin": "probe", "config": config or {}}, **grant)) as sidecar:
        yield sidecar


def do(sidecar: Sidecar, what: str, **arguments: Any) -> dict[str, Any]:
    """Call the probe."""
    status, result = ask(sidecar, "POST", "/v1/tools/probe", {"do": what, **arguments})
    assert status == 200
    found: dict[str, Any] = result
    return found


def audit(folder: Path) -> list[tuple[str, str, str]]:
    lines = (folder / "state" / "audit.jsonl").read_text().splitlines()
    return [(one["phase"], one["action"], one["outcome"]) for one in (json.loads(line)["entry"] for line in lines)]


@pytest.mark.parametrize("client", ["mcp1", "mcp2"])
def test_tools_in_every_language_are_called_over_mcp_and_http(tmp_path: Path, client: str) -> None:
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "a.txt").write_text("hello\nyou\nhello again\n")
    names = ["in-python", "in-nodejs", "in-sh"]
    for name in names:
        language: Any = name.removeprefix("in-")
        scaffold(tmp_path / "plugins", name, "tool", language)
    plugins = [{"plugin": name, "config": {"path": "notes/a.txt"}} for name in names]
    with started(tmp_path, settings(tmp_path, *plugins)) as sidecar:
        calls = [(name, {"text": "hello"}) for name in names] + [("in-sh", {"text": 'a "quote"'})]
        seen = mcp_client.run(client, calls, url=f"http://{sidecar.address}/mcp", token="sk-virtual")
        over_http = [ask(sidecar, "POST", f"/v1/tools/{name}", {"text": "again"})[1] for name in names]
    assert [tool["name"] for tool in seen.tools] == sorted(names)
    assert all(tool["annotations"]["readOnlyHint"] and tool["outputSchema"] for tool in seen.tools)
    assert [one.content for one in seen.results[:3]] == [{"lines": 2, "summary": "2 lines contain it"}] * 3
    assert seen.results[3].failed
    assert [one["structuredContent"]["lines"] for one in over_http] == [1, 1, 1]
    assert audit(tmp_path)[0] == ("fact", "tool.in-python.in-python", "ok"), "what only reads has no intent"


def test_what_it_does_is_bounded_granted_and_audited(tmp_path: Path) -> None:
    write_probe(tmp_path)
    with probe(tmp_path, arguments={"do": ["tell", "die", "fail"]}, longest_result=2000) as sidecar:
        assert do(sidecar, "tell", word="abc")["structuredContent"]["given"]["word"] == "abc"
        found = [
            do(sidecar, "hang"), do(sidecar, "tell", word="A"), do(sidecar, "fail"), do(sidecar, "die"),
            do(sidecar, "tell", word="a" * 3000), do(sidecar, "tell"),
        ]  # fmt: skip
    codes = ["DENIED", "INVALID_CONFIG", "NOT_FOUND", "OUTCOME_UNKNOWN", "LIMITED"]
    assert [one["structuredContent"]["code"] for one in found[:-1]] == codes
    assert found[2]["isError"]
    assert "there is no such thing" in found[2]["content"][0]["text"]
    assert not found[-1]["isError"]
    action = "tool.probe.probe"
    assert audit(tmp_path)[:3] == [("intent", action, ""), ("outcome", action, "ok"), ("fact", action, "DENIED")]
    assert [outcome for phase, _, outcome in audit(tmp_path) if phase == "outcome"] == ["ok", *codes[1:], "ok"]


def test_a_secret_is_on_the_pipe_only(tmp_path: Path) -> None:
    write_probe(tmp_path)
    with probe(tmp_path, {"token": {"secret": "token"}}) as sidecar:
        seen = do(sidecar, "tell")["structuredContent"]
        assert do(sidecar, "fail")["isError"]
    assert seen["config"]["token"] == SECRET
    assert SECRET not in json.dumps([seen["argv"], seen["env"]])
    written = [path for path in tmp_path.rglob("*") if path.is_file() and path.name != "token"]
    assert [path for path in written if SECRET.encode() in path.read_bytes()] == []
    log = (tmp_path / "log").read_text()
    assert "ready, says the probe" in log
    assert "a line of this call" in log


def test_a_secret_that_the_plugin_writes_is_masked_in_the_log(tmp_path: Path) -> None:
    home = write_probe(tmp_path)
    text = (home / "probe.py").read_text()
    (home / "probe.py").write_text(text.replace('"a line of this call"', '"it is " + self.config["token"]'))
    with probe(tmp_path, {"token": {"secret": "token"}}) as sidecar:
        do(sidecar, "tell")
    log = (tmp_path / "log").read_text()
    assert "it is ***" in log
    assert SECRET not in log


def test_it_cannot_read_what_the_sidecar_has(tmp_path: Path) -> None:
    write_probe(tmp_path)
    names = ["settings.json", "key", "token", "state", "state/audit.jsonl", "state/address", "state/tools.json", "log"]
    with probe(tmp_path) as sidecar:
        seen = do(sidecar, "touch", paths=[str(tmp_path / name) for name in names])["structuredContent"]["read"]
        environ = f"/proc/{sidecar.process.pid}/environ"
        others = do(sidecar, "touch", paths=[environ, "/etc/shadow"])["structuredContent"]["read"]
    assert all(one.startswith("no: ") for one in seen + others), seen + others


def test_a_changed_schema_is_refused_until_its_version_is_another_one(tmp_path: Path) -> None:
    home = write_probe(tmp_path)
    with probe(tmp_path) as sidecar:
        assert not do(sidecar, "tell")["isError"]
    changed = manifest()
    changed["input"]["properties"]["more"] = {"type": "string"}
    (home / "plugin.yaml").write_text(yaml.safe_dump(changed))
    with probe(tmp_path) as sidecar:
        assert do(sidecar, "tell")["structuredContent"]["code"] == "CONFLICT"
    (home / "plugin.yaml").write_text(yaml.safe_dump({**changed, "version": "1.3.0"}))
    with probe(tmp_path) as sidecar:
        assert not do(sidecar, "tell", more="x")["isError"]


def test_a_client_that_leaves_frees_the_tool(tmp_path: Path) -> None:
    write_probe(tmp_path)
    with probe(tmp_path) as sidecar:
        assert not do(sidecar, "tell")["isError"]
        begun = tmp_path / "state" / "servers" / "probe" / "plugins" / "tool-probe" / "begun"
        begun.unlink()
        leaving = http.client.HTTPConnection(sidecar.address)
        leaving.request("POST", "/v1/tools/probe", json.dumps({"do": "hang"}), {"authorization": "Bearer sk-virtual"})
        while not begun.exists():
            time.sleep(0.01)
        leaving.close()
        assert not do(sidecar, "tell")["isError"]
    assert ("outcome", "tool.probe.probe", "CANCELLED") in audit(tmp_path)


def test_a_plugin_that_is_not_there_is_told_of_and_hides_no_other(tmp_path: Path) -> None:
    write_probe(tmp_path)
    there, gone = {"plugin": "probe"}, {"plugin": "log-serch", "name": "logs"}
    with started(tmp_path, settings(tmp_path, there, gone)) as sidecar:
        assert not do(sidecar, "tell")["isError"]
        _, refused = ask(sidecar, "POST", "/v1/tools/log-serch", {})
    assert refused["structuredContent"]["code"] == "NOT_FOUND"
    assert "no tool plugin is called 'log-serch'" in refused["structuredContent"]["suggestions"][0]


def test_changed_settings_keep_the_process_unless_they_change_the_plugin(tmp_path: Path) -> None:
    write_probe(tmp_path)
    plugin: dict[str, Any] = {"plugin": "probe", "config": {"token": {"secret": "token"}}}
    with started(tmp_path, settings(tmp_path, plugin)) as sidecar:
        first = do(sidecar, "tell")["structuredContent"]
        take_over(sidecar, settings(tmp_path, plugin, prefix="my-"), "my-probe")
        _, second = ask(sidecar, "POST", "/v1/tools/my-probe", {"do": "tell"})
        plugin["config"]["unit"] = "min"
        take_over(sidecar, settings(tmp_path, plugin, prefix="our-"), "our-probe")
        _, third = ask(sidecar, "POST", "/v1/tools/our-probe", {"do": "tell"})
    seen = [first, second["structuredContent"], third["structuredContent"]]
    assert [one["config"]["unit"] for one in seen] == ["s", "s", "min"]
    begun = [one["begun"] for one in seen]
    assert begun[0] == begun[1] != begun[2]


def take_over(sidecar: Sidecar, changed: dict[str, Any], tool: str) -> None:
    """Replace the settings file, and wait until a tool of them is listed."""
    new = sidecar.folder / "settings.new"
    new.write_text(json.dumps(changed))
    new.rename(sidecar.folder / "settings.json")
    while tool not in [one["name"] for one in ask(sidecar, "GET", "/v1/tools")[1]["tools"]]:
        time.sleep(0.05)
