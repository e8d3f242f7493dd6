"""Agents that are servers: started once, and given each task by a request."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from outrider.core.errors import ExecutionFailedError
from outrider.local.agents.invocations import server as server_invocation
from tests.local.agents.hosts import host, run
from tests.local.agents.support import AgentFolder
from tests.servers.containers import PYTHON, PodmanStore, usable_store
from tests.servers.ports import free_port

pytestmark = [pytest.mark.real, pytest.mark.timeout(240)]
PROGRAM = """
import json, os, sys, time, urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
seen = []
def ask(text):
    call = urllib.request.Request(
        os.environ["OPENAI_BASE_URL"] + "/chat/completions",
        json.dumps({"model": "default", "messages": [{"role": "user", "content": text}]}).encode(),
        {"authorization": "Bearer " + os.environ["OPENAI_API_KEY"], "content-type": "application/json"},
    )
    with urllib.request.urlopen(call, timeout=10) as answer:
        return json.load(answer)["choices"][0]["message"]["content"]
class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.answer(200 if self.path == "/ready" else 404, {})
    def do_POST(self):
        task = json.loads(self.rfile.read(int(self.headers["content-length"])))
        seen.append(task)
        print("got", task, file=sys.stderr, flush=True)
        if task == "die":
            os._exit(7)
        if task == "sleep":
            time.sleep(60)
        if task == "fail":
            return self.answer(500, {"reason": "no luck"})
        self.answer(200, {"said": ask(str(task)), "seen": len(seen), "pid": os.getpid(), "path": self.path,
                          "run": self.headers["x-outrider-run"], "trace": self.headers["traceparent"]})
    def answer(self, status, body):
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
    def log_message(self, *_):
        pass
time.sleep(float(os.environ.get("SLOW", "0")))
ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""
LEVELS = {"namespaced": os.environ["PATH"], "landlock": "/nonexistent"}


def server(folder: Path, program: str = PROGRAM, **spec: Any) -> AgentFolder:
    invocation = {"mode": "http", "port": free_port(), "path": "/run", **spec.pop("invocation", {})}
    return AgentFolder(folder, program, invocation=invocation, **spec)


@pytest.mark.parametrize("level", LEVELS)
def test_a_task_is_posted_to_a_server(tmp_path: Path, level: str) -> None:
    agent = server(tmp_path, invocation={"ready": "/ready"})
    result = agent.run("--offline", "--input", "web is down", env={"PATH": LEVELS[level]})
    assert (result["state"], result["sandbox"], result["calls"]) == ("succeeded", level, 1)
    said = result["result"]
    assert (said["said"], said["path"], said["run"]) == ("I would restart it.", "/run", result["run"])
    assert said["trace"].startswith("00-")
    assert "got web is down" in agent.outrider("agent", "logs").stdout


@pytest.fixture(scope="module")
def store() -> Iterator[PodmanStore]:
    with usable_store() as made:
        yield made


def test_a_server_in_a_container(tmp_path: Path, store: PodmanStore) -> None:
    agent = server(tmp_path, agent={"image": "localhost/plain", "command": [PYTHON, "-c", PROGRAM]})
    agent.environment |= store.environment
    result = agent.run("--offline", "--input", "web is down")
    assert (result["state"], result["sandbox"], result["calls"]) == ("succeeded", "container", 1)
    assert store.names() == []


async def test_a_server_is_kept_from_one_task_to_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with host(server(tmp_path), monkeypatch) as made:
        first, second = await run(made, "one"), await run(made, "two")
        assert (first.result["seen"], second.result["seen"]) == (1, 2)
        assert first.result["pid"] == second.result["pid"]
        assert first.result["trace"] != second.result["trace"]
        assert (first.calls, second.calls) == (1, 1)


async def test_what_becomes_of_tasks_that_fail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with host(server(tmp_path, invocation={"timeout": "1s"}), monkeypatch) as made:
        failed = await run(made, "fail")
        assert (failed.state, failed.problem, failed.result) == (
            "failed",
            "it answered with status 500",
            {"reason": "no luck"},
        )
        late = await run(made, "sleep")
        assert (late.state, late.exit_code) == ("timed_out", 124)
        dead = await run(made, "die")
        assert (dead.state, dead.problem) == ("failed", "the program ended with exit code 7")
        again = await run(made, "one")
        assert (again.state, again.result["seen"]) == ("succeeded", 1)


@pytest.mark.parametrize(
    ("program", "said"),
    [
        ("raise SystemExit('no database')", "no database"),
        ("import os; os._exit(5)", "exit code 5"),
        ("import time; print('thinking', flush=True); time.sleep(100)", "thinking"),
    ],
)
async def test_a_server_that_does_not_come_up_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str, said: str
) -> None:
    monkeypatch.setattr(server_invocation, "READY_SECONDS", 2.0)
    async with host(server(tmp_path, program), monkeypatch) as made:
        for _ in range(2):
            with pytest.raises(ExecutionFailedError) as caught:
                await run(made, "one")
            assert said in f"{caught.value.message} {caught.value.found}"
        assert list(made._home.files.runs.iterdir()) == []


async def test_a_server_is_slow_to_come_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slow = {"command": [sys.executable, "program.py"], "env": {"SLOW": "1"}}
    async with host(server(tmp_path, agent=slow), monkeypatch) as made:
        assert (await run(made, "one")).state == "succeeded"


CLOSING = """
import os, socket, threading, time
def serve(connection):
    while b"\\r\\n\\r\\n" not in connection.recv(65536):
        pass
    connection.sendall(b"HTTP/1.1 200 OK\\r\\ncontent-length: 4\\r\\n\\r\\n1234")
    time.sleep(0.2)
    connection.close()
listening = socket.create_server(("127.0.0.1", int(os.environ["PORT"])))
while True:
    threading.Thread(target=serve, args=(listening.accept()[0],)).start()
"""


async def test_a_task_does_not_go_where_the_last_one_went(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with host(server(tmp_path, CLOSING), monkeypatch) as made:
        assert [(await run(made, "x")).result for _ in range(4)] == [1234] * 4
