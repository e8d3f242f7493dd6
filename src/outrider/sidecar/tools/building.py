"""The tools of a sidecar, from its settings."""

import asyncio
import os
from collections.abc import Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from outrider.core.codec import digest, to_builtins
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
NONE: Mapping[str, OwnServer] = MappingProxyType({})


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
        before: Those in whose place these come. Servers that have not changed are taken from them, with what is known of them.

    Attributes:
        own: As the parameter, by digests of what they are made of.
        opened: The other servers, likewise.
        news: Set when a server has other tools.
        elicitation: Asks the agent's user.

    Raises:
        InvalidConfigError: A grant names a server that is not there, or has no sense.
    """

    def __init__(
        self, settings: ToolsSettings, *, agent: str, state: Path, secrets: Resolver, clock: Clock,
        used: Callable[[ToolUse], None], asked: Callable[[Question | QuestionEnd], None], own: Mapping[str, OwnServer] = NONE,
        protected: Sequence[Path] = (), before: "Tools | None" = None,
    ) -> None:  # fmt: skip
        names = {server.name for server in settings.servers}
        for grant in settings.grants:
            if grant.server not in names:
                raise InvalidConfigError(
                    f"no server of tools is called '{grant.server}'", path="tools.grants", found=grant.server,
                    expected=", ".join(sorted(names)) or "a server",
                )  # fmt: skip
        self.own = own
        self.news: asyncio.Event = before.news if before is not None else asyncio.Event()
        around = Surroundings(
            secrets=secrets, state=state / "servers", protected=[*protected, state], changed=self.news.set, clock=clock
        )
        known = before.opened if before is not None else {}
        self.opened: dict[str, ToolServer] = {}
        for one in settings.servers:
            longest = _longest(settings, one.name)
            key = digest([to_builtins(one), longest])
            self.opened[key] = known.get(key) or open_server(one, around, longest)
        granted = [*(one.grant() for one in own.values()), *settings.grants]
        grants = [Grant(grant, clock.monotonic()) for grant in granted]
        self._clock = clock
        self._audit = AuditLog(state / "audit.jsonl", f"sidecar/{agent}", clock)
        search = next((one for one in own.values() if isinstance(one, ToolSearch)), None)
        self.catalogue = Catalogue([*own.values(), *self.opened.values()], grants, state / "tools.json", search)
        self.approvals = Approvals(clock.now, lambda: time_ordered(clock.now(), os.urandom(10)), asked)
        self.elicitation = Elicitation(clock.now)
        if before is not None:
            self.catalogue.follow(before.catalogue)
            self.approvals, self.elicitation = before.approvals, before.elicitation
        self.desk = ToolDesk(
            agent, self.catalogue, self.approvals, self.elicitation, audit=self._audit, now=clock.monotonic, told=used
        )  # fmt: skip
        if before is not None:
            self.desk.follow(before.desk)

    def gate(self, admits: Callable[[Request], bool], *, keyless: bool) -> ToolGate:
        """Return what answers requests; arguments as those of ToolGate."""
        return ToolGate(self.desk, admits, keyless=keyless)

    def status(self) -> ToolsStatus:
        """Return what the agent sees, and what is wrong with its servers."""
        problems = {one.name: one.problem for one in self.own.values() if one.problem} | self.catalogue.problems
        return ToolsStatus(tools=self.desk.status(), problems=problems)

    def background(self) -> list[Coroutine[Any, Any, None]]:
        """Return what is done now and then, without an end."""
        return [self.keep_looking(), *(one.keep_up() for one in self.own.values())]

    async def keep_looking(self) -> None:
        """Ask the servers for their tools now and then, and when one says that it has others, until cancelled."""
        while True:
            self.news.clear()
            await self.catalogue.refresh()
            await self._pause(RETRY_SECONDS if self.catalogue.silent else LOOK_SECONDS)

    async def _pause(self, seconds: float) -> None:
        """Wait, at most until there is news, but not so little that a server which always has some keeps all others busy."""
        await self._clock.sleep(LEAST_SECONDS)
        loop = asyncio.get_running_loop()
        waiting = {loop.create_task(self._clock.sleep(seconds)), loop.create_task(self.news.wait())}
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waiting:
                task.cancel()

    async def close(self, kept: "Tools | None" = None) -> None:
        """Drop connections and files, but for servers that others have taken; what runs has ended before."""
        await self.catalogue.close(kept.catalogue if kept is not None else None)
        await self.desk.close()
        await asyncio.to_thread(self._audit.close)


def _longest(settings: ToolsSettings, server: str) -> int:
    """Return the longest result that any grant of a server takes."""
    return max((grant.longest_result for grant in settings.grants if grant.server == server), default=0)
