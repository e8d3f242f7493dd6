"""What an agent remembers from one task to the next, by the command line and an unchanged program."""

import json
from pathlib import Path

import pytest
import yaml

from tests.local.agents.support import GATEWAY, AgentFolder
from tests.servers.ports import free_port

pytestmark = [pytest.mark.real, pytest.mark.timeout(180)]
REMEMBERS = f"""{GATEWAY}
task = json.load(sys.stdin)
past = tool("incidents_search", {{"text": task, "k": 1}})["matches"]
tool("incidents_add", {{"items": [{{"text": task}}]}})
tool("notes_put", {{"key": "last", "value": task}})
print(json.dumps({{"past": [one["text"] for one in past]}}))
"""
MEMORY = [
    {"name": "incidents", "type": "vector", "embedding": "default", "retention": "90d"},
    {"name": "notes", "type": "kv"},
]

TALKS = f"""{GATEWAY}
task = json.load(sys.stdin)
window = tool("chat_window", {{"session": "s"}})["messages"]
said = {{"role": "user", "content": task + " and more of it" * 75}}
answer = {{"role": "assistant", "content": "It was restarted."}}
tool("chat_append", {{"session": "s", "messages": [said, answer]}})
print(json.dumps({{"window": [one["content"][:60] for one in window]}}))
"""
CHAT = {"name": "chat", "type": "conversation", "summary": {"route": "default", "above": 500, "keep": 100}}


def test_a_long_conversation_is_summed_up_between_tasks(tmp_path: Path) -> None:
    agent = AgentFolder(tmp_path, TALKS, memory=[CHAT])
    script = [{"when": "(?s)web is down.*Write the summary", "say": "web was down twice."}, {"say": "All is well."}]
    (agent.folder / "answers.yaml").write_text(yaml.safe_dump(script))
    assert agent.run("--offline", "--input", "web is down")["result"] == {"window": []}
    second = agent.run("--offline", "--input", "web is down again")
    assert [text[:11] for text in second["result"]["window"]] == ["web is down", "It was rest"]
    third = agent.run("--offline", "--input", "shop is down")
    assert third["result"]["window"] == [
        "Summary of the conversation so far:\n\nweb was down twice.", "It was restarted.",
    ]  # fmt: skip
    lines = agent.outrider("agent", "memory", "--export", "chat").stdout.splitlines()
    assert json.loads(lines[0])["id"].startswith("summary-")
    cost = json.loads(agent.outrider("agent", "cost", "-o", "json").stdout)
    assert sum(one["calls"] for one in cost) == 1, "what a summary costs is in the ledger"


def test_what_one_task_has_learnt_the_next_one_finds(tmp_path: Path) -> None:
    agent = AgentFolder(tmp_path, REMEMBERS, memory=MEMORY)
    assert agent.outrider("agent", "memory").stderr == ""
    assert agent.run("--offline", "--input", "web is out of memory")["result"] == {"past": []}
    second = agent.run("--offline", "--input", "the web service has no memory")
    assert second["result"] == {"past": ["web is out of memory"]}
    assert (second["tools"], second["calls"]) == (3, 2), "texts are embedded by calls of a model"
    told = json.loads(agent.outrider("agent", "memory", "-o", "json").stdout)
    assert [(one["name"], one["entries"], one["store"]) for one in told] == [
        ("incidents", 2, "files"), ("notes", 1, "files"),
    ]  # fmt: skip
    lines = agent.outrider("agent", "memory", "--export", "notes").stdout.splitlines()
    assert [json.loads(line)["value"] for line in lines] == ["the web service has no memory"]
    assert agent.outrider("agent", "memory", "--forget", "incidents").returncode == 0
    assert json.loads(agent.outrider("agent", "memory", "-o", "json").stdout)[0]["entries"] == 0
    wrong = agent.outrider("agent", "memory", "--export", "note")
    assert wrong.returncode == 3
    assert "did you mean 'notes'" in wrong.stderr


def test_a_database_that_is_away_hides_no_other_memory(tmp_path: Path) -> None:
    away = f"127.0.0.1:{free_port()}"
    remote = {"name": "chat", "type": "conversation", "store": {"url": f"postgresql://u@{away}/d"}}
    agent = AgentFolder(tmp_path, REMEMBERS, memory=[remote, *MEMORY])
    told = agent.outrider("agent", "memory", "-o", "json")
    rows = {one["name"]: one for one in json.loads(told.stdout)}
    assert (rows["chat"]["entries"], rows["chat"]["store"]) == (None, f"{away}/d")
    assert rows["chat"]["problem"] == json.loads(told.stderr)["error"]["message"]
    assert (rows["notes"]["entries"], rows["notes"]["problem"]) == (0, "")
    assert told.returncode == 7
    table = agent.outrider("agent", "memory").stdout.splitlines()
    assert [line.split() for line in table[1:]] == [
        ["chat", "conversation", "-", "-", f"{away}/d"], ["incidents", "vector", "0", "0", "files"], ["notes", "kv", "0", "0", "files"],
    ]  # fmt: skip
