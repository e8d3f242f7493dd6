"""The systemd journal, as journalctl writes it (systemd.journal-fields(7))."""

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec

from outrider.core.codec import decode_plain
from outrider.core.errors import DeadlineExceededError, ExecutionFailedError, OutriderError
from outrider.core.timestamps import timestamp
from outrider.ports.process import ProcessGroup

_FIELDS = "MESSAGE,PRIORITY,SYSLOG_IDENTIFIER,_COMM,_SYSTEMD_UNIT,UNIT,_PID"
_CHUNK, _LONGEST_LINE, _MOST = 64 * 1024, 1024 * 1024, 4 * 1024 * 1024
_MESSAGE, _PROBLEM = 4000, 500


class JournalEntry(msgspec.Struct, kw_only=True):
    """One entry; `priority` from 0, emergency, to 7, debug.

    Attributes:
        unit: The unit that it is of, or about.
        identifier: Name of the program.
    """

    time: str
    priority: int
    unit: str
    identifier: str
    pid: int
    message: str
    cursor: str


def command(program: str, namespace: str) -> list[str]:
    """Return the beginning of every call of journalctl."""
    chosen = [f"--namespace={namespace}"] if namespace else []
    return [program, "--no-pager", "--quiet", "--all", "--output=json", f"--output-fields={_FIELDS}", *chosen]


async def first_lines(argv: Sequence[str], limit: int, timeout: float) -> tuple[list[bytes], bool, str]:
    """Return the first lines of a program's output, whether there were more, and what it complained of when it failed.

    Raises:
        DeadlineExceededError: It is too slow.
        ExecutionFailedError: A line has no end.
    """
    group = await ProcessGroup.start(argv)
    try:
        async with asyncio.timeout(timeout):
            lines, more = await _lines(group.stdout, limit)
            if more:
                return lines, True, ""
            problem = (await group.stderr.read(_PROBLEM)).decode("utf-8", "replace").strip() if group.stderr else ""
            await group.exited
    except TimeoutError as error:
        raise DeadlineExceededError(
            f"'{argv[0]}' did not end within {timeout:g} s", suggestions=["name a unit, or give a longer timeout"]
        ) from error
    finally:
        if group.exit_code is None:
            await group.kill()
        group.close()
    return lines, False, (problem or f"exit code {group.exit_code}") if group.exit_code else ""


async def _lines(stream: asyncio.StreamReader | None, limit: int) -> tuple[list[bytes], bool]:
    found: list[bytes] = []
    rest = b""
    size = 0
    while stream is not None and (chunk := await stream.read(_CHUNK)):
        *complete, rest = (rest + chunk).split(b"\n")
        found += complete
        size += len(chunk)
        if len(rest) > _LONGEST_LINE:
            raise ExecutionFailedError("an entry of the journal is too long", found=f"more than {_LONGEST_LINE} bytes")
        if len(found) > limit or (size > _MOST and found):
            return found[:limit], True
    return found, False


def entry_of(line: bytes) -> JournalEntry:
    """Read an entry.

    Raises:
        ExecutionFailedError: It is none.
    """
    try:
        fields = decode_plain(line)
        return JournalEntry(
            time=timestamp(int(fields["__REALTIME_TIMESTAMP"]) / 1e6),
            priority=int(_text(fields.get("PRIORITY")) or 6),
            unit=_text(fields.get("UNIT")) or _text(fields.get("_SYSTEMD_UNIT")),
            identifier=_text(fields.get("SYSLOG_IDENTIFIER")) or _text(fields.get("_COMM")),
            pid=int(_text(fields.get("_PID")) or 0),
            message=_text(fields.get("MESSAGE"))[:_MESSAGE],
            cursor=_text(fields["__CURSOR"]),
        )
    except (OutriderError, KeyError, TypeError, ValueError) as error:
        raise ExecutionFailedError("journalctl wrote what is no entry", found=repr(line[:200])) from error


def _text(value: Any) -> str:
    """Return a field as text: one with other bytes is a list of numbers, one that is there several times a list of those."""
    if isinstance(value, list) and value and isinstance(value[0], int):
        return bytes(value).decode("utf-8", "replace")
    if isinstance(value, list):
        return _text(value[0]) if value else ""
    return "" if value is None else str(value)
