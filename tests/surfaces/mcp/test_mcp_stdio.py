"""The server as a process, spoken to line by line, and by clients that we did not write."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from outrider.core.mcp.protocol import CAPABILITIES_KEY, VERSION_KEY
from outrider.surfaces.mcp.stdio import LONGEST_MESSAGE
from tests.peers import mcp_client

pytestmark = pytest.mark.real
SERVE = [sys.executable, "-m", "outrider", "mcp", "serve"]
META = {VERSION_KEY: "2026-07-28", CAPABILITIES_KEY: {}}


class Server:
    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process

    def say(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def send(self, method: str, params: dict[str, Any] | None = None, request_id: str | int | None = None) -> None:
        message = {"jsonrpc": "2.0", "method": method, "params": params or {}}
        self.say(json.dumps(message if request_id is None else {**message, "id": request_id}))

    def call(self, name: str, arguments: dict[str, Any], request_id: str | int) -> None:
        self.send("tools/call", {"name": name, "arguments": arguments}, request_id)

    def read(self) -> Any:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, "the server closed its output"
        return json.loads(line)


@pytest.fixture
def server(home: Path) -> Iterator[Server]:
    with started() as found:
        yield found


@contextmanager
def started() -> Iterator[Server]:
    process = subprocess.Popen(SERVE, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with process:
        yield Server(process)
        assert process.stdin is not None
        process.stdin.close()
        process.wait(timeout=20)


def run(text: str) -> list[Any]:
    done = subprocess.run(SERVE, input=text, capture_output=True, text=True, timeout=40, check=False)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_calls_are_answered_when_they_are_ready(server: Server) -> None:
    server.call("host_cpu", {"over": "2s"}, "slow")
    server.call("host_facts", {}, "quick")
    assert server.read()["id"] == "quick"
    assert server.read()["id"] == "slow"


def test_a_cancelled_call_is_not_answered(server: Server) -> None:
    server.call("host_cpu", {"over": "30s"}, 1)
    server.send("notifications/cancelled", {"requestId": 1, "reason": "test"})
    server.send("notifications/cancelled", {"requestId": "unknown"})
    server.send("notifications/cancelled", {"requestId": {}})
    server.send("ping", request_id=2)
    assert server.read() == {"jsonrpc": "2.0", "id": 2, "result": {}}
    server.call("host_facts", {}, 1)
    assert server.read()["result"]["isError"] is False


def test_an_id_that_is_running_is_refused(server: Server) -> None:
    server.call("host_cpu", {"over": "3s"}, 1)
    server.call("host_facts", {}, 1)
    assert server.read()["error"]["code"] == -32600
    assert server.read()["result"]["isError"] is False


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("{", -32700),
        ("\x00\xff", -32700),
        ('[{"jsonrpc":"2.0","id":1,"method":"ping"}]', -32600),
        ('{"jsonrpc":"2.0","id":1,"method":"nothing/at/all"}', -32601),
        ("[" * 100_000, -32700),
        ('"' + "x" * LONGEST_MESSAGE * 2 + '"', -32600),
    ],
    ids=["broken", "binary", "batch", "unknown", "deep", "long"],
)
def test_it_goes_on_after_garbage(server: Server, line: str, code: int) -> None:
    server.say(line)
    assert server.read()["error"]["code"] == code
    server.say("")
    server.say('{"jsonrpc":"2.0","id":3,"result":{}}')
    server.send("ping", request_id=2)
    assert server.read()["id"] == 2


def test_a_pipe_that_ends_still_gets_its_answers(home: Path) -> None:
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "host_facts", "_meta": META}}
    (answer,) = run(json.dumps(call))
    assert answer["result"]["resultType"] == "complete"


def test_files_in_place_of_pipes(home: Path) -> None:
    orders, answers = home / "orders", home / "answers"
    orders.write_text('{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"host_facts"}}\n')
    with orders.open() as source, answers.open("w") as target:
        subprocess.run(SERVE, stdin=source, stdout=target, timeout=40, check=True)
    assert json.loads(answers.read_text())["result"]["isError"] is False


def test_a_client_that_goes_away_ends_it(home: Path) -> None:
    read_end, write_end = os.pipe()
    with subprocess.Popen(SERVE, stdin=subprocess.PIPE, stdout=write_end, text=True) as process:
        os.close(write_end)
        os.close(read_end)
        found = Server(process)
        found.send("ping", request_id=1)
        assert process.wait(timeout=20) == 0


def test_it_can_be_stopped_by_a_signal(server: Server) -> None:
    server.send("ping", request_id=1)
    server.read()
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(timeout=10) in (0, -signal.SIGTERM)


@pytest.mark.parametrize(
    ("words", "message"), [(["--agent", "a b"], "--agent"), (["--context", "nowhere"], "no context is called")]
)
def test_wrong_options_are_said_on_stderr(home: Path, words: list[str], message: str) -> None:
    done = subprocess.run([*SERVE, *words], input="", capture_output=True, text=True, timeout=40, check=False)
    assert done.returncode in (2, 3)
    assert (done.stdout, message in done.stderr) == ("", True)


@pytest.mark.parametrize(("sdk", "version"), [("mcp1", "2025-11-25"), ("mcp2", "2026-07-28")])
def test_the_official_clients(home: Path, sdk: str, version: str) -> None:
    calls: list[tuple[str, dict[str, Any]]] = [
        ("host_facts", {}),
        ("host_file_write", {"path": str(home / "a"), "content": "x"}),
        ("host_file_read", {"path": 5}),
    ]
    seen = mcp_client.run(sdk, calls, command=SERVE, environment=dict(os.environ))
    assert seen.version == version
    assert {"host_facts", "plan_apply"} <= {tool["name"] for tool in seen.tools}
    read, write, fault = seen.results
    assert (read.failed, write.failed, fault.failed) == (False, False, True)
    assert write.content["items"][0]["operation"] == "host.file_write"
    assert fault.content["code"] == "INVALID_CONFIG"
