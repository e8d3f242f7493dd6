"""Limits without any cgroup, as an ordinary user has it."""

import subprocess
import sys

import msgspec
import pytest

from outrider.runtime.sandbox.cgroup_facts import CgroupFacts
from outrider.runtime.sandbox.model import MIB, Level, Limits
from outrider.runtime.sandbox.watch import usage
from tests.runtime.sandbox.box import Box, offered

pytestmark = pytest.mark.real
HOLDER = """
import os, sys, threading, time
memory = bytearray(int(sys.argv[1]) << 20)
for page in range(0, len(memory), 4096):
    memory[page] = 1
for _ in range(int(sys.argv[2])):
    threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
if sys.argv[3] == "fork" and os.fork() == 0:
    time.sleep(60)
print("ready", flush=True)
time.sleep(60)
"""


@pytest.fixture
def bare(box: Box) -> Box:
    """Return a box on a machine that gives no cgroups."""
    box.machine = msgspec.structs.replace(box.machine, cgroups=CgroupFacts())
    return box


def held(megabytes: int, threads: int = 0, more: str = "") -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", HOLDER, str(megabytes), str(threads), more]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def test_memory_and_threads_are_counted() -> None:
    with held(50, threads=3) as process:
        found = usage(process.pid)
        process.kill()
    assert 50 * MIB < found.memory < 70 * MIB
    assert found.pids == 4


def test_shared_memory_is_divided_where_it_is_looked_at_exactly() -> None:
    with held(50, more="fork") as process:
        roughly, exactly = usage(process.pid), usage(process.pid, exact=True)
        subprocess.run(["pkill", "-9", "-P", str(process.pid)], check=True)
        process.kill()
    assert roughly.pids == exactly.pids == 2
    assert roughly.memory > 100 * MIB
    assert 50 * MIB < exactly.memory < 80 * MIB


def test_what_has_ended_takes_nothing() -> None:
    process = subprocess.Popen(["true"])
    process.wait()
    assert usage(process.pid) == usage(process.pid, exact=True)
    assert usage(process.pid).pids == 0


@pytest.mark.parametrize("level", offered())
async def test_a_program_that_takes_too_much_memory_is_ended(bare: Box, level: Level) -> None:
    source = """
        import time
        hoard = []
        while True:
            hoard.append(bytearray(1 << 20))
            time.sleep(0.01)
    """
    confined = await bare.start(level, source, limits=Limits(memory=64 * MIB))
    assert await confined.wait() != 0
    assert confined.exceeded.startswith("memory: ")
    assert "at most 64.0 MB" in confined.exceeded or "at most 67.1 MB" in confined.exceeded


@pytest.mark.parametrize("level", offered())
async def test_a_program_that_grows_at_once_is_refused_the_memory(bare: Box, level: Level) -> None:
    source = """
        try:
            hoard = bytearray(1 << 30)
        except MemoryError:
            print("refused")
    """
    assert (await bare.run(level, source, limits=Limits(memory=64 * MIB, pids=8))).output == "refused"


@pytest.mark.parametrize("level", offered())
async def test_a_program_that_forks_without_end_is_stopped(bare: Box, level: Level) -> None:
    source = """
        import time
        try:
            while True:
                if os.fork() == 0:
                    time.sleep(60)
        except BlockingIOError:
            print("refused")
    """
    confined = await bare.start(level, source, limits=Limits(pids=10))
    output = await confined.stdout.read() if "pids" not in bare.machine.watched(level) else b"refused"
    await confined.kill()
    assert confined.exceeded.startswith("processes: ") or output.strip() == b"refused"
