"""`outrider reload`, and what `outrider up` does when files change: the plan, and the take-over."""

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from outrider.core.codec import encode
from outrider.core.errors import OutriderError
from outrider.core.objects import Object
from outrider.local import launch
from outrider.local.control import ReloadAnswer
from outrider.local.layout import Layout
from outrider.orchestrator.wire import ObjectRow
from outrider.runtime.changes import ObjectChange, object_changes
from outrider.runtime.client import PlatformClient, connect_to
from outrider.runtime.contexts import Contexts, PlatformContext
from outrider.runtime.discovery import registry
from outrider.runtime.folders import ObjectFolder, Signature, objects_digest
from outrider.runtime.objects import ObjectSet, parse_object
from outrider.surfaces.cli.output import Output, output_option, show
from outrider.surfaces.cli.session import ask, execute
from outrider.surfaces.cli.settings import FINDINGS, interactive, note

LOOK_SECONDS = 0.5
_WIDTH = 60
_SIGNS = {"created": "+", "changed": "~", "deleted": "-"}


@click.command()
@click.argument("folder", type=click.Path(path_type=Path), required=False)
@click.option("--yes", is_flag=True, help="Do not ask.")
@output_option(list[ObjectChange], ReloadAnswer)
@click.pass_context
def reload(ctx: click.Context, folder: Path | None, *, yes: bool, output: Output) -> int:
    """Take over the changed files of a running platform: show what they change, ask, then do that."""
    named = ctx.find_root().obj.context
    context = Contexts().select(named, folder or (None if named else Path.cwd()))
    declared, changes = execute(_plan(context))
    if not changes:
        note("nothing has changed")
        _show(changes, output)
        return 0
    if not yes and not interactive():
        _show(changes, output)
        note("nothing was changed: there is no terminal to ask on, and --yes takes it over")
        return FINDINGS
    if not yes:
        _show(changes, Output())
        if not ask("take this over?"):
            note("nothing was changed")
            return FINDINGS
    answer = execute(launch.reload(Layout(context.folder, context.state), objects_digest(declared)))
    if output.for_people:
        sys.stdout.write(_told(answer))
    else:
        show(answer, output)
    return 0


def _show(changes: list[ObjectChange], output: Output) -> None:
    if output.for_people:
        sys.stdout.write("".join(f"{line}\n" for line in change_lines(changes)))
    else:
        show(changes, output)


def change_lines(changes: list[ObjectChange]) -> list[str]:
    """Return a plan of objects as lines for people."""
    lines = []
    for change in changes:
        lines.append(f"{_SIGNS[change.action]} {change.kind}/{change.name}")
        lines += [f"    {one.path}  {_shown(one.before)} -> {_shown(one.after)}" for one in change.difference]
    return lines


def _shown(value: Any) -> str:
    if value is None:
        return "not set"
    text = encode(value).decode()
    return text if len(text) <= _WIDTH else f"{text[:_WIDTH]}…"


def _told(answer: ReloadAnswer) -> str:
    lines = [
        *answer.changes,
        *(f"{name} started" for name in answer.started),
        *(f"{name} stopped" for name in answer.stopped),
    ]
    return "".join(f"{line}\n" for line in lines)


async def _plan(context: PlatformContext) -> tuple[ObjectSet, list[ObjectChange]]:
    declared = ObjectFolder(context.folder, context.overlay).read()
    async with connect_to(context) as platform:
        return declared, object_changes(await _applied(platform), declared, prune=True)


async def _applied(platform: PlatformClient) -> list[Object]:
    rows = await platform.get("/v1/objects", list[ObjectRow])
    return [parse_object(row.document, registry()) for row in rows]


class FolderWatch:
    """Looks at the files of a running platform, says what a change of them would do, and takes it over where it may.

    Args:
        layout: The platform's.
        platform: Its client.
        tell: Shows a line to people.
        take_over: Whether to take it over at once.
    """

    def __init__(
        self, layout: Layout, platform: PlatformClient, tell: Callable[[str], None], *, take_over: bool
    ) -> None:
        self._layout = layout
        self._folder = ObjectFolder(layout.folder, layout.overlay)
        self._platform = platform
        self._tell = tell
        self._take_over = take_over

    async def run(self) -> None:
        """Look until cancelled. A file that is still being written is looked at when it has come to rest."""
        seen = self._signature()
        told: Signature | None = frozenset()  # the first look is at what changed while the platform was started
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            before, seen = seen, self._signature()
            if seen == before and seen != told:
                told = seen
                await self._changed()

    def _signature(self) -> Signature | None:
        try:
            return self._folder.signature()
        except OutriderError:
            return None

    async def _changed(self) -> None:
        try:
            declared = await asyncio.to_thread(self._folder.read)
            changes = object_changes(await _applied(self._platform), declared, prune=True)
            if not changes:
                return
            for line in change_lines(changes):
                self._tell(line)
            if not self._take_over:
                self._tell(f"the files have changed; take it over: outrider reload {self._layout.folder}")
                return
            answer = await launch.reload(self._layout, objects_digest(declared))
            self._tell("; ".join(_told(answer).splitlines()))
        except OutriderError as error:
            for fault in error.causes or [error]:
                self._tell(f"not taken over: {fault.source} {fault.message}".replace(":  ", ": "))
