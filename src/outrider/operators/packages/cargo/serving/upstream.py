"""The registry of crates behind this one."""

from collections.abc import Mapping
from functools import partial

import msgspec

from outrider.operators.packages.cargo.client import CargoClient, CargoConfig, download_url
from outrider.operators.packages.cargo.lines import read_lines
from outrider.operators.packages.cargo.serving.documents import KeptLines, read_kept, spelled
from outrider.operators.packages.registries.downloads import Document
from outrider.operators.packages.serving.upstreams import FileSource


class CargoUpstream:
    """Asks the registry that Cargo uses on this machine.

    Args:
        client: Of it.
    """

    def __init__(self, client: CargoClient) -> None:
        self._client = client
        self._config: CargoConfig | None = None

    async def fetch(self, name: str, known: Document | None) -> tuple[bytes | None, Document]:
        if self._config is None:
            self._config = await self._client.config()
        config = self._config
        document = await self._client.document(name, known, closed=config.auth_required)
        if document.content is None:
            return None, document
        return msgspec.msgpack.encode(KeptLines(config.dl, config.auth_required, document.content)), document

    def sources(self, name: str, raw: bytes) -> Mapping[str, FileSource]:
        kept = read_kept(raw)
        own = spelled(name, kept.content)
        found: dict[str, FileSource] = {}
        for line in read_lines(own, kept.content):
            if line is not None:
                checksum = line.release.checksum
                url = download_url(kept.downloads, own, line.version, checksum)
                fetch = partial(self._client.stream, url, closed=kept.closed)
                found[crate_file(name, line.version)] = FileSource(line.version, {"sha256": checksum}, fetch)
        return found

    async def close(self) -> None:
        """Close all connections."""
        await self._client.close()


def crate_file(name: str, version: str) -> str:
    """Return how the file of a version is called here."""
    return f"{name.lower()}-{version}.crate"
