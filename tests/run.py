"""Runs the tests and says at the end what could not run, and why."""

import argparse
import asyncio
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from typing import IO

from outrider.core.errors import OutriderError
from outrider.local.cluster.build import build_programs
from outrider.local.cluster.programs import programs_folder
from tests.peers import helm_programs
from tests.servers.cluster import why_not

# What a part of the tests needs, and how to get it.
NEEDS = {
    "bwrap": "the sandbox level 'namespaced' (apt-get install bubblewrap)",
    "node": "the plugins and the wrapper in Node.js (apt-get install nodejs)",
    "curl": "the HTTP server against a foreign client (apt-get install curl)",
}


_PYTEST = (sys.executable, "-m", "pytest")
_FAST, _LONG = "not real and not long", "long"
_REAL, _CLUSTER = "real and not long and not cluster", "real and not long and cluster"
_TOGETHER = (_REAL, _CLUSTER)
_NAMES = {_FAST: "fast", _LONG: "long", _REAL: "real", _CLUSTER: "cluster"}


def main() -> int:
    """Run pytest and print the summary."""
    parser = argparse.ArgumentParser()
    chosen = parser.add_mutually_exclusive_group()
    chosen.add_argument("--long", action="store_true", help="chaos, scale and full-size oracles only")
    chosen.add_argument("--real", action="store_true", help="without the fast tests, which make check has run")
    options = parser.parse_args()
    # A shell that starts this in the background ignores SIGINT, and so would everything that the tests interrupt.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    _build_cluster()
    helm = helm_programs.MAJORS if options.long else helm_programs.MAJORS[-1:]
    helm_programs.install(helm)
    status = _run_tests([_LONG] if options.long else [_REAL, _CLUSTER] if options.real else [_FAST, _REAL, _CLUSTER])
    missing = [f"{program}: {what}" for program, what in NEEDS.items() if shutil.which(program) is None]
    if os.geteuid() != 0:
        missing.append("root: confinement as root, full disks (run as root to include them)")
    if reason := why_not():
        missing.append(f"Kubernetes: {reason}")
    if helm_programs.missing(helm):
        missing.append("releases of Helm: helm is not built (go is needed for that, once)")
    print(
        "\n".join(["", "could not run here:", *(f"  {line}" for line in missing)])
        if missing
        else "\neverything could run here"
    )
    return status


def _run_tests(parts: Sequence[str]) -> int:
    """Run parts of the tests, and return how they ended."""
    statuses = [_once_more(part, _start(part).wait()) for part in parts if part not in _TOGETHER]
    together = [part for part in _TOGETHER if part in parts]
    with tempfile.TemporaryFile() as said:
        # Both wait for servers and processes most of the time. What the tests of a cluster say is shown behind all else.
        running = {part: _start(part, output=said if part == _CLUSTER else None) for part in together}
        ended = {part: process.wait() for part, process in running.items()}
        said.seek(0)
        shutil.copyfileobj(said, sys.stdout.buffer)
        sys.stdout.flush()
    return max(statuses + [_once_more(part, status) for part, status in ended.items()])


def _start(part: str, *more: str, output: IO[bytes] | None = None) -> "subprocess.Popen[bytes]":
    """Begin with a part; each has a note of its own of what failed last."""
    # The long ones measure, and a cluster is the only one; of the others each processor has its share.
    shares = [] if part in (_LONG, _CLUSTER) else ["-n", "auto"]
    command = [
        *_PYTEST,
        "-m",
        part,
        "-o",
        f"cache_dir=.pytest_cache/{_NAMES[part]}",
        *(more or (*shares, "--durations=5")),
    ]
    return subprocess.Popen(command, stdout=output, stderr=output)


def _once_more(part: str, status: int) -> int:
    """Run once more, alone, what failed of a part; return how that ended."""
    if status == 1:
        # Many of these tests start real processes and measure real time.
        print("\nonce more, alone: what failed", flush=True)
        status = _start(part, "--last-failed", "--last-failed-no-failures=none").wait()
        print("the tests above passed only the second time\n" if status == 0 else "", flush=True)
    return status


def _build_cluster() -> None:
    """Build the programs of the Kubernetes that the tests run on, unless they are there; some minutes, once."""
    if os.geteuid() != 0 or os.environ.get("KUBECONFIG"):
        return
    try:
        asyncio.run(build_programs(programs_folder(), lambda text: print(text, flush=True)))
    except OutriderError as error:
        print(f"the programs of a cluster cannot be built: {error.message}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
