"""The registry of packages beside verdaccio and devpi: documents and files that all have, asked for by 16 connections of wrk.

All run as they do by themselves, one process each, on the cores that are free. Ours has a token shown with each request; the rivals
let everybody read. A full run also has npm and uv ask through each of them.
"""

import contextlib
import gzip
import math
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal, NamedTuple

from benchmarks import registries
from benchmarks.figures import Figure, main
from benchmarks.gateways import MissingError, Run, require, run_of
from benchmarks.registries import Registry, Start
from benchmarks.registry_clients import NPM, UV, figures
from benchmarks.system import cpu_seconds, descendants, rss_mb

SECONDS, CONNECTIONS, ROUNDS = 8, 16, 6
QUICK_SECONDS, QUICK_CONNECTIONS, QUICK_ROUNDS = 1, 2, 1
LONGEST_SECONDS, LOST_SECONDS = 60, 60
WARM_ANSWERS = 3
RSS = 100.0
LONG, SHORT = "application/json", "application/vnd.npm.install-v1+json"
JSON, HTML = "application/vnd.pypi.simple.v1+json", "application/vnd.pypi.simple.v1+html"


class Thing(NamedTuple):
    """What is asked for.

    Attributes:
        name: In the table.
        kind: Whose it is.
        path: Below the address of these.
        accept: The form that is asked for.
        bar: Requests a second that there have to be.
    """

    name: str
    kind: Literal["npm", "pypi"]
    path: str
    accept: str = "*/*"
    bar: float | None = None

    def url(self, registry: Registry) -> str:
        """Return where a registry has it; empty if it has none of these."""
        base = registry.npm if self.kind == "npm" else registry.pypi
        return base and f"{base}{self.path}"


THINGS = (
    Thing("packument react", "npm", "react", LONG, 1_000),
    Thing("packument react, abbreviated", "npm", "react", SHORT, 1_000),
    Thing("packument lodash", "npm", "lodash", LONG, 8_000),
    Thing("tarball lodash", "npm", "lodash/-/lodash-4.17.21.tgz"),
    Thing("page boto3, JSON", "pypi", "boto3/", JSON, 1_000),
    Thing("page boto3, HTML", "pypi", "boto3/", HTML, 1_000),
    Thing("page requests, JSON", "pypi", "requests/", JSON),
)


class Load(NamedTuple):
    """How a thing was served.

    Attributes:
        rate: Requests a second.
        cpu: Microseconds of the registry's processors for one.
        p99: Milliseconds.
        size: Bytes, before they are compressed.
    """

    rate: float
    cpu: float
    p99: float
    size: int


class Loaded(NamedTuple):
    """How a registry did: loads by the names of things, and its RSS in MB before and after all of them."""

    loads: dict[str, Load]
    before: float
    after: float


def measure(quick: bool = False) -> list[Figure]:
    """Load ours and then each rival; then have clients use them."""
    try:
        require({"wrk": "wrk", "npm": "npm"})
        _reach()
    except MissingError as error:
        print(f"not measured: {error}", file=sys.stderr)
        return []
    rivals = registries.rivals()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ours = _loaded(registries.ours, folder / "ours", quick)
        theirs = {rival: _loaded(start, folder / rival, quick) for rival, start in rivals.items()}
        found = [*_served(ours, theirs, quick), *_memory(ours, theirs)]
        return found if quick else [*found, *_used(rivals, folder / "used")]


def _reach() -> None:
    """Check that there are registries behind all of these.

    Raises:
        MissingError: There are none.
    """
    done = subprocess.run(["npm", "view", "react", "version"], capture_output=True, text=True, check=False)
    if done.returncode:
        raise MissingError(f"npm cannot reach its registry: {done.stderr[-500:]}")


def _loaded(start: Start, folder: Path, quick: bool) -> Loaded:
    """Ask for everything that it has, until it has it at hand, and then load it."""
    with start(_made(folder)) as registry:
        before = _rss(registry)
        loads = {thing.name: _load(thing, registry, quick) for thing in THINGS if thing.url(registry)}
        return Loaded(loads, before, _rss(registry))


def _load(thing: Thing, registry: Registry, quick: bool) -> Load:
    url = thing.url(registry)
    headers = {"Accept": thing.accept, "Accept-Encoding": "gzip", **registry.authorization}
    size, alone = _warm(url, headers)
    connections = QUICK_CONNECTIONS if quick else CONNECTIONS
    least, rounds = (QUICK_SECONDS, QUICK_ROUNDS) if quick else (SECONDS, ROUNDS)
    # All connections to a slow one have their answers at about the same time: in few rounds what is cut off would count too much.
    seconds = min(LONGEST_SECONDS, max(least, math.ceil(rounds * connections * alone)))
    before = cpu_seconds(registry.pid)
    run = _wrk(url, headers, connections, seconds)
    cpu = cpu_seconds(registry.pid) - before
    return Load(run.rate or 1 / seconds, cpu / (run.calls or 1) * 1e6, run.p99 / 1e3 if run.calls else math.inf, size)


def _warm(url: str, headers: Mapping[str, str]) -> tuple[int, float]:
    """Return the size of what is there, and the seconds of the last of some answers."""
    for _ in range(WARM_ANSWERS):
        began = time.perf_counter()
        content, encoding = registries.answer(url, headers)
        alone = time.perf_counter() - began
    return len(gzip.decompress(content) if encoding == "gzip" else content), alone


def _wrk(url: str, headers: Mapping[str, str], connections: int, seconds: int) -> Run:
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", f"--timeout={LOST_SECONDS}s", "--latency"]
    for name, value in headers.items():
        command += ["-H", f"{name}: {value}"]
    return run_of(subprocess.run([*command, url], check=True, capture_output=True, text=True).stdout)


def _served(ours: Loaded, theirs: Mapping[str, Loaded], quick: bool) -> Iterator[Figure]:
    for thing in THINGS:
        mine = ours.loads[thing.name]
        rivals = {name: found.loads[thing.name] for name, found in theirs.items() if thing.name in found.loads}
        rival = next(iter(rivals.values()), None)
        rates = [f"{mine.rate:,.0f} requests a second", *(f"{name} {one.rate:.3g}" for name, one in rivals.items())]
        yield Figure(
            name=f"{thing.name}, {mine.size / 1e6:.3g} MB: {', '.join(rates)}", value=1e6 / mine.rate, unit="us",
            bar=1e6 / thing.bar if thing.bar and not quick else None, rival=1e6 / rival.rate if rival else None,
        )  # fmt: skip
        yield Figure(name="the same, CPU of the registry", value=mine.cpu, unit="us", rival=rival and rival.cpu)
        yield Figure(name="the same, p99", value=mine.p99, unit="ms", rival=rival and rival.p99)


def _memory(ours: Loaded, theirs: Mapping[str, Loaded]) -> Iterator[Figure]:
    yield Figure(name="RSS before all loads", value=ours.before, unit="MB")
    yield Figure(name="RSS after all loads", value=ours.after, unit="MB", bar=RSS)
    for name, found in theirs.items():
        yield Figure(name=f"{name}: RSS before", value=found.before, unit="MB")
        yield Figure(name=f"{name}: RSS after all loads", value=found.after, unit="MB")


def _used(rivals: Mapping[str, Start], folder: Path) -> Iterator[Figure]:
    """Have npm use ours and verdaccio, and uv ours and devpi."""
    for client, rival in ((NPM, registries.VERDACCIO), (UV, registries.DEVPI)):
        with contextlib.ExitStack() as stack:
            registry = stack.enter_context(registries.ours(_made(folder / f"beside-{rival}")))
            other = stack.enter_context(rivals[rival](_made(folder / rival))) if rival in rivals else None
            yield from figures(client, registry, other)
            name = "the same, RSS of the registry after both"
            yield Figure(name=name, value=_rss(registry), unit="MB", rival=other and _rss(other))


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder


def _rss(registry: Registry) -> float:
    return sum(rss_mb(pid) for pid in (registry.pid, *descendants(registry.pid)))


if __name__ == "__main__":
    main(__doc__ or "", measure)
