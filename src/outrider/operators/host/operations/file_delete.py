"""Removal of one file."""

import asyncio
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from outrider.core.errors import InvalidConfigError, NotFoundError
from outrider.core.operation import Change, Difference
from outrider.operators.host.files import MAX_TEXT, check_unchanged, exact_text, fingerprint
from outrider.runtime.context import Context
from outrider.runtime.implementation import Implementation, Inverse
from outrider.runtime.paths import checked_path


class FileDeleteParams(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Which file.

    Attributes:
        path: Absolute path of a plain file; folders and links are not removed.
    """

    path: str


class FileDeleteResult(msgspec.Struct, kw_only=True):
    """What was removed.

    Attributes:
        size: Bytes.
        mode: Permission bits in octal.
        previous: The content, where it was text of at most 1 MiB; without it the removal cannot be undone.
    """

    path: str
    size: int
    sha256: str
    mode: str
    previous: str | None = None


async def plan(params: FileDeleteParams, context: Context) -> Change:
    """Say what would be lost."""
    del context
    path = checked_path(params.path)
    found = await asyncio.to_thread(_facts, path)
    before = f"{found.size} bytes, not text of at most 1 MiB" if found.previous is None else found.previous
    return Change(
        target=f"file/{path}",
        difference=[Difference("content", before, None)],
        preconditions={"sha256": found.sha256},
        warnings=["it cannot be put back: no text of at most 1 MiB"] if found.previous is None else [],
    )


async def run(params: FileDeleteParams, context: Context) -> FileDeleteResult:
    """Remove it.

    Raises:
        NotFoundError: There is no such file.
        InvalidConfigError: It is no plain file.
        PreconditionFailedError: It changed since the plan was made.
    """
    path = checked_path(params.path)
    found = await asyncio.to_thread(_facts, path)
    await asyncio.to_thread(check_unchanged, path, context.preconditions.get("sha256"))
    path.unlink()
    return found


def _facts(path: Path) -> FileDeleteResult:
    try:
        status = path.lstat()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NotFoundError(
            f"file/{path}: there is no such file", found=str(path), suggestions=["check the path"]
        ) from error
    if not stat.S_ISREG(status.st_mode):
        raise InvalidConfigError(
            f"file/{path}: not a plain file",
            path="path",
            found="a link" if stat.S_ISLNK(status.st_mode) else "a folder, pipe, socket or device",
            expected="a plain file",
            suggestions=["name the file itself"],
        )
    return FileDeleteResult(
        path=str(path),
        size=status.st_size,
        sha256=fingerprint(path),
        mode=f"{stat.S_IMODE(status.st_mode) & 0o777:04o}",
        previous=exact_text(path) if status.st_size <= MAX_TEXT else None,
    )


def inverse(params: FileDeleteParams, result: Mapping[str, Any]) -> Inverse | None:
    """Return the call that writes the content again; None where it was no text."""
    if result["previous"] is None:
        return None
    return "file_write", {"path": params.path, "content": result["previous"], "mode": result["mode"]}


OPERATION = Implementation(
    params=FileDeleteParams,
    result=FileDeleteResult,
    run=run,
    plan=plan,
    inverse=inverse,
    target=lambda params: f"file/{params.path}",
)
