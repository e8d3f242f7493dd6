"""A call of a tool through the sidecar beside the proxies of the MCP SDK and of FastMCP: one core for either.

The MCP server (C) and wrk are on the other. A call of ours has its key looked up, its headers compared with its body, its argument
held against the grant, its definition against the pinned one, and a record of it in the audit chain. The rivals forward.
"""

import json
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.figures import Figure, main
from benchmarks.gateways import HERE, LOAD, OURS, MissingError, Run, answers, compiled, process, wrk
from benchmarks.system import cpu_seconds, wait_until
from tests.peers import environments
from tests.servers.ports import free_port

SECONDS, QUICK_SECONDS = 8, 2
PATH = "/mcp"
VERSION = "2026-07-28"
CONNECTIONS = (1, 32)
READ, CHANGE = "search", "note"
RIVALS = {"MCP SDK": "mcp_sdk_proxy.py", "FastMCP": "fastmcp_proxy.py"}
CPU_BAR, SDK_TIMES, ADDED_BAR = 80.0, 10, 300.0
META = {
    "io.modelcontextprotocol/protocolVersion": VERSION,
    "io.modelcontextprotocol/clientCapabilities": {},
    "io.modelcontextprotocol/clientInfo": {"name": "wrk", "version": "4"},
}
ARGUMENTS = {"index": "documents/public", "query": "how to start it again", "limit": 3}


class Cost(msgspec.Struct):
    """What a way costs: what wrk saw, and microseconds of the processor for one call."""

    run: Run
    cpu: float = 0.0


Costs = dict[int, Cost]


def write_script(folder: Path, tool: str) -> Path:
    """Write wrk's script that calls a tool."""
    params = {"name": tool, "arguments": ARGUMENTS, "_meta": META}
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    headers = {
        "content-type": "application/json", "accept": "application/json, text/event-stream", "mcp-method": "tools/call",
        "mcp-name": tool, "mcp-protocol-version": VERSION, "authorization": "Bearer sk-virtual",
    }  # fmt: skip
    lines = [f'wrk.headers["{name}"]="{value}"' for name, value in headers.items()]
    path = folder / f"{tool}.lua"
    body = json.dumps(message, separators=(",", ":"))
    path.write_text("\n".join(['wrk.method="POST"', f"wrk.body=[==[{body}]==]", *lines, ""]))
    return path


def write_settings(folder: Path, port: int, upstream: int) -> Path:
    """Write the settings of a sidecar that grants both tools with one bound argument."""
    key = folder / "virtual"
    key.write_text("sk-virtual")
    key.chmod(0o600)
    settings: dict[str, Any] = {
        "agent": "bench", "listen": f"127.0.0.1:{port}", "state": str(folder / "state"), "folder": str(folder),
        "keys": [{"secret": "virtual"}], "secret_sources": {"virtual": {"file": "virtual"}},
        "tools": {
            "servers": [{"name": "raw", "transport": "http", "url": f"http://127.0.0.1:{upstream}{PATH}", "version": "1"}],
            "grants": [{"server": "raw", "tools": [READ, CHANGE], "arguments": {"index": "documents/*"}}],
        },
    }  # fmt: skip
    path = folder / "settings.json"
    path.write_text(json.dumps(settings))
    return path


def measure(quick: bool = False) -> list[Figure]:
    """Load the server alone, the rivals and the sidecar, one after the other."""
    try:
        server = compiled("mcp_upstream")
        python = environments.install("mcp-proxies", HERE / "rivals" / "requirements-mcp.txt") / "python"
    except (MissingError, environments.PeerError) as error:
        print(f"not measured: {error}", file=sys.stderr)
        return []
    with tempfile.TemporaryDirectory() as name:
        bench = Bench(Path(name), QUICK_SECONDS if quick else SECONDS)
        with process([str(server), str(bench.upstream)], LOAD, bench.folder / "server.log"):
            wait_until(lambda: answers(bench.upstream, "/"), 5, "the server answers")
            ways = {"direct": bench.load(bench.upstream, lambda: 0.0, CONNECTIONS)}
            for rival, program in RIVALS.items():
                ways[rival] = bench.rival(python, program)
            ways["Outrider"], change = bench.sidecar()
    return [*held(ways), *told(ways), Figure(name="CPU of one that may change something, 32 at a time", value=change.cpu, unit="us")]  # fmt: skip


class Bench:
    """What the programs of one run share."""

    def __init__(self, folder: Path, seconds: int) -> None:
        self.folder, self.seconds, self.upstream = folder, seconds, free_port()
        self.scripts = {tool: write_script(folder, tool) for tool in (READ, CHANGE)}

    def load(self, port: int, cpu: Callable[[], float], connections: Sequence[int], tool: str = READ) -> Costs:
        """Load an address with each number of connections; `cpu` tells the seconds that it has used."""
        wrk(port, PATH, self.scripts[tool], connections=32, seconds=1)  # to warm up
        found = {}
        for count in connections:
            before = cpu()
            run = wrk(port, PATH, self.scripts[tool], connections=count, seconds=self.seconds)
            found[count] = Cost(run, (cpu() - before) / run.calls * 1e6)
        return found

    def rival(self, python: Path, program: str) -> Costs:
        """Load a rival."""
        port = free_port()
        command = [str(python), str(HERE / "rivals" / program), str(port), f"http://127.0.0.1:{self.upstream}{PATH}"]
        with process(command, OURS, self.folder / f"{program}.log") as started:
            wait_until(lambda: answers(port, "/"), 60, f"{program} answers")
            return self.load(port, lambda: cpu_seconds(started.pid), CONNECTIONS)

    def sidecar(self) -> tuple[Costs, Cost]:
        """Load ours: with a tool that only reads, and with one of which each call is on disk before and after it."""
        port = free_port()
        settings = write_settings(self.folder, port, self.upstream)
        command = [sys.executable, "-m", "outrider", "sidecar", "serve", "--settings", str(settings)]
        with process(command, OURS, self.folder / "sidecar.log") as started:
            wait_until(lambda: answers(port, "/"), 20, "the sidecar answers")
            reading = self.load(port, lambda: cpu_seconds(started.pid), CONNECTIONS)
            changing = self.load(port, lambda: cpu_seconds(started.pid), (32,), CHANGE)
        return reading, changing[32]


def held(ways: dict[str, Costs]) -> list[Figure]:
    """Return what is held against the bars."""
    ours, sdk, fastmcp = (ways[name] for name in ("Outrider", "MCP SDK", "FastMCP"))
    found = []
    for count in CONNECTIONS:
        name, mine, theirs = f"forwarded tools/call, {count} at a time, CPU", ours[count].cpu, sdk[count].cpu
        found += [
            Figure(name=name, value=mine, unit="us", bar=CPU_BAR),
            Figure(name="the same beside the MCP SDK", value=mine, unit="us", bar=theirs / SDK_TIMES, rival=theirs),
            Figure(name="the same beside FastMCP", value=mine, unit="us", rival=fastmcp[count].cpu),
        ]
    return [
        *found,
        added(ways, 1, "p50", ADDED_BAR),
        added(ways, 1, "p99"),
        added(ways, 32, "p50"),
        added(ways, 32, "p99"),
    ]


def added(ways: dict[str, Costs], count: int, share: str, bar: float | None = None) -> Figure:
    """Return by how much a proxy makes a call longer; the rival is the SDK's."""
    base, mine, theirs = (getattr(ways[name][count].run, share) for name in ("direct", "Outrider", "MCP SDK"))
    name = f"added, {count} at a time, {share}"
    return Figure(name=name, value=mine - base, unit="us", bar=bar, rival=theirs - base)


def told(ways: dict[str, Costs]) -> list[Figure]:
    """Return calls a second, which are for information."""
    return [
        Figure(name=f"{name}, {count} at a time", value=costs[count].run.rate, unit="calls/s")
        for name, costs in ways.items()
        for count in CONNECTIONS
    ]


if __name__ == "__main__":
    main(__doc__ or "", measure)
