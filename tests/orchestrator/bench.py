"""An engine on a real SQLite file, fed by hand."""

from pathlib import Path
from typing import Any

from outrider.core.events import Event, EventOutcome, Instruction, Result
from outrider.core.timestamps import timestamp
from outrider.orchestrator import queries
from outrider.orchestrator.engine import Engine
from outrider.orchestrator.metrics import EngineMetrics
from outrider.orchestrator.tables import MIGRATIONS
from outrider.orchestrator.wire import RunRow
from outrider.ports.clock.manual import ManualClock
from outrider.ports.store import Store, open_sqlite
from outrider.ports.telemetry import Metrics
from outrider.runtime.audit import AuditLog
from outrider.runtime.discovery import registry
from outrider.runtime.documents import read_text
from outrider.runtime.objects import ObjectSet, parse_objects
from outrider.runtime.plugins.catalogue import catalogue

OBJECTS = """
apiVersion: outrider.dev/v1alpha1
kind: SensorAgent
metadata: {name: eyes}
spec: {triggers: [{name: web, plugin: http-probe, config: {url: "http://127.0.0.1:1/"}}]}
---
apiVersion: outrider.dev/v1alpha1
kind: ActionAgent
metadata: {name: hands, labels: {zone: a}}
spec: {plugins: [service-restart]}
---
apiVersion: outrider.dev/v1alpha1
kind: ActionAgent
metadata: {name: more-hands, labels: {zone: b}}
spec: {plugins: [service-restart]}
---
"""
RULE = """
apiVersion: outrider.dev/v1alpha1
kind: Rule
metadata: {{name: heal}}
spec:
  when: {when}
  {limits}
  do:
  {steps}
"""
WHEN = "{any: [{trigger: eyes/web, if: 'event.data.state == \"down\"'}]}"
STEP = "- {plugin: service-restart, with: {service: web}}"


class Bench:
    """An engine and what a test needs around it."""

    def __init__(self, folder: Path, store: Store | None = None) -> None:
        self.clock = ManualClock()
        self.folder = folder
        self.store: Store = store or open_sqlite(folder / "o.db")
        self.store.migrate("orchestrator", MIGRATIONS)
        self.audit = AuditLog(folder / "audit.jsonl", "orchestrator", self.clock)
        self.engine = Engine(
            "default",
            self.store,
            self.clock,
            audit=self.audit,
            catalogue=catalogue(),
            metrics=EngineMetrics(Metrics(enabled=False)),
        )
        self._number = 0

    async def close(self) -> None:
        await self.store.close()
        self.audit.close()

    async def declare(self, *, steps: str = STEP, limits: str = "", more: str = "", when: str = WHEN) -> ObjectSet:
        text = OBJECTS + RULE.format(steps=steps, limits=limits, when=when) + more
        objects = parse_objects(read_text(text, "test.yaml"), registry(), catalogue())
        await self.engine.apply(list(objects), "user:owner", prune=True)
        return objects

    def event(self, state: str = "down", **more: Any) -> Event:
        self._number += 1
        return Event(
            id=more.pop("id", f"E{self._number:06d}"),
            source="eyes/web",
            type="http-probe",
            time=timestamp(self.clock.now()),
            data={"state": state, **more},
        )

    async def see(self, *events: Event) -> list[EventOutcome]:
        return await self.engine.ingest(list(events))

    async def take(self, agent: str = "hands") -> Instruction | None:
        return (await self.engine.poll(agent, 1, 0)).instruction

    async def finish(self, instruction: Instruction, status: str = "completed", agent: str = "hands") -> None:
        await self.engine.renew(agent, instruction.id, instruction.lease_epoch)
        await self.engine.finish(agent, instruction.id, result(instruction, status))

    async def runs(self) -> list[RunRow]:
        return await self.store.read(lambda c: queries.list_runs(c, "default"))

    async def states(self) -> list[str]:
        return [row.state for row in await self.runs()]

    async def sweep(self) -> None:
        await self.engine.write(self.engine._sweep_once)


def result(instruction: Instruction, status: Any = "completed") -> Result:
    return Result(status=status, lease_epoch=instruction.lease_epoch, attempt=instruction.attempt)
