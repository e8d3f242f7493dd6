"""The servers of tools that a sidecar brings itself: memories, and the search for tools."""

from collections.abc import Mapping
from typing import NamedTuple

from outrider.core.codec import digest, to_builtins
from outrider.core.secrets import SecretValue
from outrider.core.sidecar_settings import LlmSettings, SidecarSettings, SummarySettings
from outrider.core.tool_settings import ToolSearchSettings
from outrider.ports.clock import Clock
from outrider.ports.secrets import Resolver
from outrider.sidecar.memory.embedding import Embedder
from outrider.sidecar.memory.server import MemoryServer
from outrider.sidecar.memory.summarising import Summariser
from outrider.sidecar.own_gateway import asks, own_address
from outrider.sidecar.tools.search.meaning import Meaning
from outrider.sidecar.tools.search.server import ToolSearch
from outrider.sidecar.tools.tool_server import OwnServer

VECTORS = "tool-vectors.json"
Own = Mapping[str, OwnServer]


async def own_servers(
    settings: SidecarSettings, secrets: Resolver, clock: Clock, known: Own
) -> Own:  # fmt: skip
    """Return those that an agent has, by the digest of what they are made of.

    Args:
        settings: Of the sidecar.
        secrets: Opens what is secret.
        clock: Time.
        known: Those that there are already; they stay where nothing has changed.
    """
    gateway = await _gateway(settings, secrets)
    made: dict[str, OwnServer] = {}
    for memory in settings.memories:
        key = digest(to_builtins(memory))
        made[key] = known.get(key) or MemoryServer(
            memory, agent=settings.agent, folder=settings.state / "memory", clock=clock, secrets=secrets,
            embedder=gateway.embedder(memory.embedding), summariser=gateway.summariser(memory.summary),
        )  # fmt: skip
    search = settings.tools.search
    if search is not None:
        key = digest([to_builtins(search), models_of(settings.llm, search.embedding)])
        made[key] = known.get(key) or ToolSearch(search, _meaning(search, settings, gateway, clock))
    return made


class _Gateway(NamedTuple):
    """How the gateway is asked."""

    address: str
    key: SecretValue | None

    def embedder(self, route: str) -> Embedder | None:
        """Return what asks a route for vectors; None for no route."""
        return Embedder(self.address, route, self.key) if route else None

    def summariser(self, settings: SummarySettings | None) -> Summariser | None:
        """Return what asks a route for summaries; None where nothing is summed up."""
        return Summariser(self.address, settings, self.key) if settings is not None else None


async def _gateway(settings: SidecarSettings, secrets: Resolver) -> _Gateway:
    key = (
        await secrets.fetch(settings.keys[0].secret, settings.keys[0].key) if settings.keys and asks(settings) else None
    )
    return _Gateway(own_address(settings), key)


def _meaning(search: ToolSearchSettings, settings: SidecarSettings, gateway: _Gateway, clock: Clock) -> Meaning | None:
    embedder = gateway.embedder(search.embedding)
    if embedder is None:
        return None
    return Meaning(settings.state / VECTORS, models_of(settings.llm, search.embedding), embedder, clock)


def models_of(llm: LlmSettings, alias: str) -> str:
    """Return what stands for the models that answer on a route: vectors of others cannot be compared with theirs."""
    routes = [route.providers for route in llm.routes if route.alias == alias]
    return digest([llm.offline is not None, [(one.provider, one.url, one.model) for found in routes for one in found]])
