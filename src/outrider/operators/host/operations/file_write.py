"""A text file written as a whole."""

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec

from outrider.core.operation import Change, Difference
from outrider.operators.host.files import (
    MAX_TEXT,
    check_unchanged,
    exact_text,
    fingerprint,
    read_text,
    replace,
)
from outrider.runtime.context import Context
from outrider.runtime.implementation import Implementation, Inverse
from outrider.runtime.paths import checked_path

DEFAULT_MODE = 0o644


class FileWriteParams(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Where to write what.

    Attributes:
        path: Absolute path; its folder must exist.
        content: The whole new content.
        mode: Permission bits in octal, such as "0640"; if absent, those of the old file, or 0644.
    """

    path: str
    content: Annotated[str, msgspec.Meta(max_length=MAX_TEXT)]
    mode: Annotated[str, msgspec.Meta(pattern=r"^0?[0-7]{3}$", examples=["0640"])] | None = None


class FileWriteResult(msgspec.Struct, kw_only=True):
    """What was written.

    Attributes:
        size: Bytes.
        created: Whether there was no such file before.
        previous: The old content, where there was a file with text.
        previous_mode: Permission bits of the old file.
    """

    path: str
    size: int
    sha256: str
    created: bool
    previous: str | None = None
    previous_mode: str = ""


async def plan(params: FileWriteParams, context: Context) -> Change:
    """Say what would be written over what."""
    del context
    path = checked_path(params.path)
    before = read_text(path) if path.exists() else None
    return Change(
        target=f"file/{path}",
        difference=[] if before == params.content else [Difference("content", before, params.content)],
        preconditions={"sha256": fingerprint(path)},
        warnings=[] if path.parent.is_dir() else [f"the folder {path.parent} does not exist"],
    )


async def run(params: FileWriteParams, context: Context) -> FileWriteResult:
    """Write it.

    Raises:
        NotFoundError: The folder does not exist.
        PreconditionFailedError: The file changed since the plan was made.
    """
    path = checked_path(params.path)
    check_unchanged(path, context.preconditions.get("sha256"))
    exists = path.exists()
    previous = exact_text(path) if exists else None
    old_mode = path.stat().st_mode & 0o777 if exists else DEFAULT_MODE
    replace(path, params.content.encode(), int(params.mode, 8) if params.mode else old_mode)
    return FileWriteResult(
        path=str(path),
        size=len(params.content.encode()),
        sha256=fingerprint(path),
        created=not exists,
        previous=previous,
        previous_mode=f"{old_mode:04o}" if exists else "",
    )


def inverse(params: FileWriteParams, result: Mapping[str, Any]) -> Inverse | None:
    """Return the call that puts the old content back; None where that was no text."""
    if result["created"]:
        return "file_delete", {"path": params.path}
    if result["previous"] is None:
        return None
    return "file_write", {"path": params.path, "content": result["previous"], "mode": result["previous_mode"]}


OPERATION = Implementation(
    params=FileWriteParams,
    result=FileWriteResult,
    run=run,
    plan=plan,
    inverse=inverse,
    target=lambda params: f"file/{params.path}",
)
