"""`outrider validate`."""

from pathlib import Path

import click

from outrider.runtime.discovery import registry
from outrider.runtime.objects import read_objects
from outrider.runtime.plugins.catalogue import catalogue
from outrider.surfaces.cli.output import Output, output_option, show


@click.command()
@click.argument("folder", type=click.Path(path_type=Path), default=Path())
@output_option
def validate(folder: Path, output: Output) -> int:
    """Check the objects of a folder or file, alone and together; every fault is shown with its place."""
    home = folder if folder.is_dir() else folder.parent
    objects = read_objects(folder, registry(), catalogue(home))
    rows = [{"kind": item.kind, "name": item.name, "source": item.source} for item in objects]
    show(rows, output)
    return 0
