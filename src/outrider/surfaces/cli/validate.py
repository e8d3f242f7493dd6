"""`outrider validate`."""

from pathlib import Path

import click
import msgspec

from outrider.runtime.folders import ObjectFolder
from outrider.surfaces.cli.output import Output, output_option, show


class DeclaredObject(msgspec.Struct, kw_only=True):
    """An object and the place where it is declared, such as `outrider.yaml:12`."""

    kind: str
    name: str
    source: str


@click.command()
@click.argument("folder", type=click.Path(path_type=Path), default=Path())
@click.option("--overlay", default="", help="Merge the objects of FOLDER/overlays/OVERLAY over those of FOLDER.")
@output_option(list[DeclaredObject])
def validate(folder: Path, overlay: str, output: Output) -> int:
    """Check the objects of a folder or file, alone and together; every fault is shown with its place."""
    objects = ObjectFolder(folder, overlay).read()
    rows = [DeclaredObject(kind=item.kind, name=item.name, source=item.source) for item in objects]
    show(rows, output)
    return 0
