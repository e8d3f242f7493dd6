"""Opens the store of what sidecars share."""

import importlib
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import cast

from outrider.core.errors import InvalidConfigError
from outrider.core.identifiers import time_ordered
from outrider.core.sidecar_settings import SharedSettings
from outrider.ports.clock import Clock
from outrider.ports.secrets import Resolver
from outrider.ports.secrets.private_files import write_private
from outrider.sidecar.llm.shares.counter import Counter
from outrider.sidecar.llm.shares.shares import Shares

# By the scheme of the address.
_MODULES = {
    "postgresql": "postgresql", "postgres": "postgresql", "redis": "redis", "rediss": "redis", "nats": "nats_bucket", "tls": "nats_bucket",
}  # fmt: skip
# Holds the name of a sidecar in the store, so that it goes on after a restart with what it holds.
NAME_FILE = "share-holder"
_Open = Callable[[str, str | None], Awaitable[Counter]]


async def open_shares(settings: SharedSettings, agent: str, state: Path, secrets: Resolver, clock: Clock) -> Shares:
    """Open the store and return the shares of a sidecar.

    Args:
        settings: Where it is, and how much is drawn.
        agent: Whose amounts.
        state: Folder of the sidecar.
        secrets: Opens the password.
        clock: Time.

    Raises:
        OutriderError: The address or the password cannot be used, or the driver is not installed.
    """
    scheme = settings.url.partition("://")[0]
    if scheme not in _MODULES:
        raise InvalidConfigError(
            "llm.shared: no such store", path="llm.shared.url", found=f"{scheme}://",
            expected="postgresql://, redis:// or nats://",
        )  # fmt: skip
    password = None
    if settings.password is not None:
        password = (await secrets.fetch(settings.password.secret, settings.password.key)).reveal().strip()
    open_it = cast("_Open", importlib.import_module(f"outrider.sidecar.llm.shares.{_MODULES[scheme]}").open_counter)
    return Shares(
        await open_it(settings.url, password), agent=agent, sidecar=_name(state, clock), clock=clock,
        allotment=settings.allotment, alone=settings.alone,
    )  # fmt: skip


def _name(state: Path, clock: Clock) -> str:
    path = state / NAME_FILE
    if not path.exists():
        write_private(path, time_ordered(clock.now(), os.urandom(10)).encode())
    return path.read_text()
