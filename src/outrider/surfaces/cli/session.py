"""What commands share: who calls, where, and with what."""

import asyncio
import signal
import sys
from collections.abc import Coroutine
from typing import Any, TypeVar

import click

from outrider.core.errors import InvalidConfigError, NotFoundError
from outrider.runtime.client import PlatformClient, connect_to
from outrider.runtime.contexts import Contexts, PlatformContext, user_state_folder
from outrider.runtime.plans import Planner, PlanStore
from outrider.surfaces.python.calls import local_invoker, local_options, platform_spec

T = TypeVar("T")


def execute(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end; with SIGTERM it ends as it does with SIGINT, and clears up what it began.

    Raises:
        SystemExit: SIGTERM came.
    """
    terminated = False

    async def run() -> T:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()

        def terminate() -> None:
            nonlocal terminated
            terminated = True
            loop.remove_signal_handler(signal.SIGTERM)  # a second one ends it at once
            assert task is not None  # it runs
            task.cancel()

        loop.add_signal_handler(signal.SIGTERM, terminate)
        return await work

    try:
        return asyncio.run(run())
    except asyncio.CancelledError:
        if terminated:
            raise SystemExit(128 + signal.SIGTERM) from None
        raise


def selected(ctx: click.Context) -> PlatformContext:
    """Return the platform that the command line, the folder or the last use selects."""
    return Contexts().select(ctx.find_root().obj.context)


def client(ctx: click.Context) -> PlatformClient:
    """Return a client of the selected platform; it must be running."""
    return connect_to(selected(ctx))


class LocalSession:
    """Operations run in this process, by the user who calls."""

    def __init__(self, ctx: click.Context) -> None:
        try:
            context: PlatformContext | None = selected(ctx)
        except NotFoundError:
            context = None
        self.options = local_options()
        self.invoker = local_invoker(context, platform_spec(context))
        self.planner = Planner(self.invoker, PlanStore(user_state_folder() / "plans"))


def ask(question: str) -> bool:
    """Ask for a yes on the terminal; anything else is a no."""
    sys.stderr.write(f"{question} [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def ask_for_name(name: str) -> bool:
    """Have the target's name typed before something is destroyed."""
    sys.stderr.write(f"this destroys; type {name} to go on: ")
    sys.stderr.flush()
    return sys.stdin.readline().strip() == name


def need_terminal(flag: str) -> InvalidConfigError:
    """Return the error for a question that nobody can be asked."""
    return InvalidConfigError("there is no terminal to ask on", suggestions=[f"give {flag}"])
