"""The last lines of a file of any size, read from its end."""

import os
from typing import Annotated

import msgspec

from outrider.operators.host.files import MAX_TEXT, open_plain
from outrider.runtime.context import Context
from outrider.runtime.implementation import Implementation
from outrider.runtime.paths import checked_path

_BLOCK = 64 * 1024


class FileTailParams(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Which file, and how much of it.

    Attributes:
        path: Absolute path of a plain file.
        lines: How many lines at most; of a file with very long lines fewer come, together at most 1 MiB.
    """

    path: str
    lines: Annotated[int, msgspec.Meta(ge=1, le=10000)] = 20


class FileTailResult(msgspec.Struct, kw_only=True):
    """The lines, oldest first, without their line ends; bytes that are no UTF-8 are replaced.

    Attributes:
        size: Bytes of the whole file.
        cut: Whether the first line shown lacks its beginning, because it is longer than 1 MiB.
    """

    path: str
    lines: list[str]
    size: int
    cut: bool


async def run(params: FileTailParams, context: Context) -> FileTailResult:
    """Read the end of it.

    Raises:
        NotFoundError: There is no such file.
        InvalidConfigError: It is no plain file.
    """
    del context
    path = checked_path(params.path)
    file = open_plain(path)
    try:
        size = os.fstat(file).st_size
        data, start = _end(file, size, params.lines)
    finally:
        os.close(file)
    lines = data.removesuffix(b"\n").split(b"\n") if data else []
    partial = start > 0 and len(lines) <= params.lines
    if partial and len(lines) > 1:
        del lines[0]
        partial = False
    text = [line.decode("utf-8", "replace") for line in lines[-params.lines :]]
    return FileTailResult(path=str(path), lines=text, size=size, cut=partial)


def _end(file: int, size: int, lines: int) -> tuple[bytes, int]:
    """Return the end of the file with at least so many whole lines, or 1 MiB of it, and where it begins."""
    blocks: list[bytes] = []
    start, newlines = size, 0
    while start > 0 and newlines <= lines and size - start < MAX_TEXT:
        length = min(_BLOCK, start)
        start -= length
        block = os.pread(file, length, start)
        newlines += block.count(b"\n")
        blocks.append(block)
    return b"".join(reversed(blocks)), start


OPERATION = Implementation(
    params=FileTailParams, result=FileTailResult, run=run, target=lambda params: f"file/{params.path}"
)
