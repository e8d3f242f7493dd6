"""AI agents in mode `queue`: their tasks come from JetStream, and what comes of them goes there."""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import nats
import pytest
import yaml
from nats.js import JetStreamContext
from nats.js.api import StreamConfig

from tests.platform.harness import Platform, eventually, running
from tests.platform.queues import Own
from tests.servers.nats import NatsServer
from tests.servers.ports import free_port

pytestmark = [pytest.mark.real, pytest.mark.timeout(240)]
TASKS = "outrider.default.tasks.triage"
PROGRAM = """\
import json, os, pathlib, sys, time
task = json.load(sys.stdin)
with open("RAN", "a") as ran:
    ran.write(f"{task['number']}\\n")
if task.get("sleep"):
    time.sleep(task["sleep"])
if task.get("fail"):
    sys.exit(4)
print(json.dumps({"number": task["number"], "session": os.environ.get("OUTRIDER_SESSION"), "text": "x" * task.get("long", 0)}))
"""
SERVER = """\
import http.server, json, os
class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        task = json.loads(self.rfile.read(int(self.headers["content-length"])))
        text = json.dumps({"path": self.path, "task": task["input"]}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
    def log_message(self, *_): pass
http.server.HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""


def declare(platform: Platform, invocation: dict[str, Any], program: str = PROGRAM) -> None:
    (platform.folder / "triage.py").write_text(program.replace("RAN", str(ran(platform))))
    out = ran(platform).parent
    out.mkdir()
    out.chmod(0o777)
    spec = {
        "agent": {"command": [sys.executable, "triage.py"]},
        "invocation": {"mode": "queue", "timeout": "60s", **invocation},
        "isolation": {"files": {"write": [str(out)]}},
        "resources": {"memory": "1Gi"},
    }
    item = {"apiVersion": "outrider.dev/v1alpha1", "kind": "AgentType", "metadata": {"name": "triage"}, "spec": spec}
    platform.write(yaml.safe_dump(item))


def entered(platform: Platform) -> Own:
    """Return the queue of a platform that runs."""
    status = platform.json("queue", "status")
    return Own(platform, int(status["server"].rpartition(":")[2]))


def give(own: Own, *tasks: Any, subject: str = TASKS, headers: dict[str, str] | None = None) -> None:
    async def send(js: JetStreamContext) -> None:
        for task in tasks:
            data = task if isinstance(task, bytes) else json.dumps(task).encode()
            await js.publish(subject, data, headers=headers)

    own.run(send)


def results(own: Own, count: int, what: Any = "") -> list[dict[str, Any]]:
    """Return the first results."""
    eventually(lambda: len(own.published("OUTRIDER_RESULTS")) >= count, seconds=60, what=what or "results")
    return own.published("OUTRIDER_RESULTS")


def ran(platform: Platform) -> Path:
    """Return where the program writes down what it does: not below the home of who runs it."""
    home = platform.folder.parent
    return home.with_name(f"{home.name}-out") / "ran"


def numbers(platform: Platform) -> list[str]:
    return ran(platform).read_text().split() if ran(platform).exists() else []


def test_tasks_come_from_the_queue_and_results_go_there(platform: Platform) -> None:
    declare(platform, {})
    with running(platform):
        own = entered(platform)
        give(own, {"number": 1}, headers={"Nats-Msg-Id": "mine", "x-outrider-session": "s1"})
        give(own, {"number": 2, "fail": True}, b"garbage", b"[" * 900 + b"]" * 900, {"number": 3, "long": 2_000_000})
        done, failed, long = results(own, 3, platform.logs())
        assert done["type"] == "dev.outrider.task.completed", json.dumps(done["data"]["error"])
        assert done["source"] == "agent/triage"
        assert done["data"]["result"] == {"number": 1, "session": "s1", "text": ""}
        assert (done["data"]["task"], done["data"]["session"], done["data"]["error"]) == ("mine", "s1", None)
        assert failed["type"] == "dev.outrider.task.failed"
        assert "exit code 4" in failed["data"]["error"]["message"]
        assert "too long for the queue" in long["data"]["error"]["message"]
        run = platform.json("runs", "show", done["data"]["run"])
        assert (run["run"]["state"], run["run"]["rule"]) == ("completed", "triage")
        status = platform.json("queue", "status")
        assert status["tasks"] == {"triage": TASKS}
        eventually(lambda: platform.json("queue", "status")["dead"] == 2)
        letter, deep = platform.json("queue", "dead")
        assert letter["data"] == "garbage"
        assert "RecursionError" in deep["reason"], "and everything else went on"
        assert platform.command("queue", "retry", "1").returncode == 0
        eventually(
            lambda: [one["sequence"] for one in platform.json("queue", "dead")] == [2, 3], what="it is none again"
        )
        with pytest.raises(nats.js.errors.NoStreamResponseError):
            give(own, {}, subject=TASKS.replace("triage", "trage"))
        assert numbers(platform) == ["1", "2", "3"], "nothing is tried twice"
        own.run(lambda js: js.delete_stream("OUTRIDER_TASKS"))
        eventually(
            lambda: "tasks of triage" in platform.command("queue", "status").stdout, seconds=40, what="it is told"
        )
        eventually(lambda: not platform.json("queue", "status")["problems"], seconds=40, what="it is made again")
        give(own, {"number": 4})
        results(own, 4, platform.logs())


def test_a_task_is_run_once_though_the_orchestrator_is_killed(platform: Platform) -> None:
    declare(platform, {})
    with running(platform):
        own = entered(platform)
        give(own, {"number": 1, "sleep": 4}, {"number": 2})
        eventually(lambda: numbers(platform) == ["1"], seconds=30, what=platform.logs())
        os.kill(platform.part("orchestrator")["pid"], signal.SIGKILL)
        found = results(own, 2, platform.logs())
        assert sorted(one["data"]["result"]["number"] for one in found) == [1, 2]
        assert numbers(platform) == ["1", "2"]
        assert len([row for row in platform.runs() if row["rule"] == "triage"]) == 2


def test_a_server_takes_tasks_from_a_stream_of_others(platform: Platform) -> None:
    with NatsServer(jetstream=True) as server:

        async def prepare() -> None:
            connection = await nats.connect(server.url)
            await connection.jetstream().add_stream(StreamConfig(name="ORDERS", subjects=["orders.>"]))
            await connection.close()

        asyncio.run(prepare())
        queue = {"stream": "ORDERS", "subject": "orders.*.created"}
        declare(platform, {"port": free_port(), "path": "/run", "queue": queue}, SERVER)
        text = (platform.folder / "outrider.yaml").read_text()
        text += "---\n" + text.replace("triage", "lost").replace("ORDERS", "NOWHERE")
        spec = f"apiVersion: outrider.dev/v1alpha1\nkind: Platform\nmetadata: {{name: test}}\nspec: {{queue: {{url: '{server.url}'}}}}\n---\n"
        platform.write(spec + text)
        with running(platform):
            own = Own(platform, int(server.url.rpartition(":")[2]), name="test")
            eventually(lambda: platform.json("queue", "status")["connected"], what=platform.logs())
            give(own, "paid", subject="orders.de.paid")
            give(own, "created", subject="orders.de.created")
            give(own, b"{", subject="orders.fr.created")
            (done,) = results(own, 1, platform.logs())
            assert done["data"]["result"] == {"path": "/run", "task": "created"}
            eventually(lambda: platform.json("queue", "status")["dead"] == 1)
            refused = platform.command("queue", "retry", "1")
            assert (refused.returncode, "others who read there" in refused.stderr) == (2, True)
            kept = own.run(lambda js: js.stream_info("ORDERS"))
            assert kept.state.messages == 3, "its owner says how long its messages are kept"
            assert "tasks of lost" in platform.command("queue", "status").stdout, "which stops nobody else"


def test_a_queue_that_is_needed_later_is_told_of(platform: Platform) -> None:
    platform.write("apiVersion: outrider.dev/v1alpha1\nkind: Platform\nmetadata: {name: platform}\n")
    with running(platform):
        assert "has no queue" in platform.command("queue", "status").stdout
        declare(platform, {})
        assert "spec.queue cannot be changed while it runs" in platform.command("reload", "--yes").stderr
        assert platform.command("apply", "-f", "outrider.yaml", "--yes").returncode == 0
        told = platform.command("queue", "status")
        assert (told.returncode, "started without a queue" in told.stdout) == (6, True)


def test_an_agent_may_leave_the_queue_and_come_back(platform: Platform) -> None:
    declare(platform, {})
    text = (platform.folder / "outrider.yaml").read_text()
    with running(platform):
        own = entered(platform)
        platform.write(text.replace("mode: queue", "mode: job"))
        assert platform.command("reload", "--yes").returncode == 0
        assert "has no queue" in platform.command("queue", "status").stdout
        platform.write(text)
        assert platform.command("reload", "--yes").returncode == 0
        eventually(lambda: platform.json("queue", "status")["connected"], what=platform.logs())
        give(own, {"number": 1})
        (done,) = results(own, 1, platform.logs())
        assert done["data"]["result"]["number"] == 1
