"""Removes from a registry what nobody needs any more."""

from collections.abc import Iterable

import msgspec

from outrider.core.operation import Change, Difference
from outrider.core.quantities import Duration, Size, duration
from outrider.operators.packages.serving.cleaning import clean
from outrider.operators.packages.serving.folders import OfRegistry, opened_store
from outrider.runtime.context import Context
from outrider.runtime.implementation import Implementation


class RegistryCleanParams(OfRegistry, kw_only=True, forbid_unknown_fields=True):
    """What nobody needs.

    Attributes:
        unused: For how long nobody has asked for a package or a file of another registry; what was published here always stays.
    """

    unused: Duration = duration("90d")


class RegistryCleanResult(msgspec.Struct, kw_only=True):
    """What has gone.

    Attributes:
        packages: Of other registries, which are fetched anew when somebody asks for them.
        files: Likewise.
        freed: Bytes on disk. What is younger than a day stays, as somebody may be about to need it.
    """

    packages: int
    files: int
    freed: int


async def plan(params: RegistryCleanParams, context: Context) -> Change:
    """Say what would go.

    Raises:
        NotFoundError: There is no registry.
    """
    async with opened_store(params) as store:
        found = await clean(store, params.unused, context.clock.now(), dry=True)
    difference = [
        Difference("packages of other registries", len(found.packages), 0),
        Difference("files of other registries", len(found.files), 0),
        Difference("bytes that nobody needs", found.size, 0),
    ]
    return Change(target="registry/unused", difference=[one for one in difference if one.before])


async def run(params: RegistryCleanParams, context: Context) -> RegistryCleanResult:
    """Remove it.

    Raises:
        NotFoundError: There is no registry.
        ExecutionFailedError: It cannot be removed.
    """
    async with opened_store(params) as store:
        found = await clean(store, params.unused, context.clock.now())
    return RegistryCleanResult(packages=len(found.packages), files=len(found.files), freed=found.size)


def _text(result: RegistryCleanResult) -> Iterable[str]:
    yield f"{result.packages} packages and {result.files} files removed, {Size(result.freed).readable()} freed"


OPERATION = Implementation(
    params=RegistryCleanParams,
    result=RegistryCleanResult,
    run=run,
    plan=plan,
    target=lambda _: "registry/unused",
    text=_text,
)
