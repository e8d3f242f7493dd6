"""An agent in a folder of its own, run by the command line as a user does."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

SECONDS = 60
# Asks a model with nothing but the standard library.
ASK = """
import json, os, sys, urllib.request
task = json.load(sys.stdin)
call = urllib.request.Request(
    os.environ["OPENAI_BASE_URL"] + "/chat/completions",
    json.dumps({"model": "default", "messages": [{"role": "user", "content": str(task)}]}).encode(),
    {"authorization": "Bearer " + os.environ["OPENAI_API_KEY"], "content-type": "application/json"},
)
with urllib.request.urlopen(call, timeout=10) as answer:
    print(json.dumps({"said": json.load(answer)["choices"][0]["message"]["content"], "task": task}))
"""
# The beginning of a program that calls models and tools with nothing but the standard library.
GATEWAY = """
import json, os, sys, time, urllib.request
def post(path, body):
    call = urllib.request.Request(
        os.environ["OUTRIDER_GATEWAY"] + path, json.dumps(body).encode(),
        {"authorization": "Bearer " + os.environ["OPENAI_API_KEY"]},
    )
    with urllib.request.urlopen(call, timeout=60) as answer:
        return json.load(answer)
def tool(name, arguments):
    return post("/v1/tools/" + name, arguments)["structuredContent"]
"""
SCRIPT = [{"when": "down", "say": "I would restart it."}, {"say": "All is well."}]


class AgentFolder:
    """A folder with an AgentType.

    Args:
        folder: An empty one.
        program: Source of its program.
        spec: Parts of the object, over what is usual.
    """

    def __init__(self, folder: Path, program: str = ASK, **spec: Any) -> None:
        self.folder = folder / "agent"
        self.folder.mkdir()
        self.state = self.folder / ".outrider"
        self.environment = {
            "PATH": os.environ["PATH"], "HOME": str(folder / "home"), "XDG_CACHE_HOME": str(folder.parent / "cache"),
            "XDG_STATE_HOME": str(folder / "state"),
        }  # fmt: skip
        (folder / "home").mkdir()
        (self.folder / "program.py").write_text(program)
        (self.folder / "answers.yaml").write_text(yaml.safe_dump(SCRIPT))
        usual = {
            "agent": {"command": [sys.executable, "program.py"]},
            "llm": {"routes": [{"alias": "default"}], "offline": {"script": "answers.yaml"}},
        }
        self.declare("AgentType", "triage", usual | spec)

    def declare(self, kind: str, name: str, spec: Mapping[str, Any]) -> None:
        """Write an object."""
        text = {"apiVersion": "outrider.dev/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": dict(spec)}
        (self.folder / f"{kind.lower()}-{name}.yaml").write_text(yaml.safe_dump(text))

    def outrider(self, *arguments: str, env: Mapping[str, str] | None = None) -> "subprocess.CompletedProcess[str]":
        """Run a command in the folder."""
        return subprocess.run(
            [sys.executable, "-m", "outrider", *arguments], cwd=self.folder, env={**self.environment, **(env or {})},
            capture_output=True, text=True, timeout=SECONDS, check=False,
        )  # fmt: skip

    def start(self, *arguments: str) -> "subprocess.Popen[bytes]":
        """Start a command in the folder, and return at once."""
        return subprocess.Popen(
            [sys.executable, "-m", "outrider", *arguments], cwd=self.folder, env=self.environment,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    def run(self, *arguments: str, env: Mapping[str, str] | None = None) -> dict[str, Any]:
        """Run the agent and return what became of it."""
        done = self.outrider("agent", "run", "-o", "json", *arguments, env=env)
        assert done.stdout, done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        return found
