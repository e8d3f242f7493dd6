"""The content of a text file."""

import hashlib
from typing import Any

import msgspec

from outrider.operators.host.files import read_bounded
from outrider.runtime.context import Context
from outrider.runtime.implementation import Implementation
from outrider.runtime.paths import checked_path


class FileReadParams(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Which file.

    Attributes:
        path: Absolute path of a plain file of at most 1 MiB.
    """

    path: str


class FileReadResult(msgspec.Struct, kw_only=True):
    """The content.

    Attributes:
        size: Bytes.
        exact: False where bytes that are no UTF-8 were replaced in `content`.
    """

    path: str
    content: str
    size: int
    sha256: str
    exact: bool


async def run(params: FileReadParams, context: Context) -> FileReadResult:
    """Read it.

    Raises:
        NotFoundError: There is no such file.
        InvalidConfigError: It is too large, or no plain file.
    """
    del context
    path = checked_path(params.path)
    data = read_bounded(path)
    return FileReadResult(path=str(path), size=len(data), sha256=hashlib.sha256(data).hexdigest(), **_decoded(data))


def _decoded(data: bytes) -> dict[str, Any]:
    try:
        return {"content": data.decode(), "exact": True}
    except UnicodeDecodeError:
        return {"content": data.decode("utf-8", "replace"), "exact": False}


OPERATION = Implementation(
    params=FileReadParams, result=FileReadResult, run=run, target=lambda params: f"file/{params.path}"
)
