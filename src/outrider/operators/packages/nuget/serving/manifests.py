"""The manifests of packages: that in the file, so that it is as right as the file."""

import asyncio
from pathlib import Path

from outrider.core.errors import ExecutionFailedError, InvalidConfigError
from outrider.operators.packages.nuget.flat_container import file_name
from outrider.operators.packages.nuget.serving.archives import manifest_in
from outrider.operators.packages.nuget.serving.nuspecs import read_nuspec
from outrider.operators.packages.serving.downloading import Download
from outrider.operators.packages.serving.hub import Hub
from outrider.operators.packages.serving.tables import KeptFile


async def manifest_of(hub: Hub, name: str, version: str) -> KeptFile:
    """Return the manifest of a version.

    Args:
        hub: Has the package.
        name: Of the package, in small letters.
        version: As NuGet shows it, in small letters.

    Raises:
        NotFoundError: There is no such version.
        DeniedError: A policy refuses it; the reason is told.
        ExecutionFailedError: There is none in the file, or one of another package.
        OutriderError: What other sources say.
    """
    tables, blobs = hub.store.tables, hub.store.blobs
    file, beside = file_name(name, version), f"{name}.{version}.nuspec"
    found = await hub.file(name, file)
    own = next((one for one in tables.releases("nuget", name) if one.file == file), None)
    if own is not None and hub.is_private(name):
        return KeptFile(own.beside, blobs.path(own.beside).stat().st_size)
    kept = tables.kept("nuget", name, beside)
    if kept is None or not blobs.path(kept.digest).is_file():
        digest = await found.done() if isinstance(found, Download) else found.digest
        content, shown = await asyncio.to_thread(_read, blobs.path(digest), name, version)
        made, now = KeptFile(blobs.put(content), len(content), shown), hub.clock.now()
        await hub.store.write(lambda tables: tables.put_kept("nuget", name, beside, made, now))
        return made
    return kept


def read_licence(path: Path) -> str:
    """Return what the file of a package says of its licence; empty where it has no expression for one.

    Raises:
        InvalidConfigError: It cannot be read.
    """
    with path.open("rb") as file:
        _, content = manifest_in(file)
    return str(read_nuspec(content).entry["licenseExpression"])


def _read(path: Path, name: str, version: str) -> tuple[bytes, str]:
    """Return the manifest in a file, and the version as it shows it."""
    try:
        with path.open("rb") as file:
            _, content = manifest_in(file)
        found = read_nuspec(content)
    except InvalidConfigError as error:
        raise ExecutionFailedError(
            f"nuget {name} {version}: {error.message}", found=error.found, expected=error.expected
        ) from error
    if (found.id.lower(), found.version.lower()) != (name, version):
        raise ExecutionFailedError(
            f"nuget {name} {version}: the file is another package than its source says", found=f"{found.id} {found.version}",
            expected=f"{name} {version}", suggestions=["tell whoever runs the source"],
        )  # fmt: skip
    return content, found.version
