"""Files of calls, whichever of the three forms they have."""

from pathlib import Path

from outrider.core.errors import InvalidConfigError, NotFoundError
from outrider.core.tsk.nodes import File
from outrider.core.tsk.parser import parse
from outrider.runtime.documents import read_text
from outrider.surfaces.tsk.plain import from_document

SUFFIXES = (".tsk", ".yaml", ".yml", ".json")


def read_calls(path: Path) -> File:
    """Read a .tsk, YAML or JSON file of calls.

    Raises:
        NotFoundError: There is no such file.
        InvalidConfigError: Naming file, line and column.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise NotFoundError(f"{path}: no such file", found=str(path), suggestions=["check the path"]) from error
    except OSError as error:
        raise InvalidConfigError(
            f"{path}: cannot be read: {error.strerror}", source=str(path), suggestions=[f"check its mode: ls -l {path}"]
        ) from error
    if path.suffix == ".tsk":
        return parse(data, path.name)
    documents = read_text(data, path.name)
    if len(documents) != 1:
        raise InvalidConfigError(
            f"{path.name}: expected one document", source=path.name, found=f"{len(documents)} documents",
            expected="one mapping", suggestions=["write one file for each"],
        )  # fmt: skip
    return from_document(documents[0], path.name)
