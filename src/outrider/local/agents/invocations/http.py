"""Mode `http`: each task is posted to the program."""

from outrider.core.events import SESSION_HEADER
from outrider.local.agents.invocations.invocation import Ending, Task
from outrider.local.agents.invocations.server import LOOK_SECONDS, RunningServer, ServerInvocation
from outrider.local.agents.streams import as_result

RUN_HEADER = "x-outrider-run"


class HttpInvocation(ServerInvocation):
    """See Invocation; arguments as those of ServerInvocation."""

    async def look(self, server: RunningServer) -> str:
        """Return why a server does not take work yet: any answer will do, unless a path says better.

        Raises:
            OutriderError: It does not answer.
        """
        path = self._settings.ready
        answer = await server.client.request("GET", path or self._settings.path, timeout=LOOK_SECONDS)
        return "" if not path or answer.status // 100 == 2 else f"status {answer.status}"

    async def deliver(self, server: RunningServer, task: Task) -> Ending:
        """Post a task, and take the answer for its result.

        Raises:
            OutriderError: There is none.
        """
        headers = {"content-type": "application/json", "traceparent": task.traceparent, RUN_HEADER: task.run}
        headers |= {SESSION_HEADER: task.session} if task.session else {}
        limit = float(self._settings.timeout)
        response = await server.client.request(
            "POST", self._settings.path, headers=headers, body=task.given, timeout=limit
        )
        result = as_result(response.content)
        if response.status // 100 == 2:
            return Ending("succeeded", 0, result, "")
        return Ending("failed", 1, result, f"it answered with status {response.status}")
