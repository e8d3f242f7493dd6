"""Licences of files that other registries have, where no document tells them: what a file says of itself is had first."""

from collections.abc import Awaitable, Callable

from outrider.operators.packages.serving.gates import denied
from outrider.operators.packages.serving.hub import Hub


async def refuse_licence(hub: Hub, name: str, file: str, licence_of: Callable[[], Awaitable[str]]) -> None:
    """Refuse a file whose licence policy does not want; what was published here was judged when it was.

    Args:
        hub: Has the package.
        name: Of the package.
        file: Its name.
        licence_of: Finds out what the file says of itself; only asked where that counts.

    Raises:
        DeniedError: The licence is refused, or cannot be known.
        OutriderError: What other registries say: what was not judged is not served.
    """
    if not hub.gate.asks_for_licences:
        return
    state = await hub.package(name)
    source = None if state.hosted else hub.sources(name, state).get(file)
    if source is None:
        return
    licence = await licence_of()
    with hub.gate.opened(hub.ecosystem) as policy:
        if why := policy.refuses_licence(name, source.version, licence):
            raise denied(hub.ecosystem, name, source.version, why)
