"""The official MCP SDK as a client, in its two generations."""

import json
import subprocess
from pathlib import Path
from typing import Any

import msgspec

from tests.peers.environments import install

_HERE = Path(__file__).parent
ENVIRONMENTS = {name: _HERE / f"requirements-{name}.txt" for name in ("mcp1", "mcp2")}
SECONDS = 50


class Session(msgspec.Struct):
    """What a client saw.

    Attributes:
        version: The protocol version that was agreed on.
        tools: As the SDK read them.
        results: Of the calls, in order.
        asked: What its user was asked.
        progress: What it heard of how far its calls were.
    """

    version: str
    tools: list[dict[str, Any]]
    results: list["Result"]
    asked: list[str] = []
    progress: list[tuple[float, float | None, str | None]] = []


class Result(msgspec.Struct):
    """One answer to `tools/call`."""

    failed: bool
    content: Any


def run(
    sdk: str, calls: list[tuple[str, dict[str, Any]]], *, command: list[str] | None = None, url: str = "",
    token: str = "", environment: dict[str, str] | None = None, answers: list[tuple[str, Any]] | None = None,
) -> Session:  # fmt: skip
    """Let an SDK list the tools and call some, over stdio with `command`, over HTTP with `url`.

    With `answers` its user is there, and gives these, each an action and a content.
    """
    python = install(sdk, ENVIRONMENTS[sdk]) / "python"
    orders = {
        "command": command,
        "url": url,
        "token": token,
        "environment": environment,
        "calls": calls,
        "answers": answers or [],
    }
    done = subprocess.run(
        [python, _HERE / "programs" / f"{sdk}_client.py"],
        input=json.dumps(orders), capture_output=True, text=True, timeout=SECONDS, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return msgspec.json.decode(done.stdout, type=Session)
