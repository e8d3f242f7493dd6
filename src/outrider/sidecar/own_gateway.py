"""A sidecar's own way to its gateway: what it asks of models itself is in the ledger and in the budget like any other call."""

from pathlib import Path

from outrider.core.sidecar_settings import SidecarSettings
from outrider.ports.http.listening import listen_unix
from outrider.sidecar.proxy.proxy import Proxy

_SOCKET = "gateway.sock"


def own_address(settings: SidecarSettings) -> str:
    """Return the address of the gateway, as that of a client."""
    return f"unix:{_path(settings)}"


def asks(settings: SidecarSettings) -> bool:
    """Return whether any part of a sidecar asks models itself: it embeds texts, or sums them up."""
    cache = settings.llm.cache
    embedding = (*settings.memories, settings.tools.search, cache.similar if cache is not None else None)
    return any(one.embedding for one in embedding if one is not None) or any(one.summary for one in settings.memories)


async def listen_for_own(settings: SidecarSettings, proxy: Proxy) -> None:
    """Listen where the sidecar itself asks, if any part of it does; only its user may open the socket."""
    path = _path(settings)
    if asks(settings) and not proxy.listens_at(path):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        await proxy.listen(listen_unix(path, 0o600)[0])


def _path(settings: SidecarSettings) -> Path:
    return (settings.control or settings.state) / _SOCKET
