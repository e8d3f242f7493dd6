"""A program on Mistral's SDK, unmodified. No environment variable points it elsewhere."""

import json
import os
import subprocess
from pathlib import Path

from tests.peers.environments import install

_HERE = Path(__file__).parent
ENVIRONMENTS = {"mistral": _HERE / "requirements-mistral.txt"}
SECONDS = 60


def ask(key: str, **environment: str) -> dict[str, str]:
    """Let it use a model in several ways, and return what each got.

    Args:
        key: What the program believes to be its provider's.
        environment: Further variables.
    """
    python = install("mistral", ENVIRONMENTS["mistral"]) / "python"
    base = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "NO_PROXY": "127.0.0.1", "MISTRAL_API_KEY": key}
    done = subprocess.run(
        [python, _HERE / "programs" / "mistral_client.py"],
        env={**base, **environment}, capture_output=True, text=True, timeout=SECONDS, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found: dict[str, str] = json.loads(done.stdout)
    return found
