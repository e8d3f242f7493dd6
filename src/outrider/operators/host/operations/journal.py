"""Entries of the systemd journal after a place in it."""

import shutil
from typing import Annotated, Literal

import msgspec

from outrider.core.errors import ExecutionFailedError, InvalidConfigError, MissingRequirementError
from outrider.operators.host.journal import JournalEntry, command, entry_of, first_lines
from outrider.runtime.context import Context
from outrider.runtime.implementation import Implementation

PRIORITIES = ("emerg", "alert", "crit", "err", "warning", "notice", "info", "debug")
# No leading dash, which journalctl would take for an option.
Name = Annotated[str, msgspec.Meta(pattern=r"^([A-Za-z0-9_][A-Za-z0-9_.@:\\-]{0,254})?(?!\n)$")]


class JournalParams(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Which entries.

    Attributes:
        after: Cursor of the entry after which to begin; where it is empty nothing is read, and the cursor of the newest is told.
        unit: Only entries of this unit, or about it.
        identifier: Only those of a program, by its syslog identifier.
        priority: Only those of this priority, or more urgent.
        namespace: Namespace of the journal; the default one where it is empty.
        limit: At most so many entries, the oldest.
    """

    after: Annotated[str, msgspec.Meta(pattern=r"^([A-Za-z0-9=;]{1,300})?(?!\n)$")] = ""
    unit: Name = ""
    identifier: Name = ""
    priority: Literal["emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"] = "debug"
    namespace: Annotated[str, msgspec.Meta(pattern=r"^([A-Za-z0-9_][A-Za-z0-9_.-]{0,200})?(?!\n)$")] = ""
    limit: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 100


class JournalResult(msgspec.Struct, kw_only=True):
    """Entries, oldest first.

    Attributes:
        cursor: Where to go on.
        more: Whether there are further ones already.
    """

    entries: list[JournalEntry]
    cursor: str
    more: bool


async def run(params: JournalParams, context: Context) -> JournalResult:
    """Read the journal as far as this user may.

    Raises:
        MissingRequirementError: There is no journalctl.
        InvalidConfigError: The cursor is none.
        ExecutionFailedError: The journal cannot be read.
    """
    program = shutil.which("journalctl")
    if program is None:
        raise MissingRequirementError(
            "journalctl is not in PATH", suggestions=["install systemd, or watch a file with file_tail"]
        )
    if not params.after:
        newest = [*command(program, params.namespace), "--lines=1"]
        lines, _ = await _read(newest, 1, context)
        return JournalResult(entries=[], cursor=entry_of(lines[0]).cursor if lines else "", more=False)
    # `--after-cursor` of systemd 252 leaves out the first entry that matches where the one at the cursor does not.
    filters = [f"--cursor={params.after}", f"--priority={params.priority}"]
    filters += [f"--unit={params.unit}"] if params.unit else []
    filters += [f"--identifier={params.identifier}"] if params.identifier else []
    lines, more = await _read([*command(program, params.namespace), *filters], params.limit + 1, context)
    entries = [entry for entry in map(entry_of, lines) if entry.cursor != params.after]
    more = more or len(entries) > params.limit
    del entries[params.limit :]
    return JournalResult(entries=entries, cursor=entries[-1].cursor if entries else params.after, more=more)


async def _read(argv: list[str], limit: int, context: Context) -> tuple[list[bytes], bool]:
    lines, more, problem = await first_lines(argv, limit, context.remaining())
    if not problem:
        return lines, more
    if "cursor" in problem:
        raise InvalidConfigError(
            "after: not a cursor of this journal", path="after", found=problem, expected="the cursor of an earlier answer",
            suggestions=["leave it out, and go on from the cursor of the answer"],
        )  # fmt: skip
    raise ExecutionFailedError(
        "the journal cannot be read",
        found=problem,
        suggestions=["run the agent as root, or in the group systemd-journal"],
    )


OPERATION = Implementation(
    params=JournalParams,
    result=JournalResult,
    run=run,
    target=lambda params: f"journal/{params.unit or params.identifier or '*'}",
)
