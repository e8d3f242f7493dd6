"""`outrider context`."""

import time

import click
import msgspec

from outrider.core.errors import NotFoundError
from outrider.runtime.client import read_endpoint
from outrider.runtime.contexts import Contexts
from outrider.surfaces.cli.output import Output, output_option, show


class ContextRow(msgspec.Struct, kw_only=True):
    """A platform of this user: running or stopped."""

    name: str
    state: str
    folder: str


@click.group()
def context() -> None:
    """List and select platforms."""


@context.command("list")
@output_option(list[ContextRow])
def list_contexts(output: Output) -> int:
    """List the platforms that were started by this user; the first is the one that commands talk to."""
    rows = [
        ContextRow(
            name=known.name,
            state="running" if read_endpoint(known.state) else "stopped",
            folder=str(known.folder),
        )
        for known in Contexts().all()
    ]
    show(rows, output, empty="no platform was started yet: outrider up DIR")
    return 0


@context.command("select")
@click.argument("name")
def select_context(name: str) -> int:
    """Make commands talk to this platform from now on."""
    contexts = Contexts()
    chosen = contexts.select(name)
    if chosen.name != name:
        raise NotFoundError(f"no context is called '{name}'", found=name)
    chosen.used = time.time()
    contexts.save(chosen)
    return 0
