"""Plays an agent that is killed: starts a plugin, says so, and waits."""

import asyncio
import sys
from pathlib import Path

import msgspec

from outrider.runtime.sandbox.cgroup_facts import CgroupFacts
from outrider.runtime.sandbox.machine import detect
from outrider.runtime.sandbox.model import Grants, Level, Limits, Surroundings
from outrider.runtime.sandbox.process import start


async def main(label: str, plugin: Path, work: Path, groups: str) -> None:
    machine = detect()
    if groups == "none":
        machine = msgspec.structs.replace(machine, cgroups=CgroupFacts())
    confined = await start(
        Level.named(label),
        Grants(),
        Limits(),
        program=["python", str(plugin)],
        surroundings=Surroundings(work_dir=work, read_only=[plugin.parent]),
        machine=machine,
    )
    sys.stdout.write((await confined.stdout.readline()).decode())
    sys.stdout.flush()
    await confined.wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), sys.argv[4]))
