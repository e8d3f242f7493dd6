"""The sources of gems behind this one."""

from collections.abc import Mapping
from functools import partial

import msgspec

from outrider.operators.packages.gem.client import GemClient, Known
from outrider.operators.packages.gem.lines import lines_of, read_line
from outrider.operators.packages.gem.serving.documents import KeptInfo, read_kept
from outrider.operators.packages.gem.serving.source_lists import SourceLists
from outrider.operators.packages.gem.serving.specifications import variant
from outrider.operators.packages.registries.downloads import Document
from outrider.operators.packages.serving.upstreams import FileSource


class GemUpstream:
    """Asks the sources that RubyGems uses on this machine.

    Args:
        client: Of them.
        lists: Of all versions that they have, closed with it.
    """

    def __init__(self, client: GemClient, lists: SourceLists) -> None:
        self._client, self._lists = client, lists

    async def fetch(self, name: str, known: Document | None) -> tuple[bytes | None, Document]:
        before = None if known is None else Known(b"", known.url.removesuffix(f"/info/{name}"), known.etag)
        found = await self._client.info(name, before)
        if found is None:
            assert known is not None
            return None, known
        raw = msgspec.msgpack.encode(KeptInfo(found.index, found.content))
        return raw, Document(content=found.content, url=f"{found.index}/info/{name}", etag=found.etag)

    def sources(self, name: str, raw: bytes) -> Mapping[str, FileSource]:
        kept = read_kept(raw)
        found: dict[str, FileSource] = {}
        for line in map(read_line, lines_of(kept.content)):
            if line is not None:
                file = f"{name}-{variant(line.version, line.variant.platform)}.gem"
                hashes = {"sha256": line.variant.checksum} if line.variant.checksum else {}
                found[file] = FileSource(line.version, hashes, partial(self._client.stream, kept.index, file))
        return found

    async def close(self) -> None:
        """Close all connections."""
        await self._lists.close()
        await self._client.close()
