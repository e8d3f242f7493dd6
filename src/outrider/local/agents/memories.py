"""What AI agents on this machine remember: how much, what, and how it is forgotten."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec

from outrider.core.codec import encode
from outrider.core.errors import NotFoundError, OutriderError, did_you_mean
from outrider.core.objects import Object
from outrider.kinds.agenttype.memory import Memory
from outrider.kinds.agenttype.model import AgentTypeSpec
from outrider.kinds.agenttype.render import memory_settings
from outrider.local.agents.home import Home
from outrider.ports.clock import SystemClock
from outrider.ports.secrets import Resolver
from outrider.sidecar.memory.model import TENANT, Scope, Usage
from outrider.sidecar.memory.opening import open_store
from outrider.sidecar.memory.store import MemoryStore


class MemoryRow(msgspec.Struct, kw_only=True):
    """How much an agent remembers in one of its memories.

    Attributes:
        entries: None where its store is away.
        bytes: Likewise.
        store: A database, or `files`.
        problem: Why its store cannot be asked; empty where it can.
    """

    name: str
    type: str
    entries: int | None
    bytes: int | None
    store: str
    problem: str = ""


async def rows(item: Object, home: Home) -> tuple[list[MemoryRow], list[OutriderError]]:
    """Return a row for each memory of an agent, by name, and what is wrong with those that cannot be asked."""
    spec: AgentTypeSpec = item.spec
    wanted = sorted(spec.memory, key=lambda one: one.name)
    found = await asyncio.gather(*(_row(item, memory, home) for memory in wanted))
    return [row for row, _ in found], [error for _, error in found if error is not None]


async def _row(item: Object, memory: Memory, home: Home) -> tuple[MemoryRow, OutriderError | None]:
    where = "files" if memory.store is None else memory.store.url.rpartition("@")[2]
    row = MemoryRow(name=memory.name, type=memory.type, entries=None, bytes=None, store=where)
    try:
        async with _opened(memory, home) as store:
            usage = await store.usage(_scope(item, memory)) if store is not None else Usage()
    except OutriderError as error:
        row.problem = error.message
        return row, error
    row.entries, row.bytes = usage.entries, usage.bytes
    return row, None


async def export(item: Object, name: str, home: Home) -> AsyncIterator[bytes]:
    """Yield all that is remembered in a memory, each as a line of JSON.

    Raises:
        NotFoundError: The agent has no such memory.
        OutriderError: It cannot be read.
    """
    memory = _named(item, name)
    async with _opened(memory, home) as store:
        if store is not None:
            async for record in store.export(_scope(item, memory)):
                yield encode(record) + b"\n"


async def forget(item: Object, name: str, home: Home) -> int:
    """Delete all that is remembered in a memory, and return how much that was.

    Raises:
        NotFoundError: The agent has no such memory.
        OutriderError: It cannot be deleted.
    """
    memory = _named(item, name)
    async with _opened(memory, home) as store:
        return await store.delete_all(_scope(item, memory)) if store is not None else 0


def _named(item: Object, name: str) -> Memory:
    spec: AgentTypeSpec = item.spec
    known = {memory.name: memory for memory in spec.memory}
    if name not in known:
        raise NotFoundError(
            f"agent '{item.name}' has no memory '{name}'", found=name, expected=", ".join(known) or "a memory",
            suggestions=did_you_mean(name, known),
        )  # fmt: skip
    return known[name]


def _scope(item: Object, memory: Memory) -> Scope:
    return Scope(TENANT, item.name, memory.name)


@asynccontextmanager
async def _opened(memory: Memory, home: Home) -> AsyncIterator[MemoryStore | None]:
    """Open the store of a memory, while its sidecar runs or not; there is none of one in files that was never used."""
    folder = home.files.sidecar / "memory"
    if memory.store is None and not folder.is_dir():
        yield None
        return
    secrets = Resolver.declared(home.sources, folder=home.folder, store=home.store)
    store = await open_store(memory_settings(memory), folder, clock=SystemClock(), secrets=secrets)
    try:
        yield store
    finally:
        await store.close()
