"""What the sidecars of agents say of themselves: their tools, what is wrong with these, and what was spent."""

import asyncio
from collections.abc import Callable, Sequence

import msgspec

from outrider.controller.owned import agent_of
from outrider.core.errors import OutriderError
from outrider.ports.http.client import Client
from outrider.ports.kube.controller import After, Controller, Work
from outrider.ports.kube.informer import Informer
from outrider.ports.kube.manager import Manager
from outrider.ports.kube.metrics import ControllerMetrics
from outrider.ports.kube.objects import KubeObject, plain

# How often each is asked; what changes in a pod has it asked at once.
LOOK_SECONDS = 30.0
_ANSWER_SECONDS = 3.0
_ADMIN = "admin"


class ToolSeen(msgspec.Struct):
    """A tool as a sidecar has it; `changed` says what of its definition its server says otherwise by now."""

    tool: str
    server: str
    version: str = ""
    hash: str = ""
    changed: str = ""


class ToolsSeen(msgspec.Struct):
    """The tools of a sidecar, and what is wrong with their servers."""

    tools: list[ToolSeen] = []
    problems: dict[str, str] = {}


class Look(msgspec.Struct):
    """What a sidecar says.

    Attributes:
        cost: What its calls of models have cost since it started, in nano-units.
        refused: Why it has not taken over what it was told last.
        problem: Why its program should not be given work.
    """

    cost: int = 0
    currency: str = ""
    refused: str = ""
    problem: str = ""
    tools: ToolsSeen = msgspec.field(default_factory=ToolsSeen)


class Sidecars:
    """Asks sidecars from time to time.

    Args:
        manager: Whose process it is.
        pods: Pods of agents, with the index `agent`.
        news: Is told of the key of an agent of which something else is known.
        metrics: Where it is counted.
    """

    def __init__(
        self,
        manager: Manager,
        pods: Informer,
        news: Callable[[str], None],
        *,
        metrics: ControllerMetrics | None = None,
    ) -> None:
        self._pods, self._news = pods.cache, news
        # By agent, and by the uid of the pod.
        self._looks: dict[str, dict[str, Look]] = {}
        self.controller = manager.add(Controller("sidecars", self._look, metrics=metrics, workers=8))
        self.controller.follow(pods, lambda change: agent_of(change.after) + agent_of(change.before))

    def of(self, agent: str) -> dict[str, Look]:
        """Return what the sidecars of an agent said last, by the uid of their pod."""
        return self._looks.get(agent, {})

    async def _look(self, work: Work) -> After | None:
        pods = [pod for pod in self._pods.found("agent", work.key) if _address(pod)]
        asked = await asyncio.gather(*(self._ask(pod) for pod in pods))
        before = self.of(work.key)
        found = {
            pod.metadata.uid: look
            for pod, answer in zip(pods, asked, strict=True)
            # One that does not answer at the moment has said something before.
            if (look := answer or before.get(pod.metadata.uid)) is not None
        }
        if found != before:
            self._looks[work.key] = found
            self._news(work.key)
        if not pods:
            self._looks.pop(work.key, None)
            return None  # another pod has it looked at again
        return After(LOOK_SECONDS)

    async def _ask(self, pod: KubeObject) -> Look | None:
        client = Client(f"http://{_address(pod)}", timeout=_ANSWER_SECONDS)
        try:
            return await client.request_json("GET", "/status", None, Look)
        except OutriderError:
            return None  # it starts, ends, or is cut off; its pod says so
        finally:
            await client.close()


def _address(pod: KubeObject) -> str:
    """Return where a sidecar tells how it does; empty where none runs."""
    status = plain(pod.status)
    if status.get("phase") != "Running" or not status.get("podIP"):
        return ""
    for container in plain(pod.spec).get("initContainers", ()):
        for port in container.get("ports", ()):
            if str(port.get("name", "")).endswith(_ADMIN) and container.get("name", "").endswith("sidecar"):
                host = status["podIP"]
                return f"[{host}]:{port['containerPort']}" if ":" in host else f"{host}:{port['containerPort']}"
    return ""


def tool_problem(looks: Sequence[Look]) -> tuple[str, str]:
    """Return the reason and the message of what is wrong with tools, and what to do; both empty where nothing is."""
    for look in looks:
        for server, problem in sorted(look.tools.problems.items()):
            return (
                "ServerFails",
                f"Tool {server}: {problem} · see whether its server is up, and what the sidecar's log says",
            )
        for tool in look.tools.tools:
            if tool.changed:
                what = "other parameters" if tool.changed == "schema" else "another text"
                return "DefinitionChanged", (
                    f"{tool.tool} of Tool {tool.server} has {what} under the same version {tool.version}"
                    " · look at what has changed, and give the Tool another version"
                )
    return "", ""
