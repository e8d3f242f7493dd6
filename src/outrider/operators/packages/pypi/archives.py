"""What a wheel or a source distribution says of itself where nothing is built: `StaticMetadata::read` of uv 0.13."""

from os import SEEK_END
from pathlib import Path

from outrider.operators.packages.pypi.source_metadata import PKG_INFO, TAR_ENDINGS, source_files
from outrider.operators.packages.pypi.wheel_metadata import TAIL, metadata_text, no_metadata

WHEEL = ".whl"
ENDINGS = (WHEEL, *TAR_ENDINGS, ".zip")
PYPROJECT = "pyproject.toml"


async def wheel_text(name: str, path: Path) -> str:
    """Return METADATA of a wheel.

    Args:
        name: Of the wheel.
        path: Of the file.

    Raises:
        ExecutionFailedError: It is no wheel.
    """
    with path.open("rb") as file:
        size = file.seek(0, SEEK_END)

        async def part(begin: int, end: int) -> bytes:
            file.seek(begin)
            return file.read(end - begin)

        return await metadata_text(name, size, await part(max(0, size - TAIL), size), part)


def source_texts(name: str, path: Path, subdirectory: str) -> dict[str, str]:
    """Return the texts of pyproject.toml and PKG-INFO of a source distribution, of those that are there.

    Args:
        name: Of the distribution.
        path: Of the file.
        subdirectory: In which the project lies; empty where it is at the top.

    Raises:
        ExecutionFailedError: It is none, or more than one folder is at its top.
    """
    folder = f"{subdirectory.strip('/')}/" if subdirectory else ""
    tops, found = set[str](), dict[str, str]()
    with path.open("rb") as file:
        for top, below, text in source_files(name, file, [f"{folder}{one}" for one in (PYPROJECT, PKG_INFO)]):
            tops.add(top)
            if below:
                found[below.removeprefix(folder)] = text
    if len(tops) != 1:
        raise no_metadata(name, f"{len(tops)} folders at its top")
    return found
