"""Removes from a registry what nobody needs any more."""

from collections.abc import Iterable

from outrider.core.operation import Change, Difference
from outrider.core.quantities import Duration, Size, duration
from outrider.operators.packages.serving.cleaning import clean
from outrider.operators.packages.serving.folders import InRegistry, OfRegistry, opened_store, registry_notes
from outrider.operators.packages.texts import number_of
from outrider.runtime.context import Context
from outrider.runtime.implementation import Implementation

_MOST_NAMES = 100


class RegistryCleanParams(OfRegistry, kw_only=True, forbid_unknown_fields=True):
    """What nobody needs.

    Attributes:
        unused: For how long nobody has asked for a package or a file of another registry; what was published here always stays.
    """

    unused: Duration = duration("90d")


class RegistryCleanResult(InRegistry, kw_only=True):
    """What has gone.

    Attributes:
        packages: Of other registries, which are fetched anew when somebody asks for them.
        files: Likewise.
        freed: Bytes on disk.
        spared: Bytes of what nobody needs any more that came within the last hour, which is spared: somebody may be about to need it.
    """

    packages: int
    files: int
    freed: int
    spared: int = 0


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
        Difference("bytes that are freed", found.size, 0),
    ]
    gone = [
        *(":".join(one) for one in found.packages),
        *(f"{ecosystem}:{name} {file}" for ecosystem, name, file in found.files),
    ]
    further = [f"{len(gone) - _MOST_NAMES} more"] if len(gone) > _MOST_NAMES else []
    warnings = [] if gone or found.blobs else ["there is nothing to remove"]
    if found.spared:
        warnings.append(_spared(found.spared))
    return Change(
        target="registry/unused",
        difference=[one for one in difference if one.before],
        will_also_remove=[*gone[:_MOST_NAMES], *further],
        warnings=warnings,
    )


async def run(params: RegistryCleanParams, context: Context) -> RegistryCleanResult:
    """Remove it.

    Raises:
        NotFoundError: There is no registry.
        ExecutionFailedError: It cannot be removed.
    """
    async with opened_store(params) as store:
        found = await clean(store, params.unused, context.clock.now())
    return RegistryCleanResult(
        registry=str(store.folder),
        packages=len(found.packages),
        files=len(found.files),
        freed=found.size,
        spared=found.spared,
    )


def _text(result: RegistryCleanResult) -> Iterable[str]:
    yield f"{number_of(result.packages, 'package')} and {number_of(result.files, 'file')} removed, {Size(result.freed).readable()} freed"
    if result.spared:
        yield _spared(result.spared)


def _spared(size: int) -> str:
    """Return what people are told of what stays for now."""
    return f"{Size(size).readable()} that came within the last hour stay on disk for now: run it again after an hour"


OPERATION = Implementation(
    params=RegistryCleanParams,
    result=RegistryCleanResult,
    run=run,
    plan=plan,
    notes=registry_notes,
    target=lambda _: "registry/unused",
    text=_text,
)
