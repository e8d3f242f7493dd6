"""What commands read: from the running platform, or from the store of one that is stopped."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

import click

from outrider.local.layout import Layout
from outrider.runtime.client import read_endpoint
from outrider.surfaces.cli.session import client, execute, selected

if TYPE_CHECKING:
    from outrider.ports.store import Connection, Store

T = TypeVar("T")


def fetch(ctx: click.Context, path: str, target: type[T], offline: Callable[["Connection"], T]) -> T:
    """Ask the platform, or read its store where it is not running."""
    context = selected(ctx)
    if read_endpoint(context.state) is not None:

        async def ask() -> T:
            async with client(ctx) as platform:
                return await platform.get(path, target)

        return execute(ask())
    with open_store(Layout(context.folder, context.state)) as store:
        return store.read_now(offline)


@contextmanager
def open_store(layout: Layout) -> Iterator["Store"]:
    """Open the store of a platform for reading, be it running or not.

    Raises:
        NotFoundError: There is none.
        PreconditionFailedError: Another version wrote it.
    """
    from outrider.orchestrator.opening import open_to_read

    store = open_to_read(layout.orchestrator, layout.orchestrator_settings)
    try:
        yield store
    finally:
        store.close_now()
