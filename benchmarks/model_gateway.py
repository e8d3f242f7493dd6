"""The gateway to models beside plain Envoy: one core for either, the provider (C) and wrk on the other.

Governed means that each request of ours has its key looked up, its body read and its model replaced, request, token and
concurrency limits and the budget reserved and settled, its usage found in the answer, priced, and written to the ledger on disk.
Envoy replaces a header.
"""

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from benchmarks.figures import CHECKOUT, Figure, main
from benchmarks.system import pss_mb, wait_until
from tests.peers import environments
from tests.servers.ports import free_port

HERE = Path(__file__).parent
CORES = sorted(os.sched_getaffinity(0))
OURS, LOAD = CORES[0], CORES[-1]
SECONDS, QUICK_SECONDS = 8, 2
PATH = "/v1/chat/completions"
SMALL = "Say hello to me in some words, please, and be friendly about it."
LONG = "A sentence of a document that somebody wants to have summarised. " * 1550
_RATE = re.compile(r"Requests/sec:\s+([\d.]+)")
_LATENCY = re.compile(r"(50|99)%\s+([\d.]+)(us|ms|s)\b")
_MICROSECONDS = {"us": 1.0, "ms": 1e3, "s": 1e6}
_BAD = re.compile(r"Non-2xx|Socket errors")


class Run(msgspec.Struct):
    """What wrk saw; times in microseconds."""

    rate: float
    p50: float
    p99: float


class MissingError(Exception):
    """A program is not there; the message says what installs it."""


def wrk(port: int, script: Path, *, connections: int, seconds: int) -> Run:
    """Load an address."""
    command = ["taskset", "-c", str(LOAD), "wrk", "-t1", f"-c{connections}", f"-d{seconds}", "--latency", "-s", str(script),
               f"http://127.0.0.1:{port}{PATH}"]  # fmt: skip
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    if _BAD.search(said):
        raise RuntimeError(said)
    rate = _RATE.search(said)
    assert rate is not None, said
    times = {share: float(value) * _MICROSECONDS[unit] for share, value, unit in _LATENCY.findall(said)}
    return Run(float(rate[1]), times["50"], times["99"])


@contextlib.contextmanager
def process(command: Sequence[str], core: int, log: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a program on one core."""
    with log.open("wb") as file:
        started = subprocess.Popen(["taskset", "-c", str(core), *command], stdout=file, stderr=file)
    try:
        yield started
    finally:
        started.terminate()
        started.wait(15)


def answers(port: int) -> bool:
    """Return whether somebody answers there."""
    done = subprocess.run(
        ["curl", "--silent", "--output", os.devnull, "--max-time", "1", f"http://127.0.0.1:{port}/v1/models"],
        check=False,
    )
    return done.returncode == 0


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


def upstream_program() -> Path:
    """Return the compiled provider.

    Raises:
        MissingError: A program that this needs is not there.
    """
    for program, package in (("cc", "gcc libc6-dev"), ("wrk", "wrk"), ("taskset", "util-linux"), ("curl", "curl")):
        if shutil.which(program) is None:
            raise MissingError(f"{program} is missing: apt-get install {package}")
    if OURS == LOAD:
        raise MissingError("one core for the gateway and one for the load are needed")
    target = CHECKOUT / ".cache" / "upstream"
    target.parent.mkdir(exist_ok=True)
    subprocess.run(["cc", "-O2", "-o", str(target), str(HERE / "programs" / "upstream.c")], check=True)
    return target


def measure(quick: bool = False) -> list[Figure]:
    """Load the provider alone, its rivals and the gateway, one after the other."""
    try:
        provider = upstream_program()
        envoy, litellm = (rival(name) for name in ("envoy", "litellm"))
    except (MissingError, environments.PeerError) as error:
        print(f"not measured: {error}", file=sys.stderr)
        return []
    with tempfile.TemporaryDirectory() as name:
        bench = Bench(Path(name), QUICK_SECONDS if quick else SECONDS)
        with process([str(provider), str(bench.upstream)], LOAD, bench.folder / "upstream.log"):
            wait_until(lambda: answers(bench.upstream), 5, "the provider answers")
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
        return wrk(port, self.scripts[script], connections=connections, seconds=self.seconds)

    def every_way(self, port: int) -> dict[str, Run]:
        """Load a gateway in every way that has a bar."""
        wrk(port, self.scripts["small"], connections=32, seconds=1)  # to warm up
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
            wait_until(lambda: answers(port), 20, "Envoy answers")
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
            wait_until(lambda: answers(port), 90, "LiteLLM answers")
            return self.load(port, connections=32)

    def sidecar(self) -> tuple[dict[str, Run], list[Figure]]:
        """Load our gateway, and return what else it is held to."""
        port = free_port()
        settings = write_settings(self.folder, port, self.upstream)
        command = [sys.executable, "-m", "outrider", "sidecar", "serve", "--settings", str(settings)]
        log, began = self.folder / "sidecar.log", time.monotonic()
        with process(command, OURS, log) as started:
            wait_until(lambda: answers(port), 20, "the gateway answers")
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
