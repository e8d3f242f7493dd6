"""Logs of processes that write into their file by themselves: cut when they are large, with the last part kept beside."""

import asyncio
import os
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

from outrider.ports.clock import Clock
from outrider.ports.telemetry import logger

LARGEST = 16 * 1024 * 1024
LOOK_SECONDS = 10.0
_log = logger(__name__)


async def keep_bounded(clock: Clock, logs: Callable[[], Iterable[Path]]) -> None:
    """Look at the logs again and again; `logs` says which there are."""
    while True:
        await clock.sleep(LOOK_SECONDS)
        for path in logs():
            await asyncio.to_thread(cut_if_large, path)


def cut_if_large(path: Path, largest: int = LARGEST) -> bool:
    """Move what a log holds to `NAME.1`, in place of what was there, if it is larger than `largest` bytes.

    The process goes on writing into the same file, which it has open for appending. A line that it writes between the copy and
    the cut is lost.
    """
    try:
        if path.stat().st_size <= largest:
            return False
        shutil.copyfile(path, path.with_name(f"{path.name}.1"))
        os.truncate(path, 0)
    except OSError as error:
        _log.warning("%s cannot be kept small: %s", path.name, error.strerror)
        return False
    return True
