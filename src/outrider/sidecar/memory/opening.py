"""Opens the store of a memory, in the database that its settings name."""

import importlib
from pathlib import Path
from types import ModuleType
from typing import Any

from outrider.core.errors import InvalidConfigError
from outrider.core.sidecar_settings import MemorySettings
from outrider.ports.clock import Clock
from outrider.ports.secrets import Resolver
from outrider.sidecar.memory.model import Quota
from outrider.sidecar.memory.store import MemoryStore

# By the scheme of the address; without one they are files.
_MODULES = {"": "sqlite", "postgresql": "postgresql", "postgres": "postgresql", "redis": "redis", "rediss": "redis"}
_OPENERS = {"conversation": "open_conversations", "kv": "open_key_values", "vector": "open_vectors"}


async def open_store(settings: MemorySettings, folder: Path, *, clock: Clock, secrets: Resolver) -> MemoryStore:
    """Open a store.

    Args:
        settings: What it is.
        folder: Of the files of those that name no database.
        clock: Tells what has expired.
        secrets: Opens the password.

    Raises:
        OutriderError: It cannot be opened.
    """
    quota = Quota(entries=settings.entries, bytes=settings.bytes)
    open_it = getattr(_module(settings), _OPENERS[settings.type])
    place: dict[str, Any] = {}
    if settings.password is not None:
        place["password"] = (await secrets.fetch(settings.password.secret, settings.password.key)).reveal().strip()
    store: MemoryStore = await open_it(settings.url or folder, clock=clock, quota=quota, **place)
    return store


def _module(settings: MemorySettings) -> ModuleType:
    """Return what opens stores in a database; of the drivers only the one that is needed is imported."""
    scheme = settings.url.partition("://")[0]
    name = _MODULES.get(scheme)
    if name is None:
        raise InvalidConfigError(
            f"memory '{settings.name}': no such database",
            path="url",
            found=f"{scheme}://",
            expected="postgresql:// or redis://",
        )
    return importlib.import_module(f"outrider.sidecar.memory.{name}")
