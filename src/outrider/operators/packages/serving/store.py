"""Where the registry keeps things: a folder, which several processes may share."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from outrider.operators.packages.serving.blobs import Blobs
from outrider.operators.packages.serving.database import Database
from outrider.operators.packages.serving.tables import Tables

T = TypeVar("T")


class Store:
    """The folder.

    Args:
        folder: Made where it is not there.

    Attributes:
        blobs: Files by the hash of their content.
        tables: For reading what there is.

    Raises:
        PreconditionFailedError: It is of another version of Outrider.
        ExecutionFailedError: It cannot be used.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.blobs = Blobs(folder / "blobs")
        self._database = Database(folder / "registry.db")
        self.tables = Tables(self._database.reader)

    def changes(self) -> int:
        """Return a number that is another one after each change, by whichever process."""
        return self._database.changes()

    async def write(self, work: Callable[[Tables], T]) -> T:
        """Change something, in one transaction and in a thread; nothing of it remains where `work` raises.

        Raises:
            ExecutionFailedError: It cannot be written.
            OutriderError: What `work` raises.
        """
        return await self._database.write(lambda connection: work(Tables(connection)))

    async def close(self) -> None:
        """Close it, once what is being written is there."""
        await self._database.close()
