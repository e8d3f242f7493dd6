"""Files that are published, read from disk, and what publishes them."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol

from outrider.core.errors import InvalidConfigError, NotFoundError
from outrider.operators.packages.registries.registry import Registry
from outrider.operators.packages.texts import flattened

# Larger ones no registry takes unless it was told to.
LARGEST = 256 << 20
# The same version is `there` with the same bytes, or with `other` ones; nothing where it is not. Who may publish may not be told.
State = Literal["", "there", "other", "unknown"]


class LocalFile(NamedTuple):
    """A file that is to be published.

    Attributes:
        path: As it was named.
        content: All of it.
    """

    path: str
    content: bytes

    @property
    def name(self) -> str:
        """The last part of the path."""
        return Path(self.path).name

    @property
    def sha256(self) -> str:
        """Of the content, in hexadecimal digits."""
        return hashlib.sha256(self.content).hexdigest()


class Publication(NamedTuple):
    """A version of a package that is to be published.

    Attributes:
        name: Of the package, as the file says it.
        version: Likewise.
        file: That has it.
        said: What else the file says, as its ecosystem writes that.
        beside: Further files that go with it.
    """

    name: str
    version: str
    file: LocalFile
    said: Mapping[str, Any] = {}
    beside: Sequence[LocalFile] = ()


class Publisher(Protocol):
    """Publishes in the registries of an ecosystem."""

    async def read(self, files: Sequence[LocalFile]) -> list[Publication]:
        """Return what files are.

        Raises:
            InvalidConfigError: One contradicts itself, or its native tool has not made it.
        """

    async def registry(self, publication: Publication) -> Registry:
        """Return where a publication goes, with what is shown there.

        Raises:
            UnauthenticatedError: There is nothing to be shown.
            OutriderError: What is wrong with the settings.
        """

    async def state(self, registry: Registry, publication: Publication) -> State:
        """Return whether a version is there already, as far as the registry tells it.

        Raises:
            OutriderError: What the registry says.
        """

    async def send(self, registry: Registry, publication: Publication) -> None:
        """Send it.

        Raises:
            OutriderError: Why the registry does not take it.
        """


def read_file(path: str) -> LocalFile:
    """Read a file.

    Raises:
        NotFoundError: It is not there, or cannot be read.
        InvalidConfigError: It is empty, or too large.
    """
    try:
        size = Path(path).stat().st_size
        content = Path(path).read_bytes() if 0 < size <= LARGEST else b""
    except OSError as error:
        raise NotFoundError(
            f"{path}: it cannot be read: {error.strerror}", path="files", found=str(error.strerror), suggestions=["check the path"]
        ) from error  # fmt: skip
    if not content:
        raise InvalidConfigError(
            f"{path}: it is empty, or too large", path="files", found=f"{size} bytes", expected=f"1 to {LARGEST} bytes",
            suggestions=["build it anew"],
        )  # fmt: skip
    return LocalFile(path, content)


def contradiction(file: LocalFile, what: str, *, found: str, expected: str, remedy: str) -> InvalidConfigError:
    """Return the error for a file that cannot be published as it is.

    Args:
        file: Which.
        what: Is wrong.
        found: What is there.
        expected: What would be right.
        remedy: What to do.
    """
    return InvalidConfigError(
        f"{file.path}: {flattened(what)}", path="files", found=flattened(found)[:200], expected=expected, suggestions=[remedy]
    )  # fmt: skip


def named_twice(files: Sequence[LocalFile], names: Sequence[str]) -> None:
    """Refuse files that would be published under one name.

    Raises:
        InvalidConfigError: There are some.
    """
    for index, name in enumerate(names):
        if name in names[:index]:
            raise contradiction(
                files[index], f"{name} is named twice", found=name, expected="each version once", remedy="leave one of them out"
            )  # fmt: skip
