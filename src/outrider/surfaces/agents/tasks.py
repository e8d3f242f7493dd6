"""Tasks of an AI agent as instructions of its platform."""

import asyncio
import contextlib
from collections.abc import Callable

from outrider.core.agent_config import AgentConfig
from outrider.core.codec import digest
from outrider.core.errors import DeadlineExceededError, ExecutionFailedError, OutriderError, UnavailableError
from outrider.core.events import Instruction
from outrider.core.mutual_tls import IdentityFiles
from outrider.core.objects import Object
from outrider.core.units import format_money
from outrider.edge.enrolment import IDENTITY_FILE
from outrider.edge.link import Link
from outrider.edge.settings import AgentSettings
from outrider.kinds.agenttype.model import AgentTypeSpec
from outrider.kinds.agenttype.validation import references
from outrider.local.agents.files import AgentFiles
from outrider.local.agents.home import Home
from outrider.local.agents.job import AgentHost, JobResult, Watcher, hosting
from outrider.local.layout import Layout
from outrider.ports.clock import Clock
from outrider.ports.telemetry import logger
from outrider.runtime.discovery import registry
from outrider.runtime.objects import parse_object
from outrider.runtime.plugins.catalogue import catalogue
from outrider.sidecar.activity import Activity, Question
from outrider.sidecar.tools.status import Decision
from outrider.surfaces.agents.asking import decide
from outrider.surfaces.agents.platform_desk import PlatformDesk
from outrider.surfaces.agents.telling import activity_text

_log = logger(__name__)


class AgentTasks:
    """Gives an AI agent its tasks, one after the other, and keeps its sidecar between them.

    Args:
        settings: Of its process.
        link: The orchestrator, as the agent.
        clock: Time.
    """

    def __init__(self, settings: AgentSettings, link: Link, clock: Clock) -> None:
        self._settings, self._link, self._clock = settings, link, clock
        self._config = AgentConfig(generation=0)
        self._one_at_a_time = asyncio.Lock()
        self._host: AgentHost | None = None
        self._hosting = contextlib.AsyncExitStack()
        self._made_of = ""

    async def configure(self, config: AgentConfig) -> None:
        """Take other objects from the next task on."""
        self._config = config

    async def run(self, instruction: Instruction, log: Callable[[str], None]) -> dict[str, object]:
        """Run a task.

        Args:
            instruction: Its input is what the step gives it, and the event behind it.
            log: Takes what happens, line by line.

        Raises:
            OutriderError: It did not succeed.
        """
        async with self._one_at_a_time:
            host = await self._ready()
            given = {**instruction.input_data, "event": instruction.context.get("event", {})}
            result = await host.run(given, self._watcher(log), _session(instruction))
        return _outcome(result)

    async def stop(self) -> None:
        """End the sidecar."""
        self._host = None
        await self._hosting.aclose()

    async def _ready(self) -> AgentHost:
        """Return the agent with its sidecar; where its objects have changed, or its sidecar has ended, a new one."""
        with contextlib.suppress(OutriderError):  # a heartbeat would bring it, but only in a while
            self._config = await self._link.config()
        made_of = digest([self._config.workload, self._config.secrets, self._config.protected])
        if self._host is not None and (made_of != self._made_of or self._host.ended):
            await self.stop()
        if self._host is None:
            if not self._config.workload:
                raise UnavailableError(f"agent '{self._settings.name}' is not declared any more")
            self._hosting = contextlib.AsyncExitStack()
            item, *named = [parse_object(document, registry()) for document in self._config.workload]
            known = references(named, catalogue(self._settings.folder))
            self._host = await self._hosting.enter_async_context(hosting(item, self._home(item), known))
            self._made_of = made_of
        return self._host

    def _home(self, item: Object) -> Home:
        settings = self._settings
        spec: AgentTypeSpec = item.spec
        platform = settings.secrets.parent
        files = [settings.folder / str(source["file"]) for source in self._config.secrets.values() if "file" in source]
        files += [settings.folder / key for key in self._config.protected]
        return Home(
            files=AgentFiles(Layout(settings.folder, platform), item.name),
            folder=settings.folder,
            sources=self._config.secrets,
            store=settings.secrets,
            protected=[platform, settings.secrets, *files],
            cache=settings.cache,
            desk=PlatformDesk(self._link, spec.tools, self._clock),
            asks=True,
            # The host's own certificate is that of the agent: tenant/TENANT/agent/NAME.
            identity=IdentityFiles(certificate=settings.state / IDENTITY_FILE, authorities=settings.authority),
        )

    def _watcher(self, log: Callable[[str], None]) -> Watcher:
        def stderr(piece: bytes) -> None:
            for line in piece.decode("utf-8", "replace").splitlines():
                log(line)

        def activity(done: Activity) -> None:
            if text := activity_text(done):
                log(text)

        async def decided(question: Question) -> Decision:
            log(f"wants {question.tool}   waits for {', '.join(question.groups) or 'the owner'}")
            return await decide(self._link, question, self._clock)

        return Watcher(activity=activity, stderr=stderr, decide=decided)


def _session(instruction: Instruction) -> str:
    """Return the conversation that a task of a user or of the queue belongs to. What an event from outside calls so is none."""
    if not instruction.principal.startswith(("user:", "queue:")):
        return ""
    return str(instruction.context.get("event", {}).get("data", {}).get("session", ""))


def _outcome(result: JobResult) -> dict[str, object]:
    """Return what a task came to.

    Raises:
        OutriderError: It did not succeed.
    """
    if result.state == "timed_out":
        raise DeadlineExceededError(f"agent '{result.agent}': {result.problem}")
    if result.state != "succeeded":
        raise ExecutionFailedError(f"agent '{result.agent}': {result.problem}", found=str(result.result)[:500])
    return {
        "result": result.result, "run": result.run, "calls": result.calls, "tools": result.tools,
        "tokens": result.input_tokens + result.output_tokens, "cost": format_money(result.cost, result.currency),
        "offline": result.offline,
    }  # fmt: skip
