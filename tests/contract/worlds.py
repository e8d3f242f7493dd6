"""The world that a family's tests provide, and what can be seen of it from outside."""

import asyncio
import hashlib
import os
import stat
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec

from outrider.core.audit import AuditRecord, verify
from outrider.core.calls import Call
from outrider.core.identity import Principal
from outrider.core.operation import Example
from outrider.ports.process import list_processes
from outrider.runtime.audit import AuditLog, read_chain
from outrider.runtime.context import Environment
from outrider.runtime.discovery import import_module, registry
from outrider.runtime.invoker import CallOptions, Invoker
from tests.contract.cases import Case, filled
from tests.servers.cluster import shared_processes

OWNER = CallOptions(principal=Principal("default", "user", "ana"), owner=True)
STRANGER = CallOptions(principal=Principal("default", "user", "eve"))


class View(msgspec.Struct, frozen=True):
    """What an operation could have changed: files of the world, processes below this one, and what the world itself names."""

    files: dict[str, str]
    processes: set[tuple[int, int]]
    more: Any = None


class World:
    def __init__(
        self,
        environment: Environment,
        placeholders: dict[str, Any],
        look: Callable[[dict[str, Any]], Awaitable[Any]] | None = None,
    ) -> None:
        self._look = look
        self.environment = environment
        self.placeholders = placeholders
        self.audit = AuditLog(environment.state / "audit.jsonl", "contract", environment.clock)
        self.invoker = Invoker(registry(), environment, self.audit)

    def call(self, case: Case, example: Example) -> Call:
        return Call(case.family, case.declaration.name, filled(example.params, self.placeholders))

    async def view(self) -> View:
        more = await self._look(self.placeholders) if self._look else None
        return View(_tree(Path(self.placeholders["folder"])), descendants(), more)

    def records(self) -> list[AuditRecord]:
        """Return the audit chain, which must hold together."""
        records = list(read_chain(self.audit.path)) if self.audit.path.exists() else []
        verify(records)
        return records


@asynccontextmanager
async def opened(case: Case, **changes: Any) -> AsyncIterator[World]:
    module = import_module(f"{case.module}.tests.world")
    async with module.world() as (environment, placeholders):
        look = getattr(module, "view", None)
        world = World(msgspec.structs.replace(environment, **changes), placeholders, look)
        try:
            yield world
        finally:
            world.audit.close()


async def until(condition: Callable[[], bool], *, within: float = 5.0) -> None:
    end = time.monotonic() + within
    while not condition():
        assert time.monotonic() < end, f"not within {within} s"
        await asyncio.sleep(0.005)


def _tree(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): _fingerprint(path) for path in [folder, *folder.rglob("*")]}


def _fingerprint(path: Path) -> str:
    status = path.lstat()
    content = hashlib.sha256(path.read_bytes()).hexdigest() if stat.S_ISREG(status.st_mode) else ""
    return f"{status.st_mode:o} {status.st_mtime_ns} {content}"


def descendants() -> set[tuple[int, int]]:
    """Return the processes below this one, without those of the cluster that the tests share."""
    processes = [info for info in list_processes() if info.state not in "ZX"]
    found = {os.getpid()}
    size = 0
    while size != len(found):
        size = len(found)
        found.update(info.pid for info in processes if info.ppid in found and info.pid not in shared_processes())
    return {(info.pid, info.birth) for info in processes if info.pid in found}
