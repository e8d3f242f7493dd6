"""What files that other indexes have say of themselves, which no page tells: licences for policies, and what people want to see."""

from outrider.core.errors import DeniedError, ExecutionFailedError, NotFoundError
from outrider.operators.packages.pypi.core_metadata import read_metadata
from outrider.operators.packages.pypi.records import version_of
from outrider.operators.packages.pypi.serving.upstream import METADATA
from outrider.operators.packages.serving.downloading import Download
from outrider.operators.packages.serving.hub import Hub
from outrider.operators.packages.serving.licences import refuse_licence
from outrider.operators.packages.serving.tables import Summary


async def refuse_file(hub: Hub, name: str, file: str) -> None:
    """Refuse a file whose licence policy does not want; what was published here was judged when it was.

    Args:
        hub: Has the project.
        name: Of the project, normalised.
        file: A wheel or a source distribution.

    Raises:
        DeniedError: The licence is refused, or cannot be known.
        OutriderError: What other indexes say: what was not judged is not served.
    """
    await refuse_licence(hub, name, file, lambda: _licence(hub, name, file))


async def learn(hub: Hub, name: str, file: str) -> None:
    """Have known what a file says of the latest version of a project of other indexes, unless that is known.

    Args:
        hub: Has the project.
        name: Of the project, normalised.
        file: A wheel, or a source distribution.

    Raises:
        DeniedError: Policy refuses its version.
        OutriderError: What other indexes say.
    """
    state = await hub.package(name)
    latest = state.summary.latest
    if state.summary.is_told or version_of(file, name) != latest:
        return
    text = await _metadata(hub, name, file)
    try:
        found = read_metadata(text)
    except ExecutionFailedError:
        return  # a client is shown it as it is
    needs = [need.name for need in found.needs]
    await hub.describe(name, Summary(latest=latest, description=found.summary, licence=found.licence, needs=needs))


async def _licence(hub: Hub, name: str, file: str) -> str:
    try:
        return read_metadata(await _metadata(hub, name, file)).licence
    except (NotFoundError, ExecutionFailedError) as error:
        raise DeniedError(
            f"pypi {name}: {file} is not served: policy asks for its licence, and its metadata cannot be had: {error.message}", found=error.found,
            expected="metadata that tells the licence", suggestions=["take another version"],
        ) from error  # fmt: skip


async def _metadata(hub: Hub, name: str, file: str) -> str:
    found = await hub.file(name, f"{file}{METADATA}")
    digest = await found.done() if isinstance(found, Download) else found.digest
    return (hub.store.blobs.read(digest) or b"").decode("utf-8", "replace")
