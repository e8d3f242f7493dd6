"""The tools of a sidecar, from its settings."""

import asyncio
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from outrider.core.errors import InvalidConfigError
from outrider.core.identifiers import time_ordered
from outrider.core.tool_settings import ToolsSettings
from outrider.ports.clock import Clock
from outrider.ports.secrets import Resolver
from outrider.runtime.audit import AuditLog
from outrider.sidecar.activity import Question, QuestionEnd, ToolUse
from outrider.sidecar.proxy.messages import Request
from outrider.sidecar.tools.approvals import Approvals
from outrider.sidecar.tools.catalogue import Catalogue
from outrider.sidecar.tools.desk import ToolDesk
from outrider.sidecar.tools.elicitation import Elicitation
from outrider.sidecar.tools.gate import ToolGate
from outrider.sidecar.tools.grants import Grant
from outrider.sidecar.tools.search.server import ToolSearch
from outrider.sidecar.tools.servers.opening import Surroundings, open_server
from outrider.sidecar.tools.status import ToolsStatus
from outrider.sidecar.tools.tool_server import OwnServer, ToolServer

LOOK_SECONDS = 60.0
# A server that did not answer is asked again sooner.
RETRY_SECONDS = 5.0
LEAST_SECONDS = 1.0


class Tools:
    """Everything about the tools of one agent, wired together.

    Args:
        settings: What it may call.
        agent: Its name.
        state: Folder for pinned definitions and the audit chain.
        secrets: Opens what is secret.
        clock: Time.
        used: Hears of every call.
        asked: Hears of every question, and of its end.
        own: Servers of the sidecar: the agent's memories, and the search for tools.
        protected: What programs of servers must not see.

    Raises:
        InvalidConfigError: A grant names a server that is not there, or has no sense.
    """

    def __init__(
        self, settings: ToolsSettings, *, agent: str, state: Path, secrets: Resolver, clock: Clock,
        used: Callable[[ToolUse], None], asked: Callable[[Question | QuestionEnd], None], own: Sequence[OwnServer] = (),
        protected: Sequence[Path] = (),
    ) -> None:  # fmt: skip
        known = {server.name for server in settings.servers}
        for grant in settings.grants:
            if grant.server not in known:
                raise InvalidConfigError(
                    f"no server of tools is called '{grant.server}'", path="tools.grants", found=grant.server,
                    expected=", ".join(sorted(known)) or "a server",
                )  # fmt: skip
        self._news = asyncio.Event()
        around = Surroundings(
            secrets=secrets, state=state / "servers", protected=[*protected, state], changed=self._news.set
        )
        servers: list[ToolServer] = [
            *own, *(open_server(one, around, _longest(settings, one.name)) for one in settings.servers)
        ]  # fmt: skip
        granted = [*(one.grant() for one in own), *settings.grants]
        grants = [Grant(grant, clock.monotonic()) for grant in granted]
        self._clock, self._own = clock, own
        self._audit = AuditLog(state / "audit.jsonl", f"sidecar/{agent}", clock)
        search = next((one for one in own if isinstance(one, ToolSearch)), None)
        self.catalogue = Catalogue(servers, grants, state / "tools.json", search)
        self.approvals = Approvals(clock.now, lambda: time_ordered(clock.now(), os.urandom(10)), asked)
        self.desk = ToolDesk(
            agent, self.catalogue, self.approvals, Elicitation(clock.now), audit=self._audit, now=clock.monotonic, told=used
        )  # fmt: skip

    def gate(self, admits: Callable[[Request], bool], *, keyless: bool) -> ToolGate:
        """Return what answers requests; arguments as those of ToolGate."""
        return ToolGate(self.desk, admits, keyless=keyless)

    def status(self) -> ToolsStatus:
        """Return what the agent sees, and what is wrong with its servers."""
        problems = {one.name: one.problem for one in self._own if one.problem} | self.catalogue.problems
        return ToolsStatus(tools=self.desk.status(), problems=problems)

    async def keep_looking(self) -> None:
        """Ask the servers for their tools now and then, and when one says that it has others, until cancelled."""
        while True:
            self._news.clear()
            await self.catalogue.refresh()
            await self._pause(RETRY_SECONDS if self.catalogue.silent else LOOK_SECONDS)

    async def _pause(self, seconds: float) -> None:
        """Wait, at most until there is news, but not so little that a server which always has some keeps all others busy."""
        await self._clock.sleep(LEAST_SECONDS)
        loop = asyncio.get_running_loop()
        waiting = {loop.create_task(self._clock.sleep(seconds)), loop.create_task(self._news.wait())}
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waiting:
                task.cancel()

    async def close(self) -> None:
        """Drop connections and files; what runs has ended before."""
        await self.catalogue.close()
        await self.desk.close()
        await asyncio.to_thread(self._audit.close)


def _longest(settings: ToolsSettings, server: str) -> int:
    """Return the longest result that any grant of a server takes."""
    return max((grant.longest_result for grant in settings.grants if grant.server == server), default=0)
