"""One command, run to its end."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from outrider.core.errors import DeadlineExceededError
from outrider.ports.process.group import ProcessGroup

OUTPUT_LIMIT = 1024 * 1024
_CHUNK = 64 * 1024
# A command may leave a program in the background that holds its output; nobody waits for that one's end.
_DRAIN_TIMEOUT = 1.0


class Completed(msgspec.Struct, frozen=True):
    """How a command ended.

    Attributes:
        exit_code: Negative for a signal.
        truncated: Whether output or errors were longer than the limit; the rest was read and dropped.
    """

    exit_code: int
    stdout: bytes
    stderr: bytes
    truncated: bool


async def run(
    argv: Sequence[str],
    *,
    timeout: float,
    input: bytes = b"",  # noqa: A002 - the name that subprocess uses
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    output_limit: int = OUTPUT_LIMIT,
    grace: float = 0.0,
) -> Completed:
    """Run a command, never through a shell, and return how it ended; any exit code is a result.

    Args:
        argv: Program and arguments.
        timeout: Seconds; then, and when this is cancelled, the command and its descendants are killed.
        input: What it reads from its standard input.
        env: Its whole environment; by default PATH, HOME and the like (`base_environment`), and no secrets.
        cwd: Its working folder.
        output_limit: Bytes that are kept of its output and of its errors.
        grace: Seconds between SIGTERM and SIGKILL where it is not left to its own end; it is killed at once if 0.

    Raises:
        DeadlineExceededError: It did not end in time.
        InvalidConfigError: No program, or a NUL character.
        NotFoundError: No such program or folder.
        DeniedError: It may not be started.
    """
    group = await ProcessGroup.start(argv, env=env, cwd=cwd)
    readers = [asyncio.create_task(_read(stream, output_limit)) for stream in (group.stdout, group.stderr)]
    feeder = asyncio.create_task(_feed(group.stdin, input))
    try:
        async with asyncio.timeout(timeout):
            await asyncio.shield(group.exited)
        await asyncio.wait(readers, timeout=_DRAIN_TIMEOUT)
    except TimeoutError as error:
        raise _too_slow(argv, timeout) from error
    finally:
        await asyncio.shield(_finish(group, [*readers, feeder], grace))
    (stdout, more), (stderr, more_errors) = [reader.result() for reader in readers]
    return Completed(group.exit_code or 0, stdout, stderr, more or more_errors)


async def _finish(group: ProcessGroup, tasks: Sequence["asyncio.Task[Any]"], grace: float) -> None:
    if group.exit_code is None:
        await (group.terminate(grace) if grace else group.kill())
    group.close()  # what still reads or writes meets the end of the pipe now
    await asyncio.wait(tasks)


async def _feed(stream: asyncio.StreamWriter | None, data: bytes) -> None:
    if stream is not None:
        # It need not read what it is given. Where it is gone already, uvloop says so in its own way.
        with suppress(BrokenPipeError, ConnectionResetError, RuntimeError):
            stream.write(data)
            await stream.drain()
        stream.close()


async def _read(stream: asyncio.StreamReader | None, limit: int) -> tuple[bytes, bool]:
    """Read to the end, keep the beginning, and say whether there was more."""
    kept = bytearray()
    size = 0
    while stream is not None and (chunk := await stream.read(_CHUNK)):
        size += len(chunk)
        kept += chunk[: max(0, limit - len(kept))]
    return bytes(kept), size > len(kept)


def _too_slow(argv: Sequence[str], timeout: float) -> DeadlineExceededError:
    return DeadlineExceededError(
        f"'{argv[0]}' did not end within {timeout:g} s and was ended with all it had started",
        found="still running",
        expected=f"an end within {timeout:g} s",
        suggestions=["give a longer timeout"],
    )
