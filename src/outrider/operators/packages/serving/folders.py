"""The folder of a registry, as operations find it, whether or not anybody serves it."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from outrider.core.audit import AuditEntry
from outrider.core.errors import ConflictError, InvalidConfigError, NotFoundError, OutriderError
from outrider.operators.packages.serving.store import Store
from outrider.runtime.audit import AuditLog
from outrider.runtime.context import Context
from outrider.runtime.contexts import user_state_folder
from outrider.runtime.documents import read_bytes, read_text

AUDIT = "audit.jsonl"
_KIND = "PackageRegistry"


class OfRegistry(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Which registry.

    Attributes:
        folder: Where its packages are kept; that of this user's registry if none is given.
    """

    folder: str = ""


class InRegistry(msgspec.Struct, kw_only=True):
    """What became of a call.

    Attributes:
        registry: The folder of the registry that it was about.
    """

    registry: str


def registry_notes(result: InRegistry) -> Iterable[str]:
    """Return what people are told beside the result: which registry it was about."""
    return [f"registry in {result.registry}"]


def default_folder() -> Path:
    """Return where the registry of this user keeps packages."""
    return user_state_folder() / "packages"


@asynccontextmanager
async def opened_store(of: OfRegistry) -> AsyncIterator[Store]:
    """Have the store of a registry.

    Args:
        of: Which registry.

    Raises:
        NotFoundError: There is none.
        OutriderError: It cannot be used.
    """
    store = Store(registry_folder(of))
    try:
        yield store
    finally:
        await store.close()


def registry_entry(principal: str, action: str, target: str, outcome: str, details: dict[str, str]) -> AuditEntry:
    """Return what is written down in the folder of a registry of who has changed something, or tried."""
    return AuditEntry(
        phase="fact",
        principal=principal,
        action=f"packages.registry.{action}",
        target=target,
        outcome=outcome,
        details=details,
    )


@asynccontextmanager
async def written_down(of: OfRegistry, context: Context, action: str, target: str) -> AsyncIterator[None]:
    """Have a change of a registry written down in its folder, whether or not it succeeds.

    Args:
        of: Which registry.
        context: Of the call.
        action: What is done, such as `yank`.
        target: To what.

    Raises:
        NotFoundError: There is no registry.
        ExecutionFailedError: It cannot be written down.
    """
    audit = AuditLog(registry_folder(of) / AUDIT, "registry", context.clock)
    principal, outcome = f"{context.principal.kind}:{context.principal.name}", "ok"
    try:
        yield
    except OutriderError as error:
        outcome = error.code
        raise
    finally:
        await audit.append_synced(registry_entry(principal, action, target, outcome, {"from": "command"}))
        audit.close()


def registry_folder(of: OfRegistry) -> Path:
    """Return the folder of a registry.

    Raises:
        NotFoundError: There is none.
        ConflictError: No folder is given, and a file here says that the registry has another one.
    """
    if not of.folder:
        _refuse_another(Path.cwd())
    folder = Path(of.folder).absolute() if of.folder else default_folder()
    if not (folder / "registry.db").is_file():
        raise NotFoundError(
            f"{folder}: there is no registry", path="folder", found=str(folder), expected="a folder that a registry keeps packages in",
            suggestions=["outrider packages serve --folder FOLDER", "name its folder: --folder FOLDER"],
        )  # fmt: skip
    return folder


def _refuse_another(here: Path) -> None:
    """Refuse to take the registry of this user for one that a file in a folder declares.

    Raises:
        ConflictError: A file declares one that keeps its packages elsewhere.
    """
    for path in sorted([*here.glob("*.yaml"), *here.glob("*.yml")]):
        for folder in _declared(path):
            if folder.resolve() != default_folder().resolve():
                raise ConflictError(
                    f"folder: none is given, and the registry in {path.name} here keeps its packages in {folder}", path="folder",
                    found=str(default_folder()), expected=str(folder), suggestions=[f"--folder {folder}", f"--folder {default_folder()}"],
                )  # fmt: skip


def _declared(path: Path) -> Iterable[Path]:
    """Yield where the registries of a file keep their packages, as far as it says that."""
    try:
        content = read_bytes(path, path.name) if path.is_file() else b""
        documents = [one.data for one in read_text(content, path.name)] if _KIND.encode() in content else []
    except (InvalidConfigError, NotFoundError):
        return  # it is for whoever serves it to say so
    for one in documents:
        spec = one.get("spec") if isinstance(one, dict) and one.get("kind") == _KIND else None
        if isinstance(spec, dict) and isinstance(spec.get("folder"), str) and spec["folder"]:
            yield path.parent / spec["folder"]
