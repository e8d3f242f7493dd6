"""What benchmarks of servers share: wrk; and of gateways, one core for these, the other for wrk and for a server in C behind them."""

import contextlib
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from benchmarks.figures import CHECKOUT

HERE = Path(__file__).parent
CORES = sorted(os.sched_getaffinity(0))
OURS, LOAD = CORES[0], CORES[-1]
_RATE = re.compile(r"Requests/sec:\s+([\d.]+)")
_CALLS = re.compile(r"(\d+) requests in ")
_LATENCY = re.compile(r"(50|99)%\s+([\d.]+)(us|ms|s)\b")
_MICROSECONDS = {"us": 1.0, "ms": 1e3, "s": 1e6}
_BAD = re.compile(r"Non-2xx|Socket errors")


class Run(msgspec.Struct):
    """What wrk saw; times in microseconds."""

    calls: int
    rate: float
    p50: float
    p99: float


class MissingError(Exception):
    """A program is not there; the message says what installs it."""


def wrk(port: int, path: str, script: Path, *, connections: int, seconds: int) -> Run:
    """Load an address."""
    command = ["taskset", "-c", str(LOAD), "wrk", "-t1", f"-c{connections}", f"-d{seconds}", "--latency", "-s", str(script),
               f"http://127.0.0.1:{port}{path}"]  # fmt: skip
    return run_of(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def run_of(said: str) -> Run:
    """Return what wrk has said.

    Raises:
        RuntimeError: Not all was answered as it should be.
    """
    if _BAD.search(said):
        raise RuntimeError(said)
    rate, calls = _RATE.search(said), _CALLS.search(said)
    assert rate is not None, said
    assert calls is not None, said
    times = {share: float(value) * _MICROSECONDS[unit] for share, value, unit in _LATENCY.findall(said)}
    return Run(int(calls[1]), float(rate[1]), times["50"], times["99"])


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


def answers(port: int, path: str) -> bool:
    """Return whether somebody answers there, whatever the status is."""
    done = subprocess.run(
        ["curl", "--silent", "--output", os.devnull, "--max-time", "1", f"http://127.0.0.1:{port}{path}"],
        check=False,
    )
    return done.returncode == 0


def require(packages: Mapping[str, str]) -> None:
    """Check that programs are there, each with the Debian packages that have it.

    Raises:
        MissingError: One is not.
    """
    for program, package in packages.items():
        if shutil.which(program) is None:
            raise MissingError(f"{program} is missing: apt-get install {package}")


def compiled(name: str) -> Path:
    """Return a compiled program of the folder `programs`.

    Raises:
        MissingError: A program that this needs is not there.
    """
    require({"cc": "gcc libc6-dev", "wrk": "wrk", "taskset": "util-linux", "curl": "curl"})
    if OURS == LOAD:
        raise MissingError("one core for the gateway and one for the load are needed")
    target = CHECKOUT / ".cache" / name
    target.parent.mkdir(exist_ok=True)
    subprocess.run(["cc", "-O2", "-o", str(target), str(HERE / "programs" / f"{name}.c")], check=True)
    return target
