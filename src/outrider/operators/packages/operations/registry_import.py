"""Takes packages into a registry from a file that another one has written."""

import asyncio
from collections.abc import Iterable
from pathlib import Path

from outrider.core.operation import Change, Difference
from outrider.operators.packages.serving.bundles import read_list, take_bundle
from outrider.operators.packages.serving.folders import (
    InRegistry,
    OfRegistry,
    opened_store,
    registry_folder,
    registry_notes,
    written_down,
)
from outrider.runtime.context import Context
from outrider.runtime.implementation import Implementation


class RegistryImportParams(OfRegistry, kw_only=True, forbid_unknown_fields=True):
    """What to take in.

    Attributes:
        file: What `registry_export` has written.
    """

    file: str


class RegistryImportResult(InRegistry, kw_only=True):
    """What was taken in.

    Attributes:
        packages: How many; they take the place of those of the same names.
        files: Of these.
    """

    packages: int
    files: int


async def plan(params: RegistryImportParams, context: Context) -> Change:
    """Say what would be taken in.

    Raises:
        NotFoundError: There is no such file, or no registry.
        InvalidConfigError: It is no bundle.
    """
    del context
    registry_folder(params)
    found = await asyncio.to_thread(read_list, Path(params.file))
    return Change(target="registry/packages", difference=[Difference("packages taken in", None, len(found))])


async def run(params: RegistryImportParams, context: Context) -> RegistryImportResult:
    """Take it in.

    Raises:
        NotFoundError: There is no such file, or no registry.
        InvalidConfigError: It is no bundle, or a file in it is not what it should be.
        ExecutionFailedError: It cannot be kept.
    """
    target = f"bundle/{Path(params.file).name}"
    async with written_down(params, context, "import", target), opened_store(params) as store:
        found = await take_bundle(Path(params.file), store)
    return RegistryImportResult(registry=str(store.folder), packages=found.packages, files=found.files)


def _text(result: RegistryImportResult) -> Iterable[str]:
    yield f"{result.packages} packages with {result.files} files"


OPERATION = Implementation(
    params=RegistryImportParams,
    result=RegistryImportResult,
    run=run,
    plan=plan,
    notes=registry_notes,
    target=lambda _: "registry/packages",
    text=_text,
)
