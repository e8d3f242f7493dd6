"""What hostile programs, folders and objects have tried."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from outrider.core.errors import ConflictError, InvalidConfigError
from outrider.local.agents.files import check_own
from outrider.local.agents.starters.confinement import grants, wanted
from outrider.runtime.sandbox.program import FoundProgram, find_program
from outrider.runtime.sandbox.sight import sight, state_folders
from tests.kinds.agenttype.support import rendered
from tests.local.agents.support import AgentFolder

pytestmark = [pytest.mark.real, pytest.mark.timeout(180)]
LEVELS = {"namespaced": os.environ["PATH"], "landlock": "/nonexistent"}
SECRET = "sk-of-the-provider"


def with_secret(folder: Path, program: str, **spec: Any) -> AgentFolder:
    agent = AgentFolder(folder, program, **spec)
    (agent.folder / "keys").mkdir()
    (agent.folder / "keys" / "provider").write_text(SECRET)
    agent.declare("Platform", "here", {"secrets": {"provider": {"file": "keys/provider"}}})
    return agent


def script(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


@pytest.mark.parametrize("level", LEVELS)
def test_a_program_in_bin_does_not_open_what_is_beside_it(tmp_path: Path, level: str) -> None:
    agent = with_secret(tmp_path, "", agent={"command": ["./bin/run"]})
    script(
        agent.folder / "bin" / "run",
        "#!/bin/sh\ncat keys/provider .outrider/workloads/triage/key 2>/dev/null; echo ended\n",
    )
    result = agent.run("--offline", env={"PATH": LEVELS[level]})
    assert result["result"] == "ended", agent.outrider("agent", "logs").stdout


@pytest.mark.parametrize("level", LEVELS)
def test_a_program_of_the_users_own_does_not_open_its_home(tmp_path: Path, level: str) -> None:
    home = tmp_path / "home"
    agent = AgentFolder(tmp_path, "", agent={"command": [str(home / "bin" / "run")]})
    script(home / "bin" / "run", f"#!/bin/sh\ncat {home}/.ssh/id 2>/dev/null; echo ended\n")
    script(home / ".ssh" / "id", SECRET)
    assert agent.run("--offline", env={"PATH": LEVELS[level]})["result"] == "ended"


async def test_programs_of_the_system_open_nothing_more(tmp_path: Path) -> None:
    assert (await find_program(["/bin/sh"], tmp_path, field="command")).needs == []
    own = script(tmp_path / "sbin" / "tool", "#!/bin/sh\n")
    assert (await find_program([str(own)], tmp_path, field="command")).needs == [own]
    with pytest.raises(InvalidConfigError):
        await find_program(["a\0b"], tmp_path, field="command")


def test_packages_of_the_agent_run_in_the_sandbox_only(tmp_path: Path) -> None:
    agent = AgentFolder(tmp_path, "print('ran')", agent={"command": ["venv/bin/python", "program.py"]})
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", agent.folder / "venv"], check=True)
    (packages,) = (agent.folder / "venv" / "lib").glob("python*/site-packages")
    leak = tmp_path / "leaked"
    (packages / "evil.pth").write_text(
        f"import os; open({str(leak)!r}, 'w').write(os.environ.get('REAL_KEY', '')) if 'REAL_KEY' in os.environ else 0\n"
    )
    result = agent.run("--offline", env={"REAL_KEY": SECRET})
    assert result["result"] == "ran"
    assert not leak.exists()


def test_variables_of_the_program_are_the_programs_alone(tmp_path: Path) -> None:
    library = tmp_path / "e.so"
    spec = {"command": ["sh", "-c", "echo $LD_PRELOAD"], "env": {"LD_PRELOAD": str(library)}}
    result = AgentFolder(tmp_path, "", agent=spec).run("--offline")
    assert result["result"] == str(library)


def test_a_file_is_run_under_what_stands_beside_it(tmp_path: Path) -> None:
    calls = """
import json, os, sys, urllib.request
call = urllib.request.Request(os.environ["OUTRIDER_GATEWAY"] + "/v1/tools/host_disk", b'{"path": "/"}',
                              {"authorization": "Bearer " + os.environ["OPENAI_API_KEY"]})
print(json.dumps({"secret": os.access("keys/provider", os.R_OK),
                  "tool": json.load(urllib.request.urlopen(call))["structuredContent"]}))
"""
    agent = with_secret(tmp_path, calls, tools=[{"operation": "host.disk"}])
    agent.declare("Policy", "none", {"principals": ["agent:*"], "operations": ["host.*"], "effect": "deny"})
    done = agent.outrider("agent", "run", "agenttype-triage.yaml", "-o", "json", "--offline")
    found = json.loads(done.stdout)["result"]
    assert found["secret"] is False
    assert found["tool"]["code"] == "DENIED"


@pytest.mark.parametrize("field", ["read", "write"])
@pytest.mark.parametrize("path", [".", ".outrider", "keys", "/", "~"])
def test_grants_do_not_open_what_is_protected(tmp_path: Path, field: str, path: str) -> None:
    folder = tmp_path / "agent"
    (folder / ".outrider").mkdir(parents=True)
    (folder / "keys").mkdir()
    (folder / "keys" / "provider").write_text(SECRET)
    granted = str(Path.home()) if path == "~" else path
    workload = rendered(
        {"agent": {"command": ["a"], "folder": str(folder)}, "isolation": {"files": {field: [granted]}}}
    )
    protected = [folder / ".outrider", folder / "keys" / "provider"]
    program = FoundProgram([], [], [])
    try:
        asked = wanted(workload, folder, protected)
        seen = sight(asked, program, workload.init.made).readable
        given = grants(asked, 1, sealed=False).write_paths
    except InvalidConfigError:
        return
    for hidden in protected:
        assert not any(hidden.is_relative_to(one) for one in (*seen, *map(Path, given)))


def test_the_state_of_other_platforms_is_found(tmp_path: Path) -> None:
    for name in ("sub/deeper/.outrider", ".outrider", "node_modules/.outrider"):
        (tmp_path / name).mkdir(parents=True)
    assert set(state_folders(tmp_path)) == {tmp_path / ".outrider", tmp_path / "sub/deeper/.outrider"}


SEEN = """
import os
seen = os.environ["OUTRIDER_WRAPPER_SEEN"]
for name in [b"\\xff\\xfe-1", *(b"%d-" % number + b"x" * 200 for number in range(3000))]:
    open(os.path.join(seen.encode(), name), "w").close()
print("done")
"""
STUBBORN = """
import os
home = os.environ["HOME"]
os.chdir(home)
for number in range(1500):
    os.mkdir("d"); os.chdir("d")
os.mkdir(os.path.join(home, "closed")); open(os.path.join(home, "closed", "f"), "w").close()
os.chmod(os.path.join(home, "closed"), 0); os.chmod(home, 0)
print("done")
"""


@pytest.mark.parametrize("program", [SEEN, STUBBORN], ids=["signs", "stubborn"])
def test_what_a_program_leaves_is_not_in_the_way_of_the_next_run(tmp_path: Path, program: str) -> None:
    agent = AgentFolder(tmp_path, program)
    for _ in range(2):
        result = agent.run("--offline")
        assert (result["state"], result["result"]) == ("succeeded", "done")
    # pytest removes the folders of old runs by recursion, and would fail at one as deep as this.
    for command in (["chmod", "-R", "u+rwX"], ["rm", "-rf"]):
        subprocess.run([*command, str(agent.state)], check=False)


@pytest.mark.parametrize("hook", ["link.py", "../outside.py"])
def test_hooks_lie_in_the_folder_of_the_agent(tmp_path: Path, hook: str) -> None:
    agent = with_secret(tmp_path, "print(1)", wrapper={"hooks": [hook]})
    (tmp_path / "outside.py").write_text("")
    (agent.folder / "link.py").symlink_to(tmp_path / "outside.py")
    assert "is somewhere else" in agent.outrider("agent", "run", "--offline").stderr


def test_a_link_that_the_program_makes_opens_nothing(tmp_path: Path) -> None:
    program = """
import json, os, urllib.request
os.symlink("../keys/provider", "reports/x")
call = urllib.request.Request(os.environ["OUTRIDER_GATEWAY"] + "/v1/tools/host_file_read",
                              json.dumps({"path": os.path.abspath("reports/x")}).encode(),
                              {"authorization": "Bearer " + os.environ["OPENAI_API_KEY"]})
print(json.dumps(json.load(urllib.request.urlopen(call))["structuredContent"]))
"""
    agent = with_secret(
        tmp_path, program, isolation={"files": {"write": ["reports"]}},
        tools=[{"operation": "host.file_read", "arguments": {"path": f"{tmp_path}/agent/reports/*"}}],
    )  # fmt: skip
    (agent.folder / "reports").mkdir(mode=0o777)
    (agent.folder / "reports").chmod(0o777)
    found = agent.run("--offline")["result"]
    assert found["code"] == "DENIED"
    assert "leads elsewhere" in found["message"]


def test_sockets_are_not_put_into_the_folder_of_another(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir(mode=0o700)
    check_own(tmp_path / "mine")
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    (tmp_path / "link").symlink_to(tmp_path / "mine")
    for name in ("open", "link"):
        with pytest.raises(ConflictError):
            check_own(tmp_path / name)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--input", "@missing"], "missing"),
        (["--input", "@bad"], "no UTF-8"),
        (["--input", "@"], "cannot be read"),
        (["--name", "nope"], "no AgentType is called 'nope'"),
    ],
)
def test_what_is_typed_wrong_is_told(tmp_path: Path, arguments: list[str], said: str) -> None:
    agent = AgentFolder(tmp_path)
    (agent.folder / "bad").write_bytes(b"\xff\xfe")
    done = agent.outrider("agent", "run", "--offline", *arguments)
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    agent = AgentFolder(tmp_path)
    (agent.folder / ".outrider").write_text("no folder")
    done = agent.outrider("agent", "run", "--offline")
    assert "cannot be written" in done.stderr
    assert "Traceback" not in done.stderr


def test_state_is_closed_to_others(tmp_path: Path) -> None:
    agent = AgentFolder(tmp_path)
    agent.run("--offline")
    for name in ("", "workloads", "workloads/triage", "workloads/triage/runs"):
        assert stat.S_IMODE((agent.state / name).stat().st_mode) == 0o700


@pytest.mark.parametrize("level", LEVELS)
def test_more_files_than_can_be_granted_one_by_one_are_told_apart(tmp_path: Path, level: str) -> None:
    agent = with_secret(tmp_path, "print('ran')")
    for number in range(600):
        (agent.folder / f"file-{number}").touch()
    done = agent.outrider("agent", "run", "--offline", env={"PATH": LEVELS[level]})
    assert "error[LIMITED] spec.agent.folder" in done.stderr
    for number in range(200):
        (agent.folder / f"file-{number}").unlink()
    assert agent.run("--offline", env={"PATH": LEVELS[level]})["result"] == "ran"
    states = [run["state"] for run in json.loads(agent.outrider("agent", "runs", "-o", "json").stdout)]
    assert states == ["succeeded"], "what never began is no run"


def test_a_run_that_was_killed_with_outrider_is_listed(tmp_path: Path) -> None:
    agent = AgentFolder(
        tmp_path, "import time; print('begun', file=__import__('sys').stderr, flush=True); time.sleep(60)"
    )
    running = agent.start("agent", "run", "--offline")
    assert running.stderr is not None
    while b"begun" not in running.stderr.readline():
        assert running.poll() is None
    running.kill()
    running.communicate()
    (run,) = json.loads(agent.outrider("agent", "runs", "-o", "json").stdout)
    assert (run["state"], run["problem"]) == ("unfinished", "it runs still, or was killed with outrider")
    assert "begun" in agent.outrider("agent", "logs").stdout


@pytest.mark.parametrize("whose", ["triage", "other"])
@pytest.mark.parametrize("level", LEVELS)
def test_the_key_of_a_certificate_is_not_there_for_the_program(tmp_path: Path, level: str, whose: str) -> None:
    files = {"certificate": "spiffe/svid.pem", "key": "spiffe/svid_key.pem"}
    program = "import pathlib\nprint([one.name for one in pathlib.Path('spiffe').iterdir() if one.read_text()])"
    agent = AgentFolder(tmp_path, program, **({"identity": files} if whose == "triage" else {}))
    if whose != "triage":
        agent.declare("AgentType", whose, {"agent": {"command": ["true"]}, "identity": files})
    (agent.folder / "spiffe").mkdir()
    for name in files.values():
        (agent.folder / name).write_text(SECRET)
    result = agent.run("--name", "triage", "--offline", env={"PATH": LEVELS[level]})
    assert "svid_key" not in str(result["result"]), "it is not seen, or cannot be opened"
    assert result["state"] == "succeeded" or "svid_key" in agent.outrider("agent", "logs", "--name", "triage").stdout
