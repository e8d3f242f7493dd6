"""The folder of a registry, as operations find it, whether or not anybody serves it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from outrider.core.audit import AuditEntry
from outrider.core.errors import NotFoundError, OutriderError
from outrider.operators.packages.serving.store import Store
from outrider.runtime.audit import AuditLog
from outrider.runtime.context import Context
from outrider.runtime.contexts import user_state_folder

AUDIT = "audit.jsonl"


class OfRegistry(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Which registry.

    Attributes:
        folder: Where its packages are kept; that of this user's registry if none is given.
    """

    folder: str = ""


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
    """
    folder = Path(of.folder) if of.folder else default_folder()
    if not (folder / "registry.db").is_file():
        raise NotFoundError(
            f"{folder}: there is no registry", path="folder", found=str(folder), expected="a folder that a registry keeps packages in",
            suggestions=["outrider packages serve --folder FOLDER", "name its folder: --folder FOLDER"],
        )  # fmt: skip
    return folder
