"""Memories as an agent uses them: by tools, through a sidecar of its own."""

import http.client
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from outrider.sidecar.llm.scripted_embeddings import embedding
from tests.servers.ports import free_port
from tests.sidecar.process import Sidecar, started

pytestmark = pytest.mark.timeout(120)
NOTES = {"name": "notes", "type": "kv", "entries": 3}
CHAT = {"name": "chat", "type": "conversation"}
INCIDENTS = {"name": "incidents", "type": "vector", "embedding": "embed"}
PAST = [
    {"text": "web was out of memory, restarted it", "metadata": {"service": "web"}, "id": "1"},
    {"text": "certificate of shop had expired", "metadata": {"service": "shop"}, "id": "2"},
    {"text": "disk of the database was full", "metadata": {"service": "db"}, "id": "3"},
]


def settings(folder: Path, *memories: dict[str, Any]) -> dict[str, Any]:
    (folder / "key").write_text("sk-virtual")
    (folder / "answers.yaml").write_text(yaml.safe_dump([{"say": "hi"}]))
    return {
        "agent": "triage", "state": str(folder / "state"), "keys": [{"secret": "virtual"}], "memories": list(memories),
        "llm": {"routes": [{"alias": "embed", "providers": []}], "offline": str(folder / "answers.yaml")},
        "secret_sources": {"virtual": {"file": str(folder / "key")}},
    }  # fmt: skip


def call(sidecar: Sidecar, tool: str, **arguments: Any) -> dict[str, Any]:
    connection = http.client.HTTPConnection(sidecar.address, timeout=20)
    connection.request("POST", f"/v1/tools/{tool}", json.dumps(arguments), {"authorization": "Bearer sk-virtual"})
    result = json.loads(connection.getresponse().read())
    connection.close()
    content: dict[str, Any] = result["structuredContent"] | {"failed": result["isError"]}
    return content


def test_values_outlive_the_sidecar_and_versions_hold(tmp_path: Path) -> None:
    with started(tmp_path, settings(tmp_path, NOTES)) as sidecar:
        assert call(sidecar, "notes_put", key="a", value={"b": [1]})["version"] == 1
        assert call(sidecar, "notes_put", key="a", value=2, if_version=0)["code"] == "CONFLICT"
    with started(tmp_path, settings(tmp_path, NOTES)) as sidecar:
        assert call(sidecar, "notes_get", key="a")["entry"]["value"] == {"b": [1]}
        assert call(sidecar, "notes_get", key="none")["entry"] is None
        for key in ("b", "c"):
            assert not call(sidecar, "notes_put", key=key, value=1)["failed"]
        assert call(sidecar, "notes_put", key="d", value=1)["code"] == "LIMITED", "the quota is three"
        assert [one["key"] for one in call(sidecar, "notes_list", prefix="b")["entries"]] == ["b"]
        assert call(sidecar, "notes_delete", key="b")["deleted"] is True


def test_a_conversation_fits_a_window(tmp_path: Path) -> None:
    with started(tmp_path, settings(tmp_path, CHAT)) as sidecar:
        messages = [{"role": "user", "content": f"message {number}", "tokens": 10} for number in range(5)]
        stored = call(sidecar, "chat_append", session="s", messages=messages)["messages"]
        window = call(sidecar, "chat_window", session="s", tokens=25)["messages"]
        assert [one["content"] for one in window] == ["message 3", "message 4"]
        summary = {"role": "assistant", "content": "four came before"}
        call(sidecar, "chat_summarise", session="s", up_to=stored[3]["id"], summary=summary)
        assert [one["content"] for one in call(sidecar, "chat_window", session="s")["messages"]] == [
            "four came before", "message 4",
        ]  # fmt: skip
        assert call(sidecar, "chat_sessions")["sessions"][0]["messages"] == 2
        assert call(sidecar, "chat_forget", session="s")["deleted"] == 2


def test_a_long_conversation_is_summed_up_through_the_gateway(tmp_path: Path) -> None:
    long = CHAT | {"summary": {"route": "embed", "above": 1000, "keep": 300}}
    messages = [{"role": "user", "content": f"message {number}", "tokens": 200} for number in range(6)]
    with started(tmp_path, settings(tmp_path, long, NOTES)) as sidecar:
        assert len(call(sidecar, "chat_append", session="s", messages=messages)["messages"]) == 6
    # What was under way came to its end with the sidecar.
    with started(tmp_path, settings(tmp_path, CHAT)) as sidecar:
        window = call(sidecar, "chat_window", session="s")["messages"]
    assert [one["content"] for one in window] == ["Summary of the conversation so far:\n\nhi", "message 5"]
    assert [one["endpoint"] for one in sidecar.ledger()] == ["chat"]


def test_why_nothing_is_summed_up_is_told_in_the_status(tmp_path: Path) -> None:
    long = CHAT | {"summary": {"route": "none", "above": 1000, "keep": 300}}
    messages = [{"role": "user", "content": f"message {number}", "tokens": 200} for number in range(6)]
    with started(tmp_path, {**settings(tmp_path, long), "admin": f"127.0.0.1:{(port := free_port())}"}) as sidecar:
        call(sidecar, "chat_append", session="s", messages=messages)
        problems: dict[str, str] = {}
        while "@memory-chat" not in problems:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
            connection.request("GET", "/status")
            problems = json.loads(connection.getresponse().read())["tools"]["problems"]
            connection.close()
        assert problems["@memory-chat"].startswith("route 'none' sums up nothing: ")
        assert len(call(sidecar, "chat_window", session="s")["messages"]) == 6


def test_texts_are_found_by_what_they_share_and_embedding_is_in_the_ledger(tmp_path: Path) -> None:
    with started(tmp_path, settings(tmp_path, INCIDENTS)) as sidecar:
        assert call(sidecar, "incidents_add", items=PAST)["ids"] == ["1", "2", "3"]
        found = call(sidecar, "incidents_search", text="the web service is out of memory", k=2)["matches"]
        assert found[0]["id"] == "1"
        assert found[0]["score"] > found[1]["score"]
        shop = call(sidecar, "incidents_search", text="out of memory", where={"service": "shop"})["matches"]
        assert [one["id"] for one in shop] == ["2"]
        given = call(sidecar, "incidents_search", vector=embedding("disk full"), k=1)["matches"]
        assert given[0]["id"] == "3"
        assert call(sidecar, "incidents_search", text="a", vector=[1.0])["path"] == "text"
        assert call(sidecar, "incidents_delete", where={"service": "db"})["deleted"] == 1
        assert call(sidecar, "incidents_count")["count"] == 2
    ledger = sidecar.ledger()
    assert {one["endpoint"] for one in ledger} == {"embeddings"}
    assert all(one["provider"] == "scripted" for one in ledger)


def test_too_many_texts_are_refused_before_they_are_paid_for(tmp_path: Path) -> None:
    with started(tmp_path, settings(tmp_path, INCIDENTS)) as sidecar:
        refused = call(sidecar, "incidents_add", items=[{"text": "a"}] * 1001)
        assert (refused["code"], refused["path"]) == ("INVALID_CONFIG", "items")
    assert sidecar.ledger() == []


def test_without_a_model_vectors_are_brought(tmp_path: Path) -> None:
    with started(tmp_path, settings(tmp_path, {"name": "mine", "type": "vector"})) as sidecar:
        assert call(sidecar, "mine_add", items=[{"text": "a"}])["code"] == "INVALID_CONFIG"
        assert not call(sidecar, "mine_add", items=[{"text": "a", "vector": [1.0, 0.0]}])["failed"]
        wrong = call(sidecar, "mine_search", vector=[1.0])
        assert (wrong["failed"], wrong["path"]) == (True, "vector")


def test_every_use_is_audited_and_bad_arguments_are_told(tmp_path: Path) -> None:
    with started(tmp_path, settings(tmp_path, NOTES)) as sidecar:
        call(sidecar, "notes_put", key="a", value=1)
        call(sidecar, "notes_get", key="a")
        wrong = call(sidecar, "notes_put", key="a", valu=1)
        assert wrong["code"] == "INVALID_CONFIG"
        assert "did you mean" in json.dumps(wrong)
    lines = (tmp_path / "state" / "audit.jsonl").read_text().splitlines()
    audit = [json.loads(line)["entry"] for line in lines]
    assert [(one["phase"], one["action"], one["outcome"]) for one in audit[:3]] == [
        ("intent", "tool.@memory-notes.put", ""),
        ("outcome", "tool.@memory-notes.put", "ok"),
        ("fact", "tool.@memory-notes.get", "ok"),
    ]


def test_a_database_that_is_away_hides_no_other_memory(tmp_path: Path) -> None:
    away = {"name": "away", "type": "kv", "url": "postgresql://nobody@127.0.0.1:1/none"}
    with started(tmp_path, settings(tmp_path, away, NOTES)) as sidecar:
        assert not call(sidecar, "notes_put", key="a", value=1)["failed"]
        refused = call(sidecar, "away_get", key="a")
        assert refused["code"] == "NOT_FOUND"
        assert refused["hint"].startswith("server '@memory-away' offers nothing now: memory 127.0.0.1/none: ")
