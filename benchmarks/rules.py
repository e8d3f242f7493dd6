"""What an event costs the rules, durable events over HTTP, and open windows; ansible-rulebook has the same rules.

100 rules of one comparison each, and none of them holds. In the first figure each waits for another trigger (the rival: a
source), so that one can match; in the second all wait for the one that the events come from.
"""

import asyncio
import tempfile
import time
from pathlib import Path

import sqlalchemy as sa

from benchmarks.figures import Figure, main
from benchmarks.platforms import BenchmarkPlatform
from benchmarks.rivals.ranges import cpu_per_event
from benchmarks.system import rss_mb
from outrider.core.codec import decode, encode
from outrider.core.events import Event, EventOutcomes
from outrider.core.objects import Metadata, Object
from outrider.core.schema import convert
from outrider.kinds.rule.model import RuleSpec
from outrider.orchestrator.evaluation import Evaluator
from outrider.orchestrator.holds import Holds
from outrider.orchestrator.rules import RuleIndex
from outrider.orchestrator.runs import RunStarter
from outrider.orchestrator.transaction import Transaction
from outrider.orchestrator.windows import Windows
from outrider.orchestrator.world import World
from outrider.runtime.client import PlatformClient
from outrider.runtime.plugins.catalogue import Catalogue
from tests.servers.postgresql import PostgresqlServer

RULES = 100
SOURCE = "t50"
BATCH = 500
AT_ONCE = 4
OPEN_WINDOWS = 10_000
WINDOWED = """
---
apiVersion: outrider.dev/v1alpha1
kind: Rule
metadata: {name: many-keys}
spec:
  when: {any: [{type: login}], count: 5, within: 1h, by: event.data.user}
"""


def measure(quick: bool) -> list[Figure]:
    """Measure both, one after the other."""
    events = 2_000 if quick else 20_000
    return [
        *(_evaluation(same, events, 2_500 if quick else 10_500) for same in (False, True)),
        *asyncio.run(_durable(2_000 if quick else OPEN_WINDOWS)),
        asyncio.run(_durable_on_a_server(2_000 if quick else OPEN_WINDOWS)),
    ]


def _evaluation(same: bool, events: int, rival_events: int) -> Figure:
    """Decode events and evaluate the rules on them; no disk is involved at either side."""
    took = _evaluate([SOURCE if same else f"t{number}" for number in range(RULES)], events)
    names = [SOURCE if same else f"t{number}" for number in range(RULES)]
    rival = cpu_per_event(
        SOURCE, [f'event.meta.source.name == "{name}" and event.i > {_bound(n)}' for n, name in enumerate(names)], rival_events
    )  # fmt: skip
    what, bar = ("all 100 are compared", 500.0) if same else ("one of 100 can match", 50.0)
    return Figure(name=f"event, {what}, CPU", value=took * 1e6, unit="us", bar=bar, rival=rival * 1e6)


def _bound(number: int) -> int:
    return 1_000_000 + number


def _evaluate(triggers: list[str], events: int) -> float:
    rules = []
    for number, name in enumerate(triggers):
        condition = {"trigger": f"eyes/{name}", "if": f"event.data.i > {_bound(number)}"}
        metadata = Metadata(name=f"rule-{number}", uid=f"rule-{number}", generation=1)
        rules.append(Object(kind="Rule", metadata=metadata, spec=convert({"when": {"any": [condition]}}, RuleSpec)))
    starter = RunStarter("default", World([], Catalogue([])))
    index = RuleIndex((rule, "user:owner") for rule in rules)
    evaluator = Evaluator("default", index, starter, Holds(), windows=Windows("default"))
    documents = [
        encode(Event(id=f"e{n}", source=f"eyes/{SOURCE}", type="range", time="2026-01-01T00:00:00Z", data={"i": n}))
        for n in range(events)
    ]
    with sa.create_engine("sqlite://").connect() as connection:
        work = Transaction(connection, 0.0)
        began = time.process_time()
        for document in documents:
            evaluator.evaluate(work, decode(document, Event))
        return (time.process_time() - began) / events


async def _durable(count: int) -> list[Figure]:
    """Send events to a platform, one batch after the other, each on disk before its answer; then so many that open a window."""
    with tempfile.TemporaryDirectory(prefix="outrider-bench-") as name:
        folder = Path(name) / "platform"
        folder.mkdir()
        with BenchmarkPlatform(folder, more=WINDOWED) as platform:
            async with platform.client() as client:
                await _send(client, "warm", BATCH)
                plain = await _send(client, "unheard", count)
                pid = platform.pid("orchestrator")
                before = rss_mb(pid)
                opening = await _send(client, "login", count)
                grown = rss_mb(pid) - before
    return [
        Figure(name=f"durable event over HTTP, batches of {BATCH}", value=plain * 1e6, unit="us", bar=1000),
        Figure(name="the same, each opens a window", value=opening * 1e6, unit="us", bar=1000),
        Figure(name=f"{count} open windows, RSS", value=grown, unit="MB", bar=60),
    ]


async def _durable_on_a_server(count: int) -> Figure:
    """Send events to a platform on PostgreSQL, several batches at a time, so that they share commits."""
    with PostgresqlServer(sync=True) as server, tempfile.TemporaryDirectory(prefix="outrider-bench-") as name:
        folder = Path(name) / "platform"
        folder.mkdir()
        store = f'{{store: {{postgresql: {{url: "{server.address()}"}}}}}}'
        with BenchmarkPlatform(folder, platform=store) as platform:
            async with platform.client() as client:
                await _send(client, "warm", BATCH)
                began = time.perf_counter()
                await asyncio.gather(*(_send(client, f"unheard-{part}", count // AT_ONCE) for part in range(AT_ONCE)))
                took = (time.perf_counter() - began) / count
    return Figure(
        name=f"the same on PostgreSQL, {AT_ONCE} batches at a time", value=took * 1e6, unit="us", bar=1e6 / 3000
    )


async def _send(client: PlatformClient, kind: str, count: int) -> float:
    """Return the seconds for one event."""
    began = time.perf_counter()
    for first in range(0, count, BATCH):
        batch = [
            {"source": "bench/load", "type": kind, "id": f"{kind}-{n}", "data": {"user": f"user-{n}", "ok": False}}
            for n in range(first, min(first + BATCH, count))
        ]
        answer = await client.post("/v1/events", batch, EventOutcomes)
        if any(outcome.outcome != "accepted" for outcome in answer.outcomes):
            raise AssertionError(answer.outcomes)
    return (time.perf_counter() - began) / count


if __name__ == "__main__":
    main(__doc__ or "", measure)
