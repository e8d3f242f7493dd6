"""`outrider plugin new`, `test` and `run`: for those who write plugins."""

import asyncio
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import click

from outrider.core.errors import OutriderError
from outrider.local.plugin_bench import (
    CREDIT,
    Check,
    PluginBench,
    bench,
    check_fits,
    check_plugin,
    sample,
    sample_report,
)
from outrider.runtime.plugins.scaffold import KINDS, LANGUAGES, Scaffold, scaffold
from outrider.surfaces.cli.output import Output, output_option, show
from outrider.surfaces.cli.session import LocalSession, execute
from outrider.surfaces.cli.settings import note
from outrider.surfaces.cli.values import json_object

_FOLDER = click.Path(path_type=Path)
_MARKS = {"passed": "passed", "failed": "FAILED", "note": "note  "}


@click.command("new")
@click.argument("plugin_id", metavar="ID")
@click.option("--type", "kind", type=click.Choice(KINDS), required=True)
@click.option("--lang", "language", type=click.Choice(LANGUAGES), default="python", show_default=True)
@click.option("--folder", type=_FOLDER, default=Path(), help="Platform folder; the plugin goes into its plugins/.")
@output_option(Scaffold)
def new_plugin(plugin_id: str, kind: Any, language: Any, folder: Path, output: Output) -> int:
    """Make a plugin that works, to be changed into yours: plugin.yaml, program, README."""
    made = scaffold(folder / "plugins", plugin_id, kind, language)
    if output.for_people:
        sys.stdout.write("".join(f"{made.folder / name}\n" for name in made.files))
        if made.build:
            note(f"build it:  (cd {made.folder} && {made.build})")
        note(f"try it:    outrider plugin test {made.folder}")
    else:
        show(made, output)
    return 0


def _options(command: Any) -> Any:
    command = click.option(
        "--input",
        "given",
        default="",
        help="JSON object of an action's `with`, a tool's arguments, or a report; @FILE reads it.",
    )(command)
    command = click.option(
        "--config", default="", help="JSON object; @FILE reads it. From the schema's examples if absent."
    )(command)
    return click.argument("folder", type=_FOLDER)(command)


@click.command("test")
@_options
@click.option("--seconds", default=5.0, show_default=True, help="How long to wait for an event of a trigger.")
@output_option(list[Check])
@click.pass_context
def test_plugin(ctx: click.Context, /, folder: Path, config: str, given: str, *, seconds: float, output: Output) -> int:
    """Start the plugin of FOLDER in its sandbox, use it, annoy it, stop it; exit 1 where something is wrong."""

    async def look() -> list[Check]:
        async with _on_bench(ctx, folder, config) as made:
            return await check_plugin(made, json_object("--input", given) if given else None, seconds)

    checks = execute(look())
    if output.for_people:
        sys.stdout.writelines(
            f"{_MARKS[one.state]}  {one.check}" + (f": {one.detail}" if one.detail else "") + "\n" for one in checks
        )
    else:
        show(checks, output)
    return int(any(one.state == "failed" for one in checks))


@click.command("run")
@_options
@click.option("--seconds", default=0.0, help="End after so long; a trigger runs until interrupted otherwise.")
@click.pass_context
def run_plugin(ctx: click.Context, /, folder: Path, config: str, given: str, *, seconds: float) -> int:
    """Run the plugin of FOLDER in its sandbox and show the dialogue: a trigger until interrupted, others for one execution."""

    async def go() -> int:
        async with _on_bench(ctx, folder, config, show_dialogue=True) as made:
            await made.host.start(credit=CREDIT)
            note(f"sandbox: {made.host.level}")
            if made.plugin.manifest.type == "trigger":
                with suppress(TimeoutError):
                    async with asyncio.timeout(seconds or None):
                        await made.host.ended.wait()
                return int(made.host.fault is not None)
            return await _execute_once(made, given)

    return execute(go())


async def _execute_once(made: PluginBench, given: str) -> int:
    manifest = made.plugin.manifest
    value = (
        json_object("--input", given)
        if given
        else sample_report()
        if manifest.type == "output"
        else sample(manifest.input)
    )
    if manifest.type != "output":
        check_fits(manifest.input, value, "input")
    try:
        await made.execute(value)
    except OutriderError as error:
        note(f"{error.code}: {error.message}")
        return error.exit_code
    return 0


@asynccontextmanager
async def _on_bench(
    ctx: click.Context, folder: Path, config: str, *, show_dialogue: bool = False
) -> AsyncIterator[PluginBench]:
    invoker = LocalSession(ctx).invoker
    mask = invoker.environment.secrets.mask

    def line(text: bytes, from_agent: bool) -> None:
        sys.stdout.write(f"{'<-' if from_agent else '->'} {mask(text.decode('utf-8', 'replace')).rstrip()}\n")
        sys.stdout.flush()

    with tempfile.TemporaryDirectory(prefix="outrider-plugin-") as name:
        given = json_object("--config", config) if config else None
        words: dict[str, Any] = {"log": lambda text: sys.stderr.write(f"log: {mask(text)}\n")}
        if show_dialogue:
            words["line"] = line
        async with bench(folder, given, invoker, Path(name), **words) as made:
            yield made
