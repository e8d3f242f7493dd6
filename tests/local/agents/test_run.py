"""Tasks of AI agents, from the command line to what their programs print."""

import http.server
import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from outrider.ports.certificates.tls import server_context
from tests.local.agents.support import ASK, AgentFolder
from tests.ports.http.authority import Authority
from tests.servers.http_threads import answering
from tests.servers.models import INPUT, OUTPUT, TEXT, ModelServer

pytestmark = [pytest.mark.real, pytest.mark.timeout(180)]


def test_a_script_answers_an_unchanged_program(tmp_path: Path) -> None:
    agent = AgentFolder(tmp_path)
    done = agent.outrider("agent", "run", "--offline", "--input", "web is down")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"said": "I would restart it.", "task": "web is down"}
    assert "asks default (scripted)" in done.stderr
    assert "offline" in done.stderr
    listed = json.loads(agent.outrider("agent", "runs", "-o", "json").stdout)
    assert [(one["state"], one["calls"], one["wrapper"]) for one in listed] == [("succeeded", 1, "seen")]
    assert listed[0]["egress"] in ("sealed", "advisory")


def test_a_provider_is_paid_from_the_ledger(tmp_path: Path) -> None:
    with ModelServer("sk-real") as provider:
        url = f"{provider.url}/v1"
        route = {
            "alias": "default",
            "providers": [{"provider": "p", "url": url, "model": "m", "key": {"secret": "real"}}],
        }
        agent = AgentFolder(
            tmp_path, llm={"routes": [route], "prices": "prices.json", "budget": {"amount": "1.00 USD"}}
        )
        price = {"input": 10**9, "output": 10**9}
        (agent.folder / "prices.json").write_text(
            json.dumps({"date": "2026-11-28", "currency": "USD", "models": {"p/m": price}})
        )
        agent.declare("Platform", "here", {"secrets": {"real": {"env": "REAL_KEY"}}})
        result = agent.run("--input", '{"n": 1}', env={"REAL_KEY": "sk-real"})
        assert provider.told == [(INPUT, OUTPUT)]
    assert result["result"] == {"said": TEXT, "task": {"n": 1}}
    assert (result["input_tokens"], result["output_tokens"], result["cost"]) == (INPUT, OUTPUT, (INPUT + OUTPUT) * 1000)
    (row,) = json.loads(agent.outrider("agent", "cost", "-o", "json").stdout)
    assert (row["provider"], row["model"], row["calls"], row["cost"]) == ("p", "m", 1, (INPUT + OUTPUT) * 1000)


def test_a_key_that_is_not_there_is_named(tmp_path: Path) -> None:
    route = {"alias": "default", "providers": [{"provider": "openai", "model": "m", "key": {"secret": "nope"}}]}
    agent = AgentFolder(tmp_path, llm={"routes": [route], "offline": {"script": "answers.yaml"}})
    done = agent.outrider("agent", "run")
    assert done.returncode != 0
    assert "outrider secret set nope" in done.stderr
    assert "--offline" in done.stderr


def test_who_runs_an_agent_is_told_why_a_model_was_not_asked(tmp_path: Path) -> None:
    agent = AgentFolder(tmp_path, ASK.replace('"default"', '"other"'))
    told = agent.outrider("agent", "run", "--offline", "--input", "{}").stderr
    assert "triage  asks other   model_not_found   no route is called 'other'; there are: default\n" in told


FAILS = 'import sys; print("half"); print("broken", file=sys.stderr); sys.exit(3)'
SLEEPS = "import time; print('begun', flush=True); time.sleep(60)"
CHILD = "import subprocess, sys; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']); print('left')"
HUNGRY = "print(len(bytearray(2**30)))"


def test_a_program_that_fails_says_why(tmp_path: Path) -> None:
    agent = AgentFolder(tmp_path, FAILS)
    done = agent.outrider("agent", "run", "--offline")
    assert done.returncode not in (0, 3)
    assert done.stdout == "half\n"
    assert "exit code 3" in done.stderr
    assert agent.outrider("agent", "logs").stdout == "broken\n"


def test_a_program_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    agent = AgentFolder(tmp_path, SLEEPS, invocation={"timeout": "1s"})
    result = agent.run("--offline")
    assert (result["state"], result["result"]) == ("timed_out", "begun")


def test_what_a_program_leaves_behind_is_ended(tmp_path: Path) -> None:
    result = AgentFolder(tmp_path, CHILD).run("--offline")
    assert (result["state"], result["result"]) == ("succeeded", "left")


def test_a_program_that_needs_too_much_memory_fails_alone(tmp_path: Path) -> None:
    result = AgentFolder(tmp_path, HUNGRY, resources={"memory": "64Mi"}).run("--offline")
    assert result["state"] == "failed"


def test_the_input_is_a_file_too(tmp_path: Path) -> None:
    program = "import os; print(open(os.environ['OUTRIDER_INPUT']).read())"
    agent = AgentFolder(tmp_path, program)
    (agent.folder / "task.json").write_text('{"a": [1, 2]}')
    assert agent.run("--offline", "--input", "@task.json")["result"] == {"a": [1, 2]}


def test_hooks_run_before_the_program(tmp_path: Path) -> None:
    agent = AgentFolder(tmp_path, "import os; print(os.environ['HOOKED'])", wrapper={"hooks": ["hook.py"]})
    missing = agent.outrider("agent", "run", "--offline")
    assert "there is no hook" in missing.stderr
    (agent.folder / "hook.py").write_text("import os; os.environ['HOOKED'] = 'yes'")
    assert agent.run("--offline")["result"] == "yes"


def test_a_shell_program_is_not_wrapped_and_works(tmp_path: Path) -> None:
    spec = {"command": ["sh", "-c", "read x; echo $x $OUTRIDER_AGENT $OPENAI_BASE_URL"]}
    result = AgentFolder(tmp_path, agent=spec, wrapper={"runtime": "none"}).run("--offline", "--input", "7")
    assert result["wrapper"] == "none"
    assert result["result"].startswith("7 triage http://127.0.0.1:")


@pytest.mark.parametrize("command", [["nowhere"], ["./nowhere"]])
def test_a_program_that_is_not_there_is_named(tmp_path: Path, command: list[str]) -> None:
    done = AgentFolder(tmp_path, agent={"command": command}).outrider("agent", "run", "--offline")
    assert "nowhere" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_second_run_at_the_same_time_is_refused(tmp_path: Path) -> None:
    agent = AgentFolder(tmp_path, SLEEPS)
    first = agent.start("agent", "run", "--offline")
    try:
        wait_for_runs(agent)
        assert "running already" in agent.outrider("agent", "run", "--offline").stderr
    finally:
        first.terminate()
        first.communicate()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_nothing_is_left_when_the_command_is_killed(tmp_path: Path, number: signal.Signals) -> None:
    agent = AgentFolder(tmp_path, SLEEPS)
    first = agent.start("agent", "run", "--offline")
    wait_for_runs(agent)
    first.send_signal(number)
    first.communicate()
    deadline = time.monotonic() + 20
    while left := processes_of(agent):
        assert time.monotonic() < deadline, left
        time.sleep(0.05)


def wait_for_runs(agent: AgentFolder) -> None:
    deadline = time.monotonic() + 30
    while not list(agent.state.glob("workloads/triage/runs/*/stdout")):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def processes_of(agent: AgentFolder) -> list[str]:
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            text = (entry / "cmdline").read_bytes().decode("utf-8", "replace")
            there = str((entry / "cwd").readlink())
        except OSError:
            continue
        if str(agent.folder) in text or there.startswith(str(agent.folder)):
            found.append(text)
    return found


def test_the_last_runs_are_kept(tmp_path: Path) -> None:
    agent = AgentFolder(tmp_path, ASK)
    for number in range(2):
        agent.run("--offline", "--input", str(number))
    listed = json.loads(agent.outrider("agent", "runs", "-o", "json").stdout)
    assert [one["result"]["task"] for one in listed] == [0, 1]
    none = agent.outrider("agent", "logs", "--run", "01nope")
    assert "has no run 01nope" in none.stderr


FETCH = """
import json, os, ssl, sys, urllib.error, urllib.request
def fetched(url):
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        with urllib.request.urlopen(url, timeout=10, context=context) as answer:
            return answer.read().decode()
    except OSError as error:
        return str(error)
print(json.dumps([fetched(url) for url in json.load(sys.stdin)]))
"""


@contextmanager
def tls_server(folder: Path) -> Iterator[int]:
    (folder / "authority").mkdir()
    authority = Authority(folder / "authority")
    context = server_context(authority.issue("server", dns=("localhost",)), authority.pem, require_client=False)
    server = http.server.ThreadingHTTPServer(("0.0.0.0", 0), Hello)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    with answering(server) as port:
        yield port


class Hello(http.server.BaseHTTPRequestHandler):
    """Says hello."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("content-length", "5")
        self.end_headers()
        self.wfile.write(b"hello")

    def log_message(self, *_: object) -> None:
        """Nothing is logged."""


@pytest.mark.parametrize("level", ["namespaced", "landlock"])
def test_an_agent_reaches_what_it_is_allowed_and_nothing_else(tmp_path: Path, level: str) -> None:
    with tls_server(tmp_path) as port:
        agent = AgentFolder(tmp_path, FETCH, egress={"allow": [f"127.0.0.2:{port}"]})
        (agent.folder / "urls.json").write_text(
            json.dumps([f"https://127.0.0.2:{port}/", f"https://127.0.0.3:{port}/"])
        )
        path = os.environ["PATH"] if level == "namespaced" else "/nonexistent"
        result = agent.run("--offline", "--input", "@urls.json", env={"PATH": path})
    fetched, refused = result["result"]
    assert fetched == "hello"
    assert "403" in refused
    assert result["sandbox"] == level
