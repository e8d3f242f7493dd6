"""Opens references to secrets."""

import asyncio
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from outrider.core.schema import convert
from outrider.core.secrets import SecretValue, mask
from outrider.ports.secrets.entries import entry
from outrider.ports.secrets.sources import SecretSource, read_source, unknown_secret

_REMEMBERED = 256


class Resolver:
    """Opens secrets by name: from the source that the platform names, else from the encrypted store.

    A value is read anew each time, so a rotated secret is seen. The last 256 different values are remembered for `mask`.

    Args:
        sources: Where secrets come from, by name.
        folder: Where relative paths and commands of the sources start.
        store: Folder of the encrypted store.
    """

    def __init__(
        self, sources: Mapping[str, SecretSource], *, folder: Path = Path(), store: Path | None = None
    ) -> None:
        self._sources = sources
        self._folder = folder
        self._store = store
        self._opened: deque[SecretValue] = deque(maxlen=_REMEMBERED)

    @classmethod
    def declared(
        cls, sources: Mapping[str, dict[str, Any]], *, folder: Path = Path(), store: Path | None = None
    ) -> "Resolver":
        """Return one for sources as a platform declares them; arguments are those of the class.

        Raises:
            InvalidConfigError: A source is none.
        """
        read = {name: convert(source, SecretSource) for name, source in sources.items()}
        return cls(read, folder=folder, store=store)

    def resolve(self, name: str, key: str | None = None) -> SecretValue:
        """Return the value of a secret, or of one entry of it. It reads files and runs commands in this thread.

        Raises:
            NotFoundError: Nothing defines it, or its source has nothing.
            OutriderError: The source cannot be read.
        """
        source = self._sources.get(name)
        if source is not None and source.folder is not None:
            text = read_source(name, source, self._folder, source.key or key)
        else:
            text = self._from_store(name) if source is None else read_source(name, source, self._folder)
            for wanted in (source.key if source else None, key):
                if wanted is not None:
                    text = entry(name, text, wanted)
        value = SecretValue(text)
        if value not in self._opened:
            self._opened.append(value)
        return value

    async def fetch(self, name: str, key: str | None = None) -> SecretValue:
        """Do the same as `resolve` without holding up the event loop."""
        return await asyncio.to_thread(self.resolve, name, key)

    def mask(self, text: str) -> str:
        """Return the text with every value that was opened replaced by `***`."""
        return mask(text, self._opened)

    def _from_store(self, name: str) -> str:
        if self._store is None or not self._store.exists():
            raise unknown_secret(name, self._sources, self._store)
        from outrider.ports.secrets.store import SecretStore  # noqa: PLC0415 - 8 MB that few agents need

        store = SecretStore(self._store)
        names = store.list()
        if name not in names:
            raise unknown_secret(name, {*self._sources, *names}, self._store)
        return store.get(name).reveal()
