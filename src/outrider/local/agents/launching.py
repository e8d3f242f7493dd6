"""Starts the program of an agent: its folders are made anew, its variables opened, its door is served."""

from collections.abc import Mapping

from outrider.core.secrets import SecretRef
from outrider.kinds.agenttype.environment import Joined, Value
from outrider.kinds.agenttype.render import Workload
from outrider.local.agents.home import Home
from outrider.local.agents.sidecar import Sidecar
from outrider.local.agents.starters.starter import INPUT_FILE, Running, Starter
from outrider.ports.secrets import Resolver
from outrider.sidecar.preparation import prepare


class Launcher:
    """Starts it, as often as its work needs that.

    Args:
        home: Of the agent.
        workload: What is to be started.
        starter: Who starts it.
        sidecar: Beside it.
    """

    def __init__(self, home: Home, workload: Workload, starter: Starter, sidecar: Sidecar) -> None:
        self.home, self.workload, self.starter, self.sidecar = home, workload, starter, sidecar

    async def launch(self, more: Mapping[str, str], given: bytes = b"") -> Running:
        """Start it in an empty folder of its own.

        Args:
            more: Variables besides those of the workload.
            given: Its input, where it has one; it finds it in the file OUTRIDER_INPUT.

        Raises:
            OutriderError: It could not be started.
        """
        files = self.home.files
        await files.empty_work()
        prepare(self.workload.init.settings(files.shared, self.home.folder))
        env = dict(more)
        if given:
            (files.work / INPUT_FILE).write_bytes(given)
            env["OUTRIDER_INPUT"] = str(self.starter.work / INPUT_FILE)
        return await self.starter.start(self.workload, env | await self._environment(), self.sidecar.open_door)

    async def _environment(self) -> dict[str, str]:
        """Return the variables of the workload; what is secret is opened."""
        home, workload = self.home, self.workload
        sources = home.sources | workload.sidecar.secret_sources
        secrets = Resolver.declared(sources, folder=home.folder, store=home.store)
        return {name: await _opened(value, secrets) for name, value in workload.env.items()}


async def _opened(value: Value, secrets: Resolver) -> str:
    if isinstance(value, Joined):
        return value.before + await _opened(value.secret, secrets)
    return (await secrets.fetch(value.secret, value.key)).reveal() if isinstance(value, SecretRef) else value
