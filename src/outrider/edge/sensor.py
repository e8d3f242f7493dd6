"""The sensor agent: trigger plugins under supervision, their events numbered, repeated while unhealthy, and put into the outbox."""

import asyncio
import os

from outrider.core.agent_config import AgentConfig, TriggerConfig
from outrider.core.events import Event, PluginHealth
from outrider.core.identifiers import TimeOrdered
from outrider.core.machines.repeats import Repeater
from outrider.core.schema import convert
from outrider.core.timestamps import timestamp
from outrider.core.trace import new_trace_id
from outrider.edge.hosts import HostFactory
from outrider.edge.outbox import EventOutbox
from outrider.ports.clock import Clock
from outrider.runtime.plugin_host.protocol import PluginEvent
from outrider.runtime.plugin_host.supervision import SupervisedHost

CREDIT = 64
REPEAT_TICK = 0.25


class Trigger:
    """One configured trigger plugin."""

    def __init__(
        self,
        agent: str,
        config: TriggerConfig,
        factory: HostFactory,
        outbox: EventOutbox,
        clock: Clock,
        *,
        ids: TimeOrdered,
    ) -> None:
        self._ids = ids
        self.config = config
        self._agent = agent
        self._outbox = outbox
        self._clock = clock
        self._repeater = Repeater(config.repeat_every)
        self.host = SupervisedHost(
            factory, factory.catalogue.find("trigger", config.plugin), config=config.config, name=config.name, credit=CREDIT,
            on_event=self._event, on_down=self._repeater.clear,
        )  # fmt: skip

    def _event(self, seen: PluginEvent) -> None:
        event = convert(
            {
                "id": self._new_id(),
                "source": f"{self._agent}/{self.config.name}",
                "type": self.config.plugin,
                "time": timestamp(self._clock.now()),
                "severity": seen.severity,
                "data": seen.data,
                "labels": {**self.config.labels, **seen.labels},
                "trace_id": new_trace_id(),
            },
            Event,
        )
        self._repeater.seen(seen.key, event, unhealthy=seen.unhealthy, now=self._clock.monotonic())
        self._outbox.offer(event, lambda: self.host.committed(seen.id))

    def repeat(self) -> None:
        """Report lasting states again."""
        for event, count in self._repeater.due(self._clock.monotonic()):
            again = Event(
                id=self._new_id(),
                source=event.source,
                type=event.type,
                time=timestamp(self._clock.now()),
                severity=event.severity,
                data=event.data,
                labels=event.labels,
                count=count,
                trace_id=new_trace_id(),
            )
            self._outbox.offer(again, lambda: None)

    def _new_id(self) -> str:
        return self._ids.next(self._clock.now(), os.urandom(10))


class SensorAgent:
    """All triggers of one agent."""

    def __init__(self, name: str, factory: HostFactory, outbox: EventOutbox, clock: Clock) -> None:
        self._name = name
        self._factory = factory
        self._outbox = outbox
        self._clock = clock
        self._triggers: dict[str, Trigger] = {}
        # One for all triggers: the outbox sends in the order of the ids.
        self._ids = TimeOrdered()

    async def configure(self, config: AgentConfig) -> None:
        """Start what is new, replace what changed, stop what is gone; what stayed the same goes on undisturbed."""
        wanted = {trigger.name: trigger for trigger in config.triggers}
        for name in [name for name, trigger in self._triggers.items() if wanted.get(name) != trigger.config]:
            await self._triggers.pop(name).host.stop()
        for name, trigger in wanted.items():
            if name not in self._triggers:
                self._triggers[name] = Trigger(
                    self._name, trigger, self._factory, self._outbox, self._clock, ids=self._ids
                )
                self._triggers[name].host.start()

    def health(self) -> dict[str, PluginHealth]:
        """Return the state of each trigger."""
        return {name: trigger.host.health() for name, trigger in self._triggers.items()}

    async def run(self) -> None:
        """Serve until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._outbox.run())
            tasks.create_task(self._repeat_all())

    async def _repeat_all(self) -> None:
        while True:
            await self._clock.sleep(REPEAT_TICK)
            for trigger in self._triggers.values():
                trigger.repeat()

    async def stop(self) -> None:
        """Stop every plugin."""
        await asyncio.gather(*(trigger.host.stop() for trigger in self._triggers.values()))
