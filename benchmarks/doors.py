"""What the doors add: an MCP call over standard input and output, and the reading of a file of calls."""

import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.figures import Figure, main
from outrider.core.tsk.parser import parse
from outrider.kinds.platform.model import PlatformSpec
from outrider.surfaces.python.calls import local_invoker, local_options

SERVE = [sys.executable, "-m", "outrider", "mcp", "serve"]
# Lines as people write them, 30 characters on average as in the corpus of public files.
SECTION = """
[service-{n}]
image = "registry.test/shop/web:{n}"   # pinned
replicas: $env == "production" ? 5 : 2
port: {port}
labels: {{ tier: "front", team: "shop" }}
checked: @host("http_check", "http://127.0.0.1:{port}/health")
"""


def measure(quick: bool) -> list[Figure]:
    """Measure both."""
    with tempfile.TemporaryDirectory(prefix="outrider-bench-") as name:
        os.environ["XDG_STATE_HOME"] = name
        return [_mcp(200 if quick else 2_000), _tsk(2 if quick else 9)]


def _mcp(calls: int) -> Figure:
    """Return the median of a read over MCP less that of the same read called directly."""
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "host_memory", "arguments": {}}}
    line = json.dumps(call).encode() + b"\n"
    with subprocess.Popen(SERVE, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=Path("/")) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        took = []
        for _ in range(calls):
            began = time.perf_counter()
            server.stdin.write(line)
            server.stdin.flush()
            server.stdout.readline()
            took.append(time.perf_counter() - began)
        server.stdin.close()
    added = statistics.median(took) - statistics.median(asyncio.run(_direct(calls)))
    return Figure(
        name="MCP tools/call of a read, added to the call itself, p50", value=added * 1000, unit="ms", bar=0.5
    )


async def _direct(calls: int) -> list[float]:
    invoker, options, took = local_invoker(None, PlatformSpec()), local_options(), []
    for _ in range(calls):
        began = time.perf_counter()
        await invoker.call("host.memory", options=options)
        took.append(time.perf_counter() - began)
    return took


def _tsk(rounds: int) -> Figure:
    """Return the time for one megabyte, read with the place of every value."""
    text = '$env: @env("ENV") || "staging"\n' + "".join(SECTION.format(n=n, port=8000 + n) for n in range(1_000))
    best = float("inf")
    for _ in range(rounds):
        began = time.process_time()
        parse(text, "app.tsk")
        best = min(best, time.process_time() - began)
    return Figure(name=".tsk read with places, CPU per MB", value=best / len(text) * 1e9, unit="ms", bar=500)


if __name__ == "__main__":
    main(__doc__ or "", measure)
