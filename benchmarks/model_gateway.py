"""The gateway to models beside plain Envoy: one core for either, the provider (C) and wrk on the other.

Governed means that each request of ours has its key looked up, its body read and its model replaced, request, token and
concurrency limits and the budget reserved and settled, its usage found in the answer, priced, and written to the ledger on disk.
Envoy replaces a header.
"""

import json
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.figures import Figure, main
from benchmarks.gateways import HERE, LOAD, OURS, MissingError, Run, answers, compiled, process, wrk
from benchmarks.system import pss_mb, wait_until
from tests.peers import environments
from tests.servers.ports import free_port

SECONDS, QUICK_SECONDS = 8, 2
PATH, MODELS = "/v1/chat/completions", "/v1/models"
SMALL = "Say hello to me in some words, please, and be friendly about it."
LONG = "A sentence of a document that somebody wants to have summarised. " * 1550


def write_scripts(folder: Path) -> dict[str, Path]:
    """Write wrk's scripts for a short and a long prompt."""
    found = {}
    for name, text in (("small", SMALL), ("long", LONG)):
        body = json.dumps({"model": "default", "messages": [{"role": "user", "content": text}]}, separators=(",", ":"))
        found[name] = folder / f"{name}.lua"
        found[name].write_text(
            f'wrk.method="POST"\nwrk.body=[==[{body}]==]\nwrk.headers["content-type"]="application/json"\n'
            'wrk.headers["authorization"]="Bearer sk-virtual"\n'
        )
    return found


def write_settings(folder: Path, port: int, upstream: int) -> Path:
    """Write the settings of a sidecar in which everything is switched on."""
    for name, text in (("real", "sk-real"), ("virtual", "sk-virtual")):
        path = folder / name
        path.write_text(text)
        path.chmod(0o600)
    price = {"input": 2_500_000_000, "output": 10_000_000_000}
    prices = {"date": "2026-11-28", "currency": "USD", "models": {"openai/m": price}}
    (folder / "prices.json").write_text(json.dumps(prices))
    provider = {
        "provider": "openai",
        "dialect": "openai",
        "url": f"http://127.0.0.1:{upstream}/v1",
        "model": "m",
        "key": {"secret": "real"},
    }
    settings = {
        "agent": "bench", "listen": f"127.0.0.1:{port}", "state": str(folder / "state"), "folder": str(folder),
        "keys": [{"secret": "virtual"}], "secret_sources": {"real": {"file": "real"}, "virtual": {"file": "virtual"}},
        "llm": {
            "routes": [{"alias": "default", "providers": [provider]}], "prices": str(folder / "prices.json"),
            "limits": {"requests_per_minute": 10**9, "tokens_per_minute": 10**12, "concurrent": 10_000},
            "budget": {"amount": 10**17, "per": "day"},
        },
    }  # fmt: skip
    path = folder / "settings.json"
    path.write_text(json.dumps(settings))
    return path


def measure(quick: bool = False) -> list[Figure]:
    """Load the provider alone, its rivals and the gateway, one after the other."""
    try:
        provider = compiled("upstream")
        envoy, litellm = (rival(name) for name in ("envoy", "litellm"))
    except (MissingError, environments.PeerError) as error:
        print(f"not measured: {error}", file=sys.stderr)
        return []
    with tempfile.TemporaryDirectory() as name:
        bench = Bench(Path(name), QUICK_SECONDS if quick else SECONDS)
        with process([str(provider), str(bench.upstream)], LOAD, bench.folder / "upstream.log"):
            wait_until(lambda: answers(bench.upstream, MODELS), 5, "the provider answers")
            direct = {count: bench.load(bench.upstream, connections=count) for count in (1, 32)}
            theirs = bench.envoy(envoy)
            slow = bench.litellm(litellm)
            ours, more = bench.sidecar()
    return figures(direct, ours, theirs, slow) + more


def rival(name: str) -> Path:
    """Return a rival's program, installed."""
    return environments.install(name, HERE / "rivals" / f"requirements-{name}.txt") / name


class Bench:
    """What the programs of one run share."""

    def __init__(self, folder: Path, seconds: int) -> None:
        self.folder, self.seconds = folder, seconds
        self.scripts, self.upstream = write_scripts(folder), free_port()

    def load(self, port: int, *, connections: int, script: str = "small") -> Run:
        """Load an address."""
        return wrk(port, PATH, self.scripts[script], connections=connections, seconds=self.seconds)

    def every_way(self, port: int) -> dict[str, Run]:
        """Load a gateway in every way that has a bar."""
        wrk(port, PATH, self.scripts["small"], connections=32, seconds=1)  # to warm up
        return {
            "1": self.load(port, connections=1),
            "32": self.load(port, connections=32),
            "long": self.load(port, connections=8, script="long"),
        }

    def envoy(self, program: Path) -> dict[str, Run]:
        """Load Envoy."""
        port = free_port()
        path = self.folder / "envoy.yaml"
        path.write_text((HERE / "rivals" / "envoy.yaml").read_text().format(port=port, upstream=self.upstream))
        command = [str(program), "-c", str(path), "--concurrency", "1", "-l", "error"]
        with process(command, OURS, self.folder / "envoy.log"):
            wait_until(lambda: answers(port, MODELS), 20, "Envoy answers")
            return self.every_way(port)

    def litellm(self, program: Path) -> Run:
        """Load the proxy of LiteLLM, one worker with a master key."""
        port = free_port()
        path = self.folder / "litellm.yaml"
        path.write_text((HERE / "rivals" / "litellm.yaml").read_text().format(upstream=self.upstream))
        command = [
            "env", "LITELLM_LOCAL_MODEL_COST_MAP=True", str(program), "--config", str(path), "--host", "127.0.0.1",
            "--port", str(port), "--num_workers", "1",
        ]  # fmt: skip
        with process(command, OURS, self.folder / "litellm.log"):
            wait_until(lambda: answers(port, MODELS), 90, "LiteLLM answers")
            return self.load(port, connections=32)

    def sidecar(self) -> tuple[dict[str, Run], list[Figure]]:
        """Load our gateway, and return what else it is held to."""
        port = free_port()
        settings = write_settings(self.folder, port, self.upstream)
        command = [sys.executable, "-m", "outrider", "sidecar", "serve", "--settings", str(settings)]
        log, began = self.folder / "sidecar.log", time.monotonic()
        with process(command, OURS, log) as started:
            wait_until(lambda: answers(port, MODELS), 20, "the gateway answers")
            start = time.monotonic() - began
            runs = self.every_way(port)
            memory = pss_mb(started.pid) / 1.048576
        return runs, [
            Figure(name="start to first answer", value=start, unit="s", bar=0.3),
            Figure(name="PSS under load", value=memory, unit="MiB", bar=30),
        ]


def figures(direct: dict[int, Run], ours: dict[str, Run], theirs: dict[str, Run], slow: Run) -> list[Figure]:
    """Return what is held against the bars: 25,000 requests a second, 1.2 times as many as Envoy, 150 times as many as LiteLLM."""
    governed, envoy, litellm = (1e6 / run.rate for run in (ours["32"], theirs["32"], slow))

    def added(case: str, share: str, bar: float) -> Figure:
        base = getattr(direct[int(case)], share)
        mine, rival = (getattr(runs[case], share) - base for runs in (ours, theirs))
        return Figure(name=f"added, {case} at a time, {share}", value=mine, unit="us", bar=bar, rival=rival)

    return [
        Figure(name="governed request, 32 at a time", value=governed, unit="us", bar=40),
        Figure(name="the same beside Envoy", value=governed, unit="us", bar=envoy / 1.2, rival=envoy),
        Figure(name="the same beside LiteLLM", value=governed, unit="us", bar=litellm / 150, rival=litellm),
        Figure(
            name="100 KB, 8 at a time",
            value=1e6 / ours["long"].rate,
            unit="us",
            bar=100,
            rival=1e6 / theirs["long"].rate,
        ),
        added("1", "p50", 200),
        added("1", "p99", 1000),
        added("32", "p99", 5000),
    ]


if __name__ == "__main__":
    main(__doc__ or "", measure)
