"""Every benchmark in one run: a table of each as soon as it ends, and benchmarks/results.json."""

import sys
import tempfile
from pathlib import Path

import msgspec

from benchmarks import (
    agent_types,
    demo_time,
    doors,
    event_to_action,
    kill_any_process,
    many_agent_types,
    mcp_hop,
    memory_stores,
    model_gateway,
    overheads,
    package_advisories,
    package_bills,
    package_registry,
    package_solver,
    resolving,
    rules,
)
from benchmarks.figures import Figure, Machine, described, machine, options, table
from benchmarks.kube_watch import __main__ as kube_watch

RESULTS = Path(__file__).resolve().parent / "results.json"
PROGRAMS = (
    event_to_action, kill_any_process, overheads, doors, rules, model_gateway, mcp_hop, memory_stores, kube_watch,
    agent_types, many_agent_types, resolving, package_solver, package_advisories, package_bills, package_registry, demo_time,
)  # fmt: skip


class Results(msgspec.Struct):
    """Content of results.json."""

    machine: Machine
    figures: list[Figure]


def run() -> int:
    """Run all and return 1 where a bar was missed."""
    quick = options(__doc__ or "").quick
    found = machine(Path(tempfile.gettempdir()))
    figures: list[Figure] = []
    print(described(found))
    for program in PROGRAMS:
        print(f"\n{program.__name__}: {program.__doc__}", file=sys.stderr, flush=True)
        measured = program.measure(quick)
        print(table(measured), flush=True)
        figures += measured
    RESULTS.write_bytes(msgspec.json.format(msgspec.json.encode(Results(found, figures)), indent=2) + b"\n")
    return int(any(figure.verdict == "MISSED" for figure in figures))


if __name__ == "__main__":
    sys.exit(run())
