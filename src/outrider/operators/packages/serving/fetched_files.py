"""The files of other registries that are here, or on their way: each is fetched once, and it is noted when somebody uses it."""

from outrider.operators.packages.serving.downloading import Download
from outrider.operators.packages.serving.store import Store
from outrider.operators.packages.serving.tables import KeptFile, Tables
from outrider.operators.packages.serving.upstreams import FileSource
from outrider.ports.clock import Clock


class FetchedFiles:
    """Has the files of an ecosystem.

    Args:
        ecosystem: Which.
        store: Where they are kept.
        clock: For when they were used.
    """

    def __init__(self, ecosystem: str, store: Store, clock: Clock) -> None:
        self._ecosystem, self._store, self._clock = ecosystem, store, clock
        self._downloads: dict[tuple[str, str], Download] = {}
        self._used: set[tuple[str, str]] = set()

    def here(self, name: str, file: str) -> KeptFile | None:
        """Return a file that is here."""
        kept = self._store.tables.kept(self._ecosystem, name, file)
        return kept if kept is not None and self._store.blobs.path(kept.digest).is_file() else None

    def used(self, name: str, file: str, kept: KeptFile) -> KeptFile:
        """Return a file that somebody gets, and note that."""
        self._used.add((name, file))
        return kept

    def fetch(self, name: str, file: str, source: FileSource) -> Download:
        """Have a file fetched, unless that is being done.

        Args:
            name: Of the package.
            file: Its name.
            source: Where it is.
        """
        download = self._downloads.get((name, file))
        if download is None:

            async def keep(digest: str, size: int) -> None:
                kept, now = KeptFile(digest, size, source.version), self._clock.now()
                await self._store.write(lambda tables: tables.put_kept(self._ecosystem, name, file, kept, now))

            download = self._downloads[name, file] = Download(self._store.blobs, source.hashes, source.fetch, keep)
            download.task.add_done_callback(lambda _: self._downloads.pop((name, file)))
        return download

    async def keep_used(self) -> None:
        """Write down which files were used since the last time."""
        used, self._used = self._used, set()
        now = self._clock.now()

        def work(tables: Tables) -> None:
            for name, file in used:
                tables.used(self._ecosystem, name, file, now)

        if used:
            await self._store.write(work)

    async def close(self) -> None:
        """Give up what is being fetched."""
        for download in [*self._downloads.values()]:
            await download.close()
