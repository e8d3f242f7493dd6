"""`outrider plugin`."""

from pathlib import Path

import click
import msgspec

from outrider.core.errors import NotFoundError
from outrider.runtime.plugins.catalogue import catalogue
from outrider.runtime.plugins.manifest import PluginManifest
from outrider.surfaces.cli.output import Output, output_option, show
from outrider.surfaces.cli.plugin_tools import new_plugin, run_plugin, test_plugin


@click.group()
def plugin() -> None:
    """List plugins, make new ones, try them."""


plugin.add_command(new_plugin)
plugin.add_command(test_plugin)
plugin.add_command(run_plugin)


class PluginRow(msgspec.Struct, kw_only=True):
    """A plugin that is at hand."""

    id: str
    type: str
    version: str
    runtime: str
    summary: str
    folder: str


@plugin.command("list")
@click.option(
    "--folder", type=click.Path(path_type=Path), default=Path(), help="Platform folder whose plugins/ is searched too."
)
@output_option(list[PluginRow])
def list_plugins(folder: Path, output: Output) -> int:
    """List the plugins that are at hand."""
    found = catalogue(folder)
    rows = [
        PluginRow(
            id=item.manifest.id,
            type=item.manifest.type,
            version=item.manifest.version,
            runtime=item.manifest.runtime.type,
            summary=item.manifest.summary,
            folder=str(item.folder),
        )
        for item in found.plugins()
    ]
    show(rows, output, columns=["id", "type", "version", "runtime", "summary"])
    for path, error in found.broken.items():
        click.echo(f"broken: {path}: {error.message}", err=True)
    return 0


@plugin.command("show")
@click.argument("plugin_id")
@click.option(
    "--type",
    "plugin_type",
    type=click.Choice(["trigger", "action", "output", "tool"]),
    help="Where an id is used twice.",
)
@click.option(
    "--folder", type=click.Path(path_type=Path), default=Path(), help="Platform folder whose plugins/ is searched too."
)
@output_option(list[PluginManifest])
def show_plugin(plugin_id: str, plugin_type: str | None, folder: Path, output: Output) -> int:
    """Show what a plugin takes and may do."""
    matches = [
        item
        for item in catalogue(folder).plugins()
        if item.manifest.id == plugin_id and plugin_type in (None, item.manifest.type)
    ]
    if not matches:
        raise NotFoundError(f"no plugin is called '{plugin_id}'", found=plugin_id, suggestions=["outrider plugin list"])
    manifests = [item.manifest for item in matches]
    if output.for_people:
        for manifest in manifests:
            show(manifest, Output("yaml"))
    else:
        show(manifests, output)
    return 0
