"""Runs small hostile programs inside the sandbox."""

import subprocess
import textwrap
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from outrider.runtime.sandbox.landlock import landlock_abi
from outrider.runtime.sandbox.machine import Machine
from outrider.runtime.sandbox.model import Grants, Level, Limits, Surroundings
from outrider.runtime.sandbox.process import Confined, start

# Reports what became of an attempt; the sources below end with calls of it.
PRELUDE = """
import errno, os, sys
def attempt(work):
    try:
        work()
    except OSError as error:
        print(errno.errorcode.get(error.errno, error))
    else:
        print("possible")
"""


class Ended(NamedTuple):
    """What a program said."""

    status: int
    output: str
    log: str


@cache
def offered() -> list[Level]:
    """Return the levels of this machine that confine, found without the code under test."""
    levels = [Level.LANDLOCK] if landlock_abi() else []
    command = ["bwrap", "--unshare-pid", "--unshare-net", "--ro-bind", "/", "/", "true"]
    try:
        if subprocess.run(command, check=False, capture_output=True).returncode == 0:
            levels.append(Level.NAMESPACED)
    except FileNotFoundError:
        return levels
    return levels


def surrounded(options: dict[str, Any]) -> dict[str, Any]:
    """Put what belongs to the surroundings of a program into one."""
    fields = Surroundings.__struct_fields__
    given = {name: value for name, value in options.items() if name in fields}
    return {name: value for name, value in options.items() if name not in fields} | {
        "surroundings": Surroundings(**given)
    }


class Box:
    """One plugin folder, one work folder, and what was started in them."""

    def __init__(self, folder: Path, machine: Machine) -> None:
        self.folder = folder
        self.machine = machine
        self.plugin, self.work = folder / "plugin", folder / "work"
        self.plugin.mkdir()
        self.work.mkdir()
        self._started: list[Confined] = []

    async def start(
        self, level: Level, source: str, grants: Grants | None = None, limits: Limits | None = None, **options: Any
    ) -> Confined:
        """Start Python source, or the program in `options`."""
        file = self.plugin / f"plugin{len(self._started)}.py"
        file.write_text(PRELUDE + textwrap.dedent(source), encoding="utf-8")
        defaults: dict[str, Any] = {
            "program": ["python", str(file)],
            "work_dir": self.work,
            "read_only": [self.plugin],
            "machine": self.machine,
        }
        confined = await start(level, grants or Grants(), limits or Limits(), **surrounded(defaults | options))
        self._started.append(confined)
        return confined

    async def run(self, level: Level, source: str, given: bytes = b"", **options: Any) -> Ended:
        """Run it to its end."""
        confined = await self.start(level, source, **options)
        confined.stdin.write(given)
        confined.stdin.close()
        output, log = await confined.stdout.read(), await confined.stderr.read()
        status = await confined.wait()
        await confined.kill()
        return Ended(status, output.decode().strip(), log.decode().strip())

    async def close(self) -> None:
        """End everything."""
        for confined in self._started:
            await confined.kill()
