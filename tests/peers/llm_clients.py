"""Programs on the SDKs of model providers, unmodified, pointed elsewhere by their environment alone."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from tests.peers.environments import install

_HERE = Path(__file__).parent
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
    base = f"http://{address}"
    environment = {
        "PATH": os.environ["PATH"], "HOME": "/nonexistent", "NO_PROXY": "127.0.0.1",
        "OPENAI_BASE_URL": f"{base}/v1", "OPENAI_API_KEY": key, "ANTHROPIC_BASE_URL": base, "ANTHROPIC_API_KEY": key,
        "GOOGLE_GEMINI_BASE_URL": base, "GEMINI_API_KEY": key,
    }  # fmt: skip
    done = subprocess.run(
        [python, _HERE / "programs" / "llm_clients.py"], env=environment, input=json.dumps(models), capture_output=True,
        text=True, timeout=SECONDS, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found
