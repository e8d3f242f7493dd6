"""The memory of agents in SQLite: a conversation written and read, and near vectors found; beside an exact search by numpy.

Ours compares with every vector too, but reads them from the disk's cache for each question, in a process that stays small. Numpy has
all of them in its memory, and nothing of it is left when its process ends.
"""

import asyncio
import json
import multiprocessing
import os
import statistics
import subprocess
import tempfile
import time
from array import array
from collections.abc import Awaitable, Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import msgspec

from benchmarks.figures import Figure, main
from benchmarks.system import rss_mb
from outrider.ports.clock import SystemClock
from outrider.sidecar.memory.model import Item, Message, Scope
from outrider.sidecar.memory.sqlite import open_conversations, open_vectors
from tests.peers import environments

REQUIREMENTS = Path(__file__).parent / "rivals" / "requirements-vectors.txt"
RIVAL = Path(__file__).parent / "rivals" / "brute_force.py"
SCOPE = Scope("default", "bench", "memory")
WORDS = "A sentence of a conversation that somebody has with an agent, and that it should remember. " * 4
WINDOW_TOKENS = 4000
DIMENSION = 768
BATCH = 500


class Found(msgspec.Struct):
    """What a search for the nearest took.

    Attributes:
        missed: Share of the nearest that were not found.
        rss_mb: Memory of its process.
        write_ms: For each item that was written.
    """

    p50_ms: float
    rss_mb: float
    missed: float = 0.0
    write_ms: float = 0.0


def measure(quick: bool) -> list[Figure]:
    """Measure all, one after the other."""
    rounds, count = (200, 10_000) if quick else (2_000, 100_000)
    return [
        *asyncio.run(_conversation(rounds)),
        *_vectors(count, "in clusters", 100),
        *_vectors(count, "none alike", 0),
    ]


async def _conversation(rounds: int) -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="outrider-bench-") as name:
        store = await open_conversations(Path(name), clock=SystemClock())

        async def append() -> None:
            await store.append(SCOPE, "session", [Message(role="user", content=WORDS)])

        async def read() -> None:
            window = await store.window(SCOPE, "session", tokens=WINDOW_TOKENS)
            assert len(window) == WINDOW_TOKENS // window[0].tokens

        appended, read_ = await _p50_ms(append, rounds), await _p50_ms(read, rounds)
        await store.close()
    return [
        Figure(name="conversation, append a message, p50", value=appended, unit="ms", bar=1),
        Figure(name=f"conversation, the last {WINDOW_TOKENS} tokens of {rounds} messages, p50", value=read_, unit="ms", bar=1),
    ]  # fmt: skip


async def _p50_ms(action: Callable[[], Awaitable[object]], rounds: int) -> float:
    took = []
    for _ in range(rounds):
        began = time.perf_counter()
        await action()
        took.append(time.perf_counter() - began)
    return statistics.median(took) * 1000


def _vectors(count: int, kind: str, clusters: int) -> list[Figure]:
    """Let the rival make vectors and find the nearest, then find them with the store, each in a process of its own."""
    with tempfile.TemporaryDirectory(prefix="outrider-bench-") as name:
        python = environments.install("vectors", REQUIREMENTS) / "python"
        words = [str(python), str(RIVAL), name, str(count), str(DIMENSION), str(clusters)]
        told = subprocess.run(words, check=True, capture_output=True, text=True).stdout
        rival = msgspec.json.decode(told, type=Found)
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as process:
            ours = process.submit(_run, Path(name), count).result()
    what = f"10 nearest of {count} x {DIMENSION}, {kind}"
    return [
        Figure(name=f"{what}, p50", value=ours.p50_ms, unit="ms", bar=60, rival=rival.p50_ms),
        Figure(name=f"{what}, share missed", value=ours.missed, unit="", bar=0.05, rival=0.0),
        Figure(name=f"{what}, process", value=ours.rss_mb, unit="MB", rival=rival.rss_mb),
        Figure(name=f"{what}, writing each", value=ours.write_ms, unit="ms"),
    ]


def _run(folder: Path, count: int) -> Found:
    return asyncio.run(_find(folder, count))


async def _find(folder: Path, count: int) -> Found:
    store = await open_vectors(folder / "memory", clock=SystemClock())
    began = time.perf_counter()
    with (folder / "vectors.f32").open("rb") as file:
        for first in range(0, count, BATCH):
            items = [
                Item(id=str(number), text="", vector=_next(file.read(DIMENSION * 4)))
                for number in range(first, min(first + BATCH, count))
            ]
            await store.upsert(SCOPE, items)
    wrote = time.perf_counter() - began
    await store.close()
    store = await open_vectors(
        folder / "memory", clock=SystemClock()
    )  # as after a start: nothing is left in its caches
    nearest: list[list[int]] = json.loads((folder / "nearest.json").read_text())
    queries = (folder / "queries.f32").read_bytes()
    took, missed = [], 0
    for number, wanted in enumerate(nearest):
        query = _next(queries[number * DIMENSION * 4 : (number + 1) * DIMENSION * 4])
        began = time.perf_counter()
        found = await store.search(SCOPE, query, k=len(wanted))
        took.append(time.perf_counter() - began)
        missed += len({*wanted} - {int(match.id) for match in found})
    share = missed / (len(nearest) * len(nearest[0]))
    result = Found(statistics.median(took) * 1000, rss_mb(os.getpid()), share, wrote / count * 1000)
    await store.close()
    return result


def _next(data: bytes) -> list[float]:
    return array("f", data).tolist()


if __name__ == "__main__":
    main(__doc__ or "", measure)
