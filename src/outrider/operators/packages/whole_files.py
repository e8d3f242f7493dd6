"""Files that are written whole or not at all."""

import os
import tempfile
from pathlib import Path


def write_whole(path: Path, content: bytes, mode: int) -> None:
    """Write a file; a reader sees all of it or what was there before.

    Args:
        path: Of the file, in a folder that is there.
        content: Of it.
        mode: Who may read and write it.

    Raises:
        OSError: It cannot be written; what was there stays.
    """
    descriptor, made = tempfile.mkstemp(dir=path.parent, prefix=".new-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(descriptor, mode)
            file.write(content)
        Path(made).replace(path)
    except OSError:
        Path(made).unlink(missing_ok=True)
        raise
