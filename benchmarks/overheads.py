"""What Outrider costs by itself: a call, an idle process, a warm plugin, a command, an import."""

import asyncio
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.figures import Figure, main
from benchmarks.platforms import SOURCE, BenchmarkPlatform
from benchmarks.system import pss_mb, rss_mb
from outrider.core.identity import Principal
from outrider.core.manifest import read_manifest
from outrider.core.registry import Package, Registry
from outrider.ports.clock import SystemClock
from outrider.ports.secrets import Resolver
from outrider.runtime.audit import AuditLog
from outrider.runtime.context import Environment
from outrider.runtime.invoker import CallOptions, Invoker
from outrider.runtime.plugin_host.host import HostCallbacks, PluginHost
from outrider.runtime.plugin_host.launch import HostLauncher
from outrider.runtime.plugins.catalogue import Catalogue
from outrider.runtime.plugins.configuration import with_defaults

NOOP = Path(__file__).resolve().parent / "noop"
IDLE_SECONDS = 5.0
LAYERS = ("core", "ports", "runtime", "operators", "kinds", "edge", "orchestrator", "local", "surfaces")
# Every module of a layer; what runs inside sandboxes, and tests, are no part of our processes.
IMPORT_ALL = """
import importlib, pathlib, sys, time
root = pathlib.Path(importlib.import_module("outrider").__path__[0])
files = sorted((root / sys.argv[1]).rglob("*.py"))
names = [".".join(("outrider", *f.relative_to(root).with_suffix("").parts)) for f in files if not {"guest", "tests"} & {*f.parts}]
began = time.perf_counter()
for name in names:
    importlib.import_module(name.removesuffix(".__init__"))
print((time.perf_counter() - began) * 1000)
"""


def measure(quick: bool) -> list[Figure]:
    """Measure everything, one after the other."""
    with tempfile.TemporaryDirectory(prefix="outrider-bench-") as name:
        folder = Path(name)
        return [
            asyncio.run(_call(folder, 2_000 if quick else 20_000)),
            *_idle(folder / "platform"),
            asyncio.run(_plugin_start(folder, 3 if quick else 12)),
            _command(["--help"], 3 if quick else 12),
            _command(["operators", "list"], 3 if quick else 12),
            *(_import(layer, 1 if quick else 5) for layer in LAYERS),
        ]


async def _call(folder: Path, calls: int) -> Figure:
    """Call an operation that does nothing: validation, policy, limits, deadline, audit and telemetry remain."""
    manifest = read_manifest((NOOP / "manifest.toml").read_text(), "manifest.toml")
    clock = SystemClock()
    audit = AuditLog(folder / "audit.jsonl", "benchmark", clock)
    environment = Environment(clock=clock, state=folder, secrets=Resolver({}))
    invoker = Invoker(Registry([Package("benchmarks.noop", manifest)]), environment, audit)
    options = CallOptions(principal=Principal("default", "user", "benchmark"), owner=True)
    await invoker.call("noop.nothing", {"number": 0}, options=options)
    began = time.process_time()
    for number in range(calls):
        await invoker.call("noop.nothing", {"number": number}, options=options)
    took = time.process_time() - began
    audit.close()
    return Figure(name="operation through the invoker, CPU", value=took / calls * 1e6, unit="us", bar=150)


def _idle(folder: Path) -> list[Figure]:
    folder.mkdir()
    with BenchmarkPlatform(folder) as platform:
        time.sleep(IDLE_SECONDS)  # idle is what is measured
        warm = max(sum(pss_mb(pid) for pid in platform.hosts(agent)) for agent in ("eyes", "hands"))
        return [
            Figure(name="orchestrator idle, RSS", value=rss_mb(platform.pid("orchestrator")), unit="MB", bar=90),
            Figure(name="sensor agent idle, RSS", value=rss_mb(platform.pid("eyes")), unit="MB", bar=45),
            Figure(name="action agent idle, RSS", value=rss_mb(platform.pid("hands")), unit="MB", bar=45),
            Figure(name="warm plugin with its keeper, PSS", value=warm, unit="MB", bar=12),
        ]


async def _plugin_start(folder: Path, rounds: int) -> Figure:
    """Start a plugin in its sandbox until it has answered the handshake."""
    plugin = Catalogue([SOURCE / "plugins"]).find("action", "record")
    config = with_defaults(plugin.manifest.configuration, {"file": str(folder / "starts.log")})
    audit = AuditLog(folder / "audit.jsonl", "benchmark", SystemClock())
    launcher = HostLauncher(
        folder=folder, state=folder / "state", protected=[folder / "state"], cache=folder / "cache", audit=audit
    )
    callbacks = HostCallbacks(event=lambda _: None, call=_refuse, log=lambda _, __: None)
    took = []
    for _ in range(rounds + 1):
        host = PluginHost(plugin, config, lambda: launcher.launch(plugin, config, "record"), callbacks)
        began = time.perf_counter()
        await host.start()
        took.append((time.perf_counter() - began) * 1000)
        await host.stop()
    # The first start finds out what this machine's sandbox can do.
    return Figure(name="plugin start until ready", value=statistics.median(took[1:]), unit="ms", bar=60)


async def _refuse(call: object) -> None:
    raise AssertionError(call)


def _command(arguments: list[str], rounds: int) -> Figure:
    """Run a command; the least CPU of all rounds is what it needs, the rest is noise."""
    took = []
    for _ in range(rounds):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-m", "outrider", *arguments], check=True, stdout=subprocess.DEVNULL)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        took.append(after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)
    return Figure(name=f"outrider {' '.join(arguments)}, CPU", value=min(took) * 1000, unit="ms", bar=150)


def _import(layer: str, rounds: int) -> Figure:
    command = [sys.executable, "-c", IMPORT_ALL, layer]
    took = [float(subprocess.run(command, check=True, capture_output=True, text=True).stdout) for _ in range(rounds)]
    return Figure(name=f"import of every module of {layer}", value=min(took), unit="ms")


if __name__ == "__main__":
    main(__doc__ or "", measure)
