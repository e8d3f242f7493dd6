"""Mode `a2a`: the program is itself an agent of A2A, and each task is a message to it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from outrider.core.a2a.protocol import COMPLETED, INPUT_REQUIRED, TERMINAL, short_state
from outrider.core.a2a.replies import Reply
from outrider.core.codec import decode_plain
from outrider.core.remembered import Remembered
from outrider.core.tool_settings import A2aServerSettings
from outrider.local.agents.invocations.invocation import Ending, Task
from outrider.local.agents.invocations.server import LOOK_SECONDS, RunningServer, ServerInvocation
from outrider.local.agents.launching import Launcher
from outrider.local.agents.streams import MOST_OUTPUT
from outrider.ports.secrets import Resolver
from outrider.sidecar.tools.servers.a2a.server import A2aServer, Errand
from outrider.sidecar.tools.servers.a2a.wire import A2aWire

# Conversations whose context is known; of one that was not had for longest it is forgotten.
MOST_SESSIONS = 1000
_DONE = frozenset({COMPLETED, INPUT_REQUIRED})


class A2aInvocation(ServerInvocation):
    """See Invocation; arguments as those of ServerInvocation."""

    expects = "a server with an agent card of A2A (/.well-known/agent-card.json)"

    def __init__(self, launcher: Launcher) -> None:
        super().__init__(launcher)
        # By session: the program's context, and the task that waits for more, if one does.
        self._contexts = Remembered[str, tuple[str, str]](MOST_SESSIONS)

    async def close(self) -> None:
        """End the server, which knows no context any more."""
        self._contexts.clear()
        await super().close()

    async def look(self, server: RunningServer) -> str:
        """Return why a server does not take work yet: it has no card.

        Raises:
            OutriderError: It does not answer, or its card cannot be used.
        """
        async with self._agent(server) as agent:
            await agent.greet(LOOK_SECONDS)
        return ""

    async def deliver(self, server: RunningServer, task: Task) -> Ending:
        """Send a message, and wait until its task has ended or asks for more.

        Raises:
            OutriderError: It does not come to that.
        """
        context, waiting = self._contexts.get(task.session, ("", ""))
        async with self._agent(server) as agent:
            reply = await agent.give(_errand(decode_plain(task.given), context, waiting), float(self._settings.timeout))
        self._keep(task.session, reply)
        if reply.state in _DONE or not reply.task:
            return Ending("succeeded", 0, _result(reply), "")
        return Ending("failed", 1, _result(reply), f"its task is {short_state(reply.state)}")

    def _keep(self, session: str, reply: Reply) -> None:
        """Remember how a conversation goes on."""
        if not session:
            return
        self._contexts[session] = (reply.context, reply.task if reply.task and reply.state not in TERMINAL else "")

    @asynccontextmanager
    async def _agent(self, server: RunningServer) -> AsyncIterator[A2aServer]:
        """Give a client of the program: with new connections, as a task on one that it closes just then would fail."""
        settings = self._settings
        address = A2aServerSettings(
            name=self._launcher.workload.name, url=f"http://127.0.0.1:{settings.port}{settings.path}"
        )
        agent = A2aServer(address.name, "", A2aWire(address, Resolver({}), MOST_OUTPUT, reached=server.base))
        try:
            yield agent
        finally:
            await agent.close()


def _errand(given: Any, context: str, task: str) -> Errand:
    """Return the input of a task as a message: text is said, and what else there is goes with it as data."""
    if isinstance(given, dict):
        text, data = given.get("input"), {key: value for key, value in given.items() if key != "input"}
        if not isinstance(text, str):
            text, data = "", given
    else:
        text, data = (given, {}) if isinstance(given, str) else ("", {"input": given})
    return Errand(message=text, data=data, context=context, task=task)


def _result(reply: Reply) -> Any:
    """Return what an agent said: its words alone where there is nothing else to tell."""
    text = "\n\n".join(reply.texts)
    if not reply.data and (reply.state == COMPLETED or not reply.task):
        return text
    return {"state": short_state(reply.state), "text": text, "data": reply.data}
