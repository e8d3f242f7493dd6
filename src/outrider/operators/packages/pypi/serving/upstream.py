"""The Python indexes behind this one."""

from collections.abc import Mapping
from functools import partial

from outrider.operators.packages.pypi.client import PypiClient
from outrider.operators.packages.pypi.pages import PypiFile, normalised
from outrider.operators.packages.pypi.records import version_of
from outrider.operators.packages.pypi.serving.documents import kept_page, read_kept_page
from outrider.operators.packages.registries.downloads import Document, Downloads
from outrider.operators.packages.serving.downloading import Receive
from outrider.operators.packages.serving.upstreams import FileSource

METADATA = ".metadata"


class PypiUpstream:
    """Asks the indexes that the clients of this machine use.

    Args:
        indexes: In the order in which they are asked.
    """

    def __init__(self, indexes: list[Downloads]) -> None:
        self._indexes, self._client = indexes, PypiClient(indexes)

    async def fetch(self, name: str, known: Document | None) -> tuple[bytes | None, Document]:
        page, document = await self._client.page(normalised(name), known)
        return (kept_page(page) if page is not None else None), document

    def sources(self, name: str, raw: bytes) -> Mapping[str, FileSource]:
        found: dict[str, FileSource] = {}
        for file in read_kept_page(raw).files:
            version = version_of(file.name, name)
            if version is None:
                continue
            index = self._client.index_of(file)
            found[file.name] = FileSource(version, file.hashes, partial(index.stream, file.url))
            found[f"{file.name}{METADATA}"] = FileSource(version, {}, partial(self._metadata, file))
        return found

    async def _metadata(self, file: PypiFile, receive: Receive) -> None:
        """Fetch the metadata of a file, where it has to be without the file."""
        receive((await self._client.metadata_text(file)).encode())

    async def close(self) -> None:
        """Close all connections."""
        for one in self._indexes:
            await one.close()
