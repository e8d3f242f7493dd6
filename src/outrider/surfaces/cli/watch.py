"""`--watch`: a list that goes on."""

import sys
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import Any, TypeVar

import click

from outrider.core.codec import encode
from outrider.runtime.client import PlatformClient
from outrider.surfaces.cli.output import Output, show
from outrider.surfaces.cli.session import client, execute
from outrider.surfaces.cli.timeline import follow, give_up

T = TypeVar("T")


def watch_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--watch`."""
    return click.option(
        "--watch", "watching", is_flag=True, help="Go on with what is new or has changed, one JSON object per line."
    )(command)


def watch(
    ctx: click.Context,
    read: Callable[[PlatformClient], Awaitable[list[T]]],
    output: Output,
    *,
    state: Callable[[T], object] = encode,
) -> int:
    """Write each row of a list as it is new or has changed, whenever something happens, until interrupted.

    Args:
        ctx: The command's.
        read: Returns the rows, oldest first.
        output: Says which fields are wanted.
        state: What has to differ for a change.

    Raises:
        OutriderError: The platform does not answer.
    """
    execute(_watch(ctx, read, Output("json", output.fields), state))
    return 0


async def _watch(
    ctx: click.Context,
    read: Callable[[PlatformClient], Awaitable[list[T]]],
    output: Output,
    state: Callable[[T], object],
) -> None:
    known: set[object] = set()
    async with client(ctx) as platform, aclosing(follow(platform, give_up)) as news:
        async for _ in news:
            rows = await read(platform)
            states = [state(row) for row in rows]
            for row, now in zip(rows, states, strict=True):
                if now not in known:
                    show(row, output)
            sys.stdout.flush()
            known = set(states)
