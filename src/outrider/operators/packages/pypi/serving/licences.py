"""Licences of files that other indexes have. No page tells them: what a file says of itself is had first."""

from outrider.core.errors import DeniedError, ExecutionFailedError, NotFoundError
from outrider.operators.packages.pypi.core_metadata import read_metadata
from outrider.operators.packages.pypi.serving.upstream import METADATA
from outrider.operators.packages.serving.downloading import Download
from outrider.operators.packages.serving.gates import denied
from outrider.operators.packages.serving.hub import Hub


async def refuse_licence(hub: Hub, name: str, file: str) -> None:
    """Refuse a file whose licence policy does not want; what was published here was judged when it was.

    Args:
        hub: Has the project.
        name: Of the project, normalised.
        file: A wheel or a source distribution.

    Raises:
        DeniedError: The licence is refused, or cannot be known.
        OutriderError: What other indexes say: what was not judged is not served.
    """
    if not hub.gate.asks_for_licences:
        return
    state = await hub.package(name)
    source = None if state.hosted else hub.sources(name, state).get(file)
    if source is None:
        return
    try:
        licence = read_metadata(await _metadata(hub, name, file)).licence
    except (NotFoundError, ExecutionFailedError) as error:
        raise DeniedError(
            f"pypi {name}: {file} is not served: policy asks for its licence, and its metadata cannot be had: {error.message}", found=error.found,
            expected="metadata that tells the licence", suggestions=["take another version"],
        ) from error  # fmt: skip
    with hub.gate.opened("pypi") as policy:
        if why := policy.refuses_licence(name, source.version, licence):
            raise denied("pypi", name, source.version, why)


async def _metadata(hub: Hub, name: str, file: str) -> str:
    found = await hub.file(name, f"{file}{METADATA}")
    digest = await found.done() if isinstance(found, Download) else found.digest
    return (hub.store.blobs.read(digest) or b"").decode("utf-8", "replace")
