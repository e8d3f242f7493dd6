"""Programs on the SDKs of model providers, unmodified, pointed elsewhere by their environment alone."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from tests.peers.environments import install, install_node

_HERE = Path(__file__).parent
PROGRAMS = _HERE / "programs"
ENVIRONMENTS = {"llm": _HERE / "requirements-llm.txt"}
SECONDS = 60


def ask(address: str, key: str, **models: str) -> dict[str, Any]:
    """Let each named way of asking use a model, and return what each got.

    Args:
        address: `host:port` of the gateway.
        key: What the program believes to be its provider's.
        models: The model by the way of asking.
    """
    python = install("llm", ENVIRONMENTS["llm"]) / "python"
    return _run([str(python), str(PROGRAMS / "llm_clients.py")], _environment(address, key), json.dumps(models))


def ask_with_node(address: str, key: str, *, openai: str, anthropic: str) -> dict[str, Any]:
    """Do the same with the SDKs for Node.js."""
    environment = {**_environment(address, key), "NODE_PATH": str(install_node())}
    return _run(["node", str(PROGRAMS / "llm_clients.cjs"), openai, anthropic], environment, "")


def _environment(address: str, key: str) -> dict[str, str]:
    base = f"http://{address}"
    return {
        "PATH": os.environ["PATH"], "HOME": "/nonexistent", "NO_PROXY": "127.0.0.1",
        "OPENAI_BASE_URL": f"{base}/v1", "OPENAI_API_KEY": key, "ANTHROPIC_BASE_URL": base, "ANTHROPIC_API_KEY": key,
        "GOOGLE_GEMINI_BASE_URL": base, "GEMINI_API_KEY": key,
    }  # fmt: skip


def _run(command: list[str], environment: dict[str, str], given: str) -> dict[str, Any]:
    done = subprocess.run(
        command, env=environment, input=given, capture_output=True, text=True, timeout=SECONDS, check=False
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found
