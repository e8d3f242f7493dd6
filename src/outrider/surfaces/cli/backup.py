"""`outrider backup` and `outrider restore`."""

import sys
import time
from pathlib import Path

import click

from outrider.core.timestamps import timestamp
from outrider.local import backup as backups
from outrider.local.layout import Layout
from outrider.runtime.contexts import Contexts, PlatformContext
from outrider.surfaces.cli.output import Output, output_option, show
from outrider.surfaces.cli.session import execute, selected
from outrider.surfaces.cli.settings import note

_PATH = click.Path(path_type=Path)


@click.command()
@click.argument("file", type=_PATH)
@output_option(backups.Backup)
@click.pass_context
def backup(ctx: click.Context, file: Path, output: Output) -> int:
    """Save the state of the selected platform in FILE; it may be running. The file holds keys: keep it as such."""
    context = selected(ctx)
    made = backups.make(Layout(context.folder, context.state), file, name=context.name, now=time.time())
    if not output.for_people:
        show(made, output)
        return 0
    size = sum(part.size for part in made.files)
    sys.stdout.write(f"{file}: {len(made.files)} files, {size / 2**20:.1f} MiB before compression\n")
    return 0


@click.command()
@click.argument("file", type=_PATH)
@click.argument("folder", type=_PATH)
@click.option("--state", type=_PATH, help="State folder; .outrider inside FOLDER if absent.")
def restore(file: Path, folder: Path, *, state: Path | None) -> int:
    """Make the state of a platform in FOLDER from a backup; it starts paused."""
    layout = Layout(folder, state)
    now = time.time()
    made = execute(backups.restore(file, layout, now=now))
    Contexts().save(PlatformContext(name=made.name, folder=layout.folder, state=layout.state, used=now))
    sys.stdout.write(f"restored {made.name} as of {timestamp(made.created)} into {layout.state}\n")
    note(f"it will be paused: outrider up {folder}, look, then outrider resume")
    return 0
