"""An agent that is kept for several tasks, in the process of the test."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from outrider.kinds.agenttype.validation import references
from outrider.local.agents.job import AgentHost, JobResult, Watcher, hosting
from outrider.sidecar.activity import Question
from outrider.sidecar.tools.status import Decision
from outrider.surfaces.cli.agent_home import agent_home, declared_agent
from tests.local.agents.support import AgentFolder


@asynccontextmanager
async def host(agent: AgentFolder, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[AgentHost]:
    for name, value in agent.environment.items():
        monkeypatch.setenv(name, value)
    objects, item = declared_agent(agent.folder, "")
    async with hosting(
        item, agent_home(agent.folder, objects, item), references(objects, objects.catalogue), offline=True
    ) as made:
        yield made


async def nobody(_: Question) -> Decision | None:
    return None


async def run(made: AgentHost, task: object, session: str = "") -> JobResult:
    return await made.run(task, Watcher(decide=nobody), session)
