"""The sidecar as a process of its own, and programs on real SDKs that know nothing of it."""

import http.client
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.peers import llm_clients
from tests.servers.models import INPUT, OUTPUT, TEXT, ModelServer
from tests.sidecar.process import Sidecar, started

pytestmark = [pytest.mark.real, pytest.mark.timeout(180)]
MODELS = {"chat": ("openai", "/v1"), "claude": ("anthropic", ""), "gem": ("gemini", "")}


@pytest.fixture
def provider() -> Iterator[ModelServer]:
    with ModelServer("sk-real") as started:
        yield started


def write(folder: Path, name: str, text: str) -> None:
    path = folder / name
    path.write_text(text)
    path.chmod(0o600)


@contextmanager
def running(folder: Path, provider: ModelServer, **llm: Any) -> Iterator[Sidecar]:
    write(folder, "real", "sk-real")
    write(folder, "virtual", "sk-virtual")
    price = {"input": 10**9, "output": 10**9}
    (folder / "prices.json").write_text(
        json.dumps({"date": "2026-11-28", "currency": "USD", "models": {f"p/{name}-1": price for name in MODELS}})
    )
    routes = [
        {
            "alias": alias,
            "providers": [
                {
                    "provider": "p",
                    "dialect": dialect,
                    "url": provider.url + base,
                    "model": f"{alias}-1",
                    "key": {"secret": "real"},
                }
            ],
        }
        for alias, (dialect, base) in MODELS.items()
    ]
    settings = {
        "agent": "triage", "state": str(folder / "state"), "keys": [{"secret": "virtual"}], "folder": str(folder),
        "secret_sources": {"real": {"file": "real"}, "virtual": {"file": "virtual"}},
        "llm": {"routes": routes, "prices": str(folder / "prices.json"), **llm},
    }  # fmt: skip
    with started(folder, settings) as sidecar:
        yield sidecar


def test_programs_on_real_sdks(tmp_path: Path, provider: ModelServer) -> None:
    with running(tmp_path, provider) as sidecar:
        found = llm_clients.ask(
            sidecar.address,
            "sk-virtual",
            **{"openai": "chat", "anthropic": "claude", "gemini": "gem", "langchain": "chat", "async": "chat"},
        )
    assert found["openai"] == {
        "whole": TEXT,
        "stream": TEXT,
        "usage": INPUT + OUTPUT,
        "models": ["chat", "claude", "gem"],
        "response": TEXT,
    }
    for name in ("anthropic", "gemini", "langchain"):
        assert found[name] == {"whole": TEXT, "stream": TEXT}
    assert found["async"] == {"whole": TEXT}
    assert set(provider.models) == {"chat-1", "claude-1", "gem-1"}, "the provider's names"
    ledger = sidecar.ledger()
    assert len(ledger) == len(provider.told)
    assert [sum(row[name] for row in ledger) for name in ("input", "output")] == [
        sum(column) for column in zip(*provider.told, strict=True)
    ]
    assert not any(row.get("estimated") for row in ledger)
    assert sum(row["cost"] for row in ledger) == len(ledger) * 1000 * (INPUT + OUTPUT)
    text = (tmp_path / "log").read_text()
    assert "sk-real" not in text
    assert "sk-virtual" not in text


def test_programs_on_real_sdks_reach_providers_of_other_dialects(tmp_path: Path, provider: ModelServer) -> None:
    with running(tmp_path, provider) as sidecar:
        found = llm_clients.ask(sidecar.address, "sk-virtual", openai="claude", anthropic="chat", langchain="claude")
        nodes = llm_clients.ask_with_node(sidecar.address, "sk-virtual", openai="claude", anthropic="chat")
    assert {name: found["openai"][name] for name in ("whole", "stream", "usage", "response")} == {
        "whole": TEXT, "stream": TEXT, "usage": INPUT + OUTPUT, "response": TEXT,
    }  # fmt: skip
    assert found["anthropic"] == found["langchain"] == {"whole": TEXT, "stream": TEXT}
    assert nodes["openai"] == {"whole": TEXT, "stream": TEXT, "response": TEXT}
    assert nodes["anthropic"] == {"whole": TEXT, "stream": TEXT}
    ledger = sidecar.ledger()
    assert len(ledger) == len(provider.told)
    assert sum(row["input"] + row["output"] for row in ledger) == sum(map(sum, provider.told))
    assert not any(row.get("estimated") for row in ledger)


def test_programs_on_the_sdks_for_node(tmp_path: Path, provider: ModelServer) -> None:
    with running(tmp_path, provider) as sidecar:
        found = llm_clients.ask_with_node(sidecar.address, "sk-virtual", openai="chat", anthropic="claude")
    assert found["openai"] == {"whole": TEXT, "stream": TEXT, "response": TEXT}
    assert found["anthropic"] == {"whole": TEXT, "stream": TEXT}
    assert len(sidecar.ledger()) == len(provider.told) == 5


def test_programs_on_real_sdks_read_a_script(tmp_path: Path, provider: ModelServer) -> None:
    (tmp_path / "script.yaml").write_text(f"- {{when: hello, say: '{TEXT}'}}\n")
    (tmp_path / "real").unlink(missing_ok=True)
    with running(tmp_path, provider, offline=str(tmp_path / "script.yaml")) as sidecar:
        ways = {"openai": "chat", "anthropic": "claude", "gemini": "gem", "langchain": "chat"}
        found = llm_clients.ask(sidecar.address, "sk-virtual", **ways)
    assert {name: (one["whole"], one["stream"]) for name, one in found.items()} == dict.fromkeys(ways, (TEXT, TEXT))
    assert found["openai"]["response"] == TEXT
    assert found["openai"]["usage"] > 0
    assert provider.models == []


def test_a_refusal_is_told_once_and_with_its_reason(tmp_path: Path, provider: ModelServer) -> None:
    with running(tmp_path, provider, budget={"amount": 0, "per": "day"}) as sidecar:
        found = llm_clients.ask(sidecar.address, "sk-virtual", refused="chat")["refused"]
        assert found["status"] == 402
        assert "the budget of this period is used up" in found["message"]
        assert llm_clients.ask(sidecar.address, "wrong", refused="chat")["refused"]["status"] == 401
    assert provider.models == []


def test_what_was_spent_survives_a_kill(tmp_path: Path, provider: ModelServer) -> None:
    cost = 1000 * (INPUT + OUTPUT)
    budget = {"budget": {"amount": 100_000_000, "per": "month"}, "usual_answer": 100}
    with running(tmp_path, provider, **budget) as sidecar:
        for _ in range(20):
            assert sidecar.call(model="chat", messages=[])[0] == 200
        time.sleep(0.2)
        sidecar.process.kill()
    assert sum(row["cost"] for row in sidecar.ledger()) == 20 * cost
    with running(
        tmp_path, provider, budget={"amount": 20 * cost + 50_000, "per": "month"}, usual_answer=100
    ) as sidecar:
        assert sidecar.call(model="chat", messages=[])[0] == 402


def test_an_answer_that_is_under_way_is_finished(tmp_path: Path) -> None:
    with ModelServer("sk-real", pause=0.3) as provider, running(tmp_path, provider) as sidecar:
        connection = http.client.HTTPConnection(sidecar.address, timeout=10)
        body = json.dumps({"model": "chat", "stream": True, "messages": []})
        connection.request("POST", "/v1/chat/completions", body, {"authorization": "Bearer sk-virtual"})
        answer = connection.getresponse()
        assert answer.status == 200
        sidecar.process.send_signal(signal.SIGTERM)
        assert answer.read().endswith(b"data: [DONE]\n\n")
        assert sidecar.process.wait(10) == 0
        (row,) = sidecar.ledger()
        assert (row["outcome"], row["output"]) == ("whole", OUTPUT)
        connection.close()


def test_settings_that_cannot_be_used_are_told(tmp_path: Path, provider: ModelServer) -> None:
    with running(tmp_path, provider):
        settings = json.loads((tmp_path / "settings.json").read_text())
    for change, said in (
        ({"llm": {"routes": [{"alias": "a", "providers": []}]}}, "providers"),
        ({"secret_sources": {}}, "virtual"),
        ({"llm": settings["llm"] | {"prices": None, "budget": {"amount": 1, "per": "day"}}}, "price of p/chat-1"),
        ({"llm": settings["llm"] | {"budget": {"amount": 1, "per": "day", "zone": "Mars"}}}, "Mars"),
    ):
        (tmp_path / "wrong.json").write_text(json.dumps(settings | change))
        command = [sys.executable, "-m", "outrider", "sidecar", "serve", "--settings", str(tmp_path / "wrong.json")]
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
        assert done.returncode != 0
        assert said in done.stderr
        assert "Traceback" not in done.stderr
