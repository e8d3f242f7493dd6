"""`outrider up` and `down`."""

import asyncio
import signal
import sys
import time
from contextlib import AsyncExitStack, aclosing
from functools import partial
from pathlib import Path

import click

from outrider.core.errors import NotFoundError
from outrider.core.package_registries import PackageRegistrySpec
from outrider.local import launch
from outrider.local.layout import Layout
from outrider.runtime.client import PlatformClient, connect_to
from outrider.runtime.contexts import Contexts, PlatformContext
from outrider.runtime.folders import ObjectFolder
from outrider.surfaces.cli.questions import Questions
from outrider.surfaces.cli.reload import FolderWatch
from outrider.surfaces.cli.session import execute
from outrider.surfaces.cli.settings import interactive, settings
from outrider.surfaces.cli.status import find_status
from outrider.surfaces.cli.timeline import TimelinePrinter, follow


@click.command()
@click.argument("folder", type=click.Path(path_type=Path), default=Path())
@click.option("--state", type=click.Path(path_type=Path), help="State folder; FOLDER/.outrider if absent.")
@click.option("--overlay", default="", help="Merge the objects of FOLDER/overlays/OVERLAY over those of FOLDER.")
@click.option("--detach", is_flag=True, help="Start it in the background and return.")
@click.option(
    "--watch", "watching", is_flag=True, help="Take over changed files at once; without it, say what they would change."
)
def up(folder: Path, state: Path | None, overlay: str, *, detach: bool, watching: bool) -> int:
    """Start the platform that the objects of FOLDER declare and show what happens, until interrupted."""
    objects = ObjectFolder(folder, overlay).read()  # everything is checked before anything is started
    served = [f"{item.ref} at {_address(item.spec)}\n" for item in objects.of_kind("PackageRegistry")]
    layout = Layout(folder, state, overlay)
    if detach:
        status = execute(launch.start_detached(layout))
        sys.stdout.write(
            f"{status.name} is running in the background · {status.url}\nstop it:  outrider down {folder}\n"
        )
        sys.stdout.writelines(served)
        return 0
    return execute(_up(layout, served, take_over=watching))


def _address(spec: PackageRegistrySpec) -> str:
    """Return where a registry of packages is, as far as its settings tell."""
    return "a free port, which its log names" if not spec.url and spec.listen.endswith(":0") else spec.address()


async def _up(layout: Layout, served: list[str], *, take_over: bool) -> int:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    async with launch.running_platform(layout) as status:
        context = PlatformContext(name=status.name, folder=layout.folder, state=layout.state)
        problems = (await find_status(context, layout)).problems
        async with connect_to(context) as platform:
            # Said once its files are read: whoever waits for this line may move them away.
            sys.stdout.write(f"{status.name} is running · {status.url} · stop it with ctrl-c, or: outrider down\n")
            sys.stdout.writelines(served)
            sys.stdout.flush()
            for problem in problems:
                sys.stderr.write(f"problem: {problem}\n")
            printer = TimelinePrinter()
            files = FolderWatch(layout, platform, partial(_tell_of_files, printer), take_over=take_over)
            tasks = {
                asyncio.ensure_future(task)
                for task in (_watch(platform, printer), files.run(), stopped.wait(), _until_gone(layout))
            }
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
    sys.stdout.write("stopped\n")
    return 0


def _tell_of_files(printer: TimelinePrinter, text: str) -> None:
    printer.line(time.time(), "files", text)


async def _watch(platform: PlatformClient, printer: TimelinePrinter) -> None:
    """Show the timeline and, on a terminal, ask the questions of rules."""
    async with AsyncExitStack() as stack:
        questions = await stack.enter_async_context(Questions(platform, printer)) if interactive() else None
        news = await stack.enter_async_context(aclosing(follow(platform, printer.fault)))
        first = True
        async for entries in news:
            for entry in entries if not settings().quiet else []:
                printer.show(entry)
            if questions is not None and (first or any(entry.kind == "approval" for entry in entries)):
                await questions.refresh()
            first = False


async def _until_gone(layout: Layout) -> None:
    while layout.socket.exists():  # noqa: ASYNC110 - the end of another process has no event here
        await asyncio.sleep(0.2)


@click.command()
@click.argument("folder", type=click.Path(path_type=Path), required=False)
@click.option("--state", type=click.Path(path_type=Path), help="State folder, where it is not FOLDER/.outrider.")
@click.option("--purge", is_flag=True, help="Remove its state too: events, runs, certificates, secrets.")
@click.pass_context
def down(ctx: click.Context, folder: Path | None, state: Path | None, *, purge: bool) -> int:
    """Stop a platform with everything that it started."""
    layout = _layout(ctx, folder, state)
    try:
        execute(launch.stop(layout))
        sys.stdout.write("stopped\n")
    except NotFoundError:
        if not purge:
            raise
    if purge:
        launch.purge(layout)
        Contexts().remove(layout.state)
        sys.stdout.write(f"removed {layout.state}\n")
    return 0


def _layout(ctx: click.Context, folder: Path | None, state: Path | None) -> Layout:
    if folder is not None:
        return Layout(folder, state)
    context = Contexts().select(ctx.find_root().obj.context, None if ctx.find_root().obj.context else Path.cwd())
    return Layout(context.folder, context.state)
