"""Agents that are images: unchanged containers whose only network is a door to the sidecar."""

import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.local.agents.support import ASK, AgentFolder
from tests.platform.harness import eventually
from tests.servers.containers import PYTHON, PodmanStore, usable_store

pytestmark = [pytest.mark.real, pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
def store() -> Iterator[PodmanStore]:
    with usable_store() as made:
        command = json.dumps([PYTHON, "-c", ASK])
        made.build("agent", f"CMD {command}", "USER 1000", "ENV PYTHONPATH=/opt/lib", "WORKDIR /opt")
        yield made


class Boxed(AgentFolder):
    """An agent that is an image."""

    def __init__(self, folder: Path, store: PodmanStore, program: str = "", image: str = "plain", **spec: Any) -> None:
        command = {"command": [PYTHON, "-c", program]} if program else {}
        super().__init__(folder, "", agent={"image": f"localhost/{image}", **command, **spec.pop("agent", {})}, **spec)
        self.environment |= store.environment


def test_an_image_is_run_as_it_is(tmp_path: Path, store: PodmanStore) -> None:
    result = Boxed(tmp_path, store, image="agent").run("--offline", "--input", "web is down")
    assert result["result"] == {"said": "I would restart it.", "task": "web is down"}
    assert (result["state"], result["sandbox"], result["egress"]) == ("succeeded", "container", "sealed")
    assert (result["wrapper"], result["calls"]) == ("seen", 1)
    assert store.names() == []


SEEN = """
import json, os, socket, sys
given = json.load(sys.stdin)
def reached(address, port):
    try:
        socket.create_connection((address, port), timeout=2).close()
        return True
    except OSError:
        return False
def text(path):
    try:
        return open(path).read()
    except OSError:
        return ""
open("/outrider/work/own", "w").write("x")
print(json.dumps({
    "env": dict(os.environ), "uid": os.getuid(), "folder": os.getcwd(), "input": json.load(open(os.environ["OUTRIDER_INPUT"])) == given,
    "reached": [reached(*one) for one in given["addresses"]], "read": [text(path) for path in given["paths"]],
    "interfaces": [name for _, name in socket.if_nameindex()], "root": os.access("/outrider/shared/wrapper", os.W_OK),
}))
"""


def test_a_container_reaches_its_sidecar_and_what_is_granted(tmp_path: Path, store: PodmanStore) -> None:
    secret = {
        "TOKEN": {"secret": "t"},
        "LINES": "a\nb",
        "EMPTY": "",
        "ODD": ' x="y" #\'z ',
        "LONG": "x" * 70_000,
        "RETURN": "a\r",
    }
    agent = Boxed(
        tmp_path,
        store,
        SEEN,
        image="agent",
        agent={"env": secret},
        isolation={"files": {"read": ["open"], "write": []}},
    )
    agent.declare("Platform", "here", {"secrets": {"t": {"file": "../token"}}})
    (tmp_path / "token").write_text("sk-token")
    (agent.folder / "open").mkdir()
    (agent.folder / "open" / "file").write_text("open")
    with socket.create_server(("127.0.0.1", 0)) as other:
        host = subprocess.run(["hostname", "-I"], capture_output=True, text=True, check=False).stdout.split()
        addresses = [
            ("127.0.0.1", other.getsockname()[1]),
            *((one, other.getsockname()[1]) for one in host),
            ("1.1.1.1", 443),
        ]
        paths = [
            str(path) for path in (tmp_path / "token", agent.state / "workloads/triage/key", agent.folder / "open/file")
        ]
        (agent.folder / "task.json").write_text(json.dumps({"addresses": addresses, "paths": paths}))
        proxies = {
            "HTTP_PROXY": "http://user:password@proxy.invalid",
            "https_proxy": "http://user:password@proxy.invalid",
        }
        seen = agent.run("--offline", "--input", "@task.json", env=proxies)["result"]
    env = seen["env"]
    assert {name: env[name] for name in secret} == secret | {"TOKEN": "sk-token"}
    assert env["PYTHONPATH"].split(":") == ["/outrider/shared/wrapper/python", "/opt/lib"]
    assert not set(env) & {"CONTAINERS_CONF", "XDG_CACHE_HOME"}
    assert "password" not in json.dumps(env)
    assert (seen["uid"], seen["folder"], seen["input"], seen["root"]) == (1000, "/opt", True, False)
    assert seen["reached"] == [False] * len(addresses)
    assert seen["interfaces"] == ["lo"]
    assert seen["read"] == ["", "", "open"]


@pytest.mark.parametrize(
    ("program", "spec", "state", "code", "problem"),
    [
        ("import sys; sys.exit(3)", {}, "failed", 3, "exit code 3"),
        ("import time; time.sleep(100)", {"invocation": {"timeout": "1s"}}, "timed_out", 124, "longer than 1s"),
        ("import os; os.kill(os.getpid(), 9)", {}, "failed", 137, "exit code 137"),
        ("x = bytearray(300_000_000)", {"resources": {"memory": "64Mi"}}, "failed", 137, "resources.memory"),
    ],
)
def test_how_a_container_ends(
    tmp_path: Path, store: PodmanStore, *, program: str, spec: dict[str, Any], state: str, code: int, problem: str
) -> None:
    # The first of a container gets no SIGKILL from itself (pid_namespaces(7)), its child does.
    child = f"import subprocess, sys; code = subprocess.run([sys.executable, '-c', {program!r}]).returncode\nsys.exit(code if code >= 0 else 128 - code)"
    result = Boxed(tmp_path, store, child, **spec).run("--offline")
    assert (result["state"], result["exit_code"]) == (state, code)
    assert problem in result["problem"]
    assert store.names() == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_removes_the_container(tmp_path: Path, store: PodmanStore, number: signal.Signals) -> None:
    agent = Boxed(tmp_path, store, "import time; print('up', flush=True); time.sleep(100)")
    process = agent.start("agent", "run", "--offline")
    eventually(store.names, what="a container")
    process.send_signal(number)
    process.communicate(timeout=30)
    assert store.names() == []


def test_one_that_a_killed_starter_left_is_replaced(tmp_path: Path, store: PodmanStore) -> None:
    slow = Boxed(tmp_path, store, "import time; time.sleep(100)")
    process = slow.start("agent", "run", "--offline")
    eventually(store.names, what="a container")
    time.sleep(1.0)
    process.kill()
    process.communicate(timeout=30)
    left = store.names()
    usual = {"image": "localhost/plain", "command": [PYTHON, "-c", "print(1)"]}
    slow.declare("AgentType", "triage", {"agent": usual})
    assert slow.run("--input", "x")["result"] == 1
    assert len(left) == 1
    assert store.names() == []


def test_what_is_wrong_with_an_image_is_said(tmp_path: Path, store: PodmanStore) -> None:
    (tmp_path / "no").mkdir()
    missing = Boxed(tmp_path / "no", store, image="no-such-image").outrider("agent", "run", "--offline")
    assert missing.returncode != 0
    assert "podman pull failed" in missing.stderr
    (tmp_path / "bad").mkdir()
    bad = Boxed(tmp_path / "bad", store, agent={"command": ["/no/such/program"]}).outrider("agent", "run", "--offline")
    assert "/no/such/program" in bad.stderr
    (tmp_path / "none").mkdir()
    (tmp_path / "none" / "bin").mkdir()
    none = Boxed(tmp_path / "none", store).outrider(
        "agent", "run", "--offline", env={"PATH": f"{Path(sys.executable).parent}:{tmp_path / 'none/bin'}"}
    )
    assert "no podman on PATH" in none.stderr
    assert "install podman" in none.stderr
    (tmp_path / "files").mkdir()
    opened = Boxed(tmp_path / "files", store, "", isolation={"files": {"read": ["."]}})
    opened.state.mkdir()
    assert "not its own" in opened.outrider("agent", "run", "--offline").stderr
    (tmp_path / "a:b").mkdir()
    colon = Boxed(tmp_path / "a:b", store, "print(1)").outrider("agent", "run", "--offline")
    assert "no path with a colon" in colon.stderr
    (tmp_path / "dash").mkdir()
    dash = Boxed(tmp_path / "dash", store, agent={"image": "--privileged"}).outrider("agent", "run", "--offline")
    assert "invalid reference format" in dash.stderr


def test_what_a_container_leaves_behind_is_removed(tmp_path: Path, store: PodmanStore) -> None:
    store.build("volumes", "VOLUME /data")
    program = "open('/data/x', 'w').write('x'); print('y' * 100)"
    assert Boxed(tmp_path, store, program, image="volumes").run("--offline")["result"] == "y" * 100
    assert store.podman("volume", "ls", "--quiet") == ""


LINKS = """
import os, sys
os.makedirs("DATA", exist_ok=True)
if not os.path.islink("DATA/in"):
    os.rmdir("DATA/in") if os.path.isdir("DATA/in") else None
    os.symlink("KEYS", "DATA/in")
print("planted")
"""


def test_a_link_that_an_agent_has_made_opens_nothing(tmp_path: Path, store: PodmanStore) -> None:
    keys, data = tmp_path / "keys", tmp_path / "agent" / "data"
    keys.mkdir()
    program = LINKS.replace("DATA", str(data)).replace("KEYS", str(keys))
    agent = Boxed(tmp_path, store, program, isolation={"files": {"write": ["data"]}})
    data.mkdir()
    data.chmod(0o777)
    assert agent.run("--offline")["result"] == "planted"
    for files in ({"write": ["data"], "read": ["data/in"]}, {"write": ["data", "data/in"]}):
        usual = {"image": "localhost/plain", "command": [PYTHON, "-c", "print(1)"]}
        agent.declare("AgentType", "triage", {"agent": usual, "isolation": {"files": files}})
        assert "not its own" in agent.outrider("agent", "run").stderr
