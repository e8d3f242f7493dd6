"""Writes packages of a registry into one file, for where no network leads to."""

import asyncio
from collections.abc import Iterable
from pathlib import Path
from typing import get_args

import msgspec

from outrider.core.errors import ConflictError
from outrider.core.operation import Change, Difference
from outrider.core.package_registries import ServedEcosystem
from outrider.core.quantities import Size
from outrider.operators.packages.serving.bundles import chosen, write_bundle
from outrider.operators.packages.serving.folders import InRegistry, OfRegistry, opened_store, registry_notes
from outrider.runtime.context import Context
from outrider.runtime.implementation import Implementation


class RegistryExportParams(OfRegistry, kw_only=True, forbid_unknown_fields=True):
    """What to write.

    Attributes:
        file: The bundle; it must not be there yet.
        packages: `ECOSYSTEM:NAME` with `*` for any letters; all that are here if none is given.
    """

    file: str
    packages: list[str] = msgspec.field(default_factory=list)


class RegistryExportResult(InRegistry, kw_only=True):
    """What was written.

    Attributes:
        packages: How many.
        files: Of these.
        size: Of the bundle, in bytes.
    """

    packages: int
    files: int
    size: int


async def plan(params: RegistryExportParams, context: Context) -> Change:
    """Say what would be in it.

    Raises:
        NotFoundError: There is no registry, or no such package in it.
        ConflictError: The file is there already.
    """
    del context
    _check(params)
    async with opened_store(params) as store:
        found = chosen(store.tables, get_args(ServedEcosystem), params.packages)
    return Change(target=f"file/{params.file}", difference=[Difference("packages", None, len(found))])


async def run(params: RegistryExportParams, context: Context) -> RegistryExportResult:
    """Write it.

    Raises:
        NotFoundError: There is no registry, or no such package in it.
        ConflictError: The file is there already.
        ExecutionFailedError: It cannot be written.
    """
    del context
    _check(params)
    async with opened_store(params) as store:
        found = chosen(store.tables, get_args(ServedEcosystem), params.packages)
        made = await asyncio.to_thread(write_bundle, Path(params.file), found, store.blobs)
    return RegistryExportResult(registry=str(store.folder), packages=made.packages, files=made.files, size=made.size)


def _check(params: RegistryExportParams) -> None:
    if Path(params.file).exists():
        raise ConflictError(
            f"{params.file}: it is there already", path="file", found=params.file, expected="a file that is not there yet",
            suggestions=["name another file"],
        )  # fmt: skip


def _text(result: RegistryExportResult) -> Iterable[str]:
    yield f"{result.packages} packages with {result.files} files, {Size(result.size).readable()}"


OPERATION = Implementation(
    params=RegistryExportParams,
    result=RegistryExportResult,
    run=run,
    plan=plan,
    notes=registry_notes,
    target=lambda params: f"file/{params.file}",
    text=_text,
)
