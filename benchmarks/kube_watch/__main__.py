"""The Kubernetes engine: 10,000 events of 4,096 bytes into its cache, beside client-go, kopf and the official client for Python.

A fake API server (see `server`) tells each client the same, over HTTP and over TLS: either all objects are there before, or they come
while it watches. Ours and client-go begin with a watch-list, the others list first. What is measured is the CPU of all threads of a
client's process, from before it connects until it has stored the last object; the least of several runs counts.
"""

import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import msgspec

from benchmarks.figures import Figure, main
from benchmarks.gateways import MissingError
from benchmarks.kube_watch.build import built
from benchmarks.kube_watch.runs import Certificates, Command, Used, certificates, least, said, serving
from tests.peers import environments

COUNT = 10_000
ROUNDS, RIVAL_ROUNDS = 7, 3
REQUIREMENTS = Path(__file__).with_name("requirements.txt")
OURS, GO, KOPF, OFFICIAL = "Outrider", "client-go", "kopf", "kubernetes"
# Bars: events for each second of CPU, how many times as many as kopf, and what an object may take.
PLAIN_RATE, TLS_RATE, KOPF_TIMES, OBJECT_KIB = 60_000, 30_000, 30, 6.0
ENGINE = [f"outrider.ports.kube.{name}" for name in ("client", "controller", "informer", "manager")]
IMPORT = """
import importlib, sys, time
began = time.perf_counter()
for name in sys.argv[1:]:
    importlib.import_module(name)
print((time.perf_counter() - began) * 1000)
"""
Ways = Mapping[str, Used]


class Measured(msgspec.Struct):
    """What each client used: where all was there before, and where it came while the client watched."""

    before: Ways
    before_tls: Ways
    coming: Ways
    coming_tls: Ways


class Change(msgspec.Struct):
    """Milliseconds until a change was looked at, and those that it would have taken in the order of arrival."""

    live: float
    in_order: float


def measure(quick: bool = False) -> list[Figure]:
    """Measure all, one after the other."""
    rounds = {OURS: 2 if quick else ROUNDS, **dict.fromkeys((GO, KOPF, OFFICIAL), 1 if quick else RIVAL_ROUNDS)}
    clients = {OURS: ours("informer"), **rivals()}
    listing = {name: command for name, command in clients.items() if name in (OURS, GO)}
    with tempfile.TemporaryDirectory(prefix="outrider-bench-") as name:
        tls = certificates(Path(name))
        measured = Measured(
            follow(listing, rounds, before=True),
            follow(listing, rounds, before=True, tls=tls),
            follow(clients, rounds, before=False),
            follow(clients, rounds, before=False, tls=tls),
        )
    kopf = measured.coming.get(KOPF)
    return [
        *events(measured),
        *memory(measured),
        *reconciles(rounds[OURS], kopf.cpu if kopf else None),
        *imports(rounds[OURS], clients.get(KOPF)),
        *rates(measured),
    ]


def ours(program: str) -> Command:
    """Return the command of a client of ours."""
    return [sys.executable, "-m", f"benchmarks.kube_watch.clients.{program}"]


def rivals() -> dict[str, Command]:
    """Return the commands of those rivals that this machine can have."""
    found: dict[str, Command] = {}
    try:
        found[GO] = [str(built())]
    except MissingError as error:
        print(f"not measured: {error}", file=sys.stderr)
    try:
        python = str(environments.install("kube-clients", REQUIREMENTS) / "python")
    except environments.PeerError as error:
        print(f"not measured: {error}", file=sys.stderr)
        return found
    modules = {KOPF: "kopf_events", OFFICIAL: "kubernetes_watch"}
    return found | {name: [python, "-m", f"benchmarks.kube_watch.clients.{module}"] for name, module in modules.items()}


def follow(
    clients: Mapping[str, Command], rounds: Mapping[str, int], *, before: bool, tls: Certificates | None = None
) -> Ways:
    """Have clients follow the same server."""
    with serving(COUNT, before=before, tls=tls) as arguments:
        return least(clients, arguments, rounds)


def events(measured: Measured) -> list[Figure]:
    """Return what an event costs."""
    return [
        *beside("object of the first filling, CPU", measured.before, PLAIN_RATE),
        *beside("object of the first filling, TLS, CPU", measured.before_tls, TLS_RATE),
        *beside("event of a watch, CPU", measured.coming, PLAIN_RATE),
        *beside("event of a watch, TLS, CPU", measured.coming_tls, TLS_RATE),
    ]


def beside(name: str, ways: Ways, rate: float) -> list[Figure]:
    """Return a figure in microseconds for the bar, and one for each rival."""
    mine, *theirs = (used.cpu / COUNT * 1e6 for used in ways.values())
    found = [Figure(name=name, value=mine, unit="us", bar=1e6 / rate)]
    for rival, cost in zip(list(ways)[1:], theirs, strict=True):
        bar = cost / KOPF_TIMES if rival == KOPF else None
        found.append(Figure(name=f"the same beside {rival}", value=mine, unit="us", bar=bar, rival=cost))
    return found


def memory(measured: Measured) -> list[Figure]:
    """Return by how much a process has grown for each object: ours where that is most, a rival's where it is least."""
    every = (measured.before, measured.before_tls, measured.coming, measured.coming_tls)
    grown = {name: [growth(ways[name]) for ways in every if name in ways] for name in measured.coming}
    mine = max(grown.pop(OURS))
    found = [Figure(name="RSS for an object", value=mine, unit="KiB", bar=OBJECT_KIB)]
    return found + [
        Figure(name=f"the same beside {rival}", value=mine, unit="KiB", rival=min(sizes))
        for rival, sizes in grown.items()
    ]


def growth(used: Used) -> float:
    """Return by how many KiB a process has grown for each object."""
    return (used.after_kib - used.before_kib) / COUNT


def reconciles(rounds: int, kopf: float | None) -> list[Figure]:
    """Return what it takes to look at all objects, and how long a change waits meanwhile.

    Args:
        rounds: How often it is tried.
        kopf: CPU seconds that its handler took for as many objects.
    """
    with serving(COUNT, before=True) as arguments:
        used = least({OURS: ours("reconcile")}, arguments, {OURS: rounds})[OURS]
        found = [msgspec.json.decode(said([*ours("live_change"), *arguments]), type=Change) for _ in range(rounds)]
    change = min(found, key=lambda one: one.live)
    what = f"{COUNT} objects filled and reconciled, nothing to do"
    return [
        Figure(name=f"{what}, CPU", value=used.cpu, unit="s", bar=0.5, rival=kopf),
        Figure(name="the same, process", value=used.after_kib * 1024 / 1e6, unit="MB", bar=110),
        Figure(name=f"change while {COUNT} keys wait, until its reconcile; rival in order", value=change.live, unit="ms", bar=50, rival=change.in_order),
        Figure(name="the same, longest", value=max(one.live for one in found), unit="ms", bar=50),
    ]  # fmt: skip


def imports(rounds: int, kopf: Command | None) -> list[Figure]:
    """Return how long a fresh process takes to import the engine.

    Args:
        rounds: How often it is tried.
        kopf: The command of its client, whose Python has it.
    """
    mine = imported(sys.executable, ENGINE, rounds)
    theirs = imported(kopf[0], [KOPF], rounds) if kopf else None
    return [Figure(name="import of the engine", value=mine, unit="ms", bar=250, rival=theirs)]


def imported(python: str, modules: list[str], rounds: int) -> float:
    """Return the least milliseconds that an import took."""
    return min(float(said([python, "-c", IMPORT, *modules])) for _ in range(rounds))


def rates(measured: Measured) -> list[Figure]:
    """Return thousands of events for each second of CPU, which are for information."""
    ways = {"": measured.coming, ", TLS": measured.coming_tls}
    return [
        Figure(name=f"{name}, events for a second of CPU{how}", value=COUNT / used.cpu / 1000, unit="k/s")
        for how, found in ways.items()
        for name, used in found.items()
    ]


if __name__ == "__main__":
    main(__doc__ or "", measure)
