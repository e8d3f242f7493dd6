"""Starting and stopping a platform from another process: guarded, or detached from the terminal."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar

from outrider.core.errors import (
    ConflictError,
    ConnectionFailedError,
    NotFoundError,
    OutriderError,
    UnavailableError,
)
from outrider.local.control import ReloadAnswer, ReloadRequest, SupervisorStatus
from outrider.local.last_words import last_words
from outrider.local.layout import Layout
from outrider.ports.http.client import Client
from outrider.ports.process import ProcessGroup, guardian, spawn_guarded

T = TypeVar("T")
READY_SECONDS = 45.0
RELOAD_SECONDS = 60.0
STOP_SECONDS = 20.0
PROBE_SECONDS = 0.05


def _command(layout: Layout) -> list[str]:
    return [
        sys.executable,
        "-m",
        "outrider",
        "platform",
        "serve",
        "--folder",
        str(layout.folder),
        "--state",
        str(layout.state),
        *(["--overlay", layout.overlay] if layout.overlay else []),
    ]


@asynccontextmanager
async def running_platform(layout: Layout) -> AsyncIterator[SupervisorStatus]:
    """Run a platform for as long as the block lasts; nothing of it outlives this process, however that ends.

    Raises:
        OutriderError: It did not start; the supervisor's own error where it gave one.
    """
    await _prepare(layout)
    group = await spawn_guarded(_command(layout), env=dict(os.environ), log=layout.supervisor_log)
    try:
        yield await _wait_until_ready(layout, group)
    finally:
        await group.terminate(STOP_SECONDS)


async def start_detached(layout: Layout) -> SupervisorStatus:
    """Start a platform that goes on when the terminal is closed.

    Raises:
        OutriderError: It did not start.
    """
    await _prepare(layout)
    with layout.supervisor_log.open("ab") as log:
        # Whoever starts it ends before it does: the guardian holds both ends of its lifeline, and acts when the supervisor ends.
        lifeline = os.pipe()
        guard = [sys.executable, "-I", "-S", guardian.__file__, "--lifeline", str(lifeline[0]), "--", *_command(layout)]
        process = subprocess.Popen(  # noqa: ASYNC220 - starting a process does not wait
            guard, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, pass_fds=lifeline
        )
        for end in lifeline:
            os.close(end)
    return await _wait_until_ready(layout, process)


async def _prepare(layout: Layout) -> None:
    """Make the folders; refuse a second start before anything of the first one is touched."""
    layout.create()
    try:
        running = await supervisor_status(layout)
    except NotFoundError:
        layout.supervisor_log.unlink(missing_ok=True)
        return
    raise ConflictError(
        f"the platform of {layout.folder} is running already",
        found=f"{running.name} at {running.url}",
        suggestions=["look at it: outrider status", f"stop it: outrider down {layout.folder}"],
    )


async def _wait_until_ready(layout: Layout, process: "ProcessGroup | subprocess.Popen[bytes]") -> SupervisorStatus:
    deadline = asyncio.get_running_loop().time() + READY_SECONDS
    while asyncio.get_running_loop().time() < deadline:
        ended = process.exit_code if isinstance(process, ProcessGroup) else process.poll()
        if ended is not None:
            raise last_words(layout.supervisor_log, "the platform did not start")
        with suppress(OutriderError):
            status = await supervisor_status(layout)
            if status.ready:
                return status
        await asyncio.sleep(PROBE_SECONDS)
    raise UnavailableError(
        f"the platform was not ready within {READY_SECONDS:.0f} s", suggestions=[f"look into {layout.logs}"]
    )


async def supervisor_status(layout: Layout) -> SupervisorStatus:
    """Ask the supervisor.

    Raises:
        NotFoundError: None runs.
    """
    return await _call(layout, "GET", "/status", target=SupervisorStatus)


async def reload(layout: Layout, digest: str) -> ReloadAnswer:
    """Have the supervisor take over the files of its folder.

    Args:
        layout: The platform's.
        digest: What `objects_digest` gave for the objects that were shown.

    Raises:
        NotFoundError: None runs.
        ConflictError: The files have changed since, or a change needs a new start.
        InvalidConfigError: The objects are not valid; nothing was changed.
    """
    return await _call(layout, "POST", "/reload", ReloadRequest(digest), target=ReloadAnswer, timeout=RELOAD_SECONDS)


async def stop(layout: Layout) -> None:
    """Stop the platform and wait for its end.

    Raises:
        NotFoundError: None runs.
        UnavailableError: It did not end in time.
    """
    await _call(layout, "POST", "/stop", target=dict[str, bool])
    deadline = asyncio.get_running_loop().time() + STOP_SECONDS
    while asyncio.get_running_loop().time() < deadline:
        if not layout.socket.exists():
            return
        await asyncio.sleep(PROBE_SECONDS)
    raise UnavailableError(
        f"the platform did not end within {STOP_SECONDS:.0f} s", suggestions=[f"look into {layout.supervisor_log}"]
    )


async def _call(
    layout: Layout, method: str, path: str, body: Any = None, *, target: type[T], timeout: float = 5.0
) -> T:
    if not layout.socket.exists():
        raise _not_running(layout)
    client = Client(f"unix:{layout.socket}")
    try:
        return await client.request_json(method, path, body, target, timeout=timeout)
    except ConnectionFailedError as error:
        raise _not_running(layout) from error
    finally:
        await client.close()


def _not_running(layout: Layout) -> NotFoundError:
    return NotFoundError(
        f"no platform of {layout.folder} is running",
        found=str(layout.state),
        suggestions=[f"start it: outrider up {layout.folder}"],
    )


def purge(layout: Layout) -> None:
    """Remove the state of a stopped platform."""
    import shutil  # noqa: PLC0415 - used once in a process's life

    if layout.state.is_dir():
        shutil.rmtree(layout.state)
