"""A client of Python indexes: what projects have, and what their releases say of themselves."""

import asyncio
from collections.abc import Mapping, Sequence

import msgspec

from outrider.core.errors import ExecutionFailedError, NotFoundError
from outrider.core.http.urls import origin
from outrider.operators.packages.pypi.core_metadata import Metadata, read_metadata
from outrider.operators.packages.pypi.pages import ACCEPT, Page, PypiFile, read_page
from outrider.operators.packages.pypi.source_metadata import TAR_ENDINGS, source_metadata
from outrider.operators.packages.pypi.wheel_metadata import TAIL, metadata_text
from outrider.operators.packages.registries.downloads import Document, Downloads


class PypiClient:
    """Asks Python indexes.

    Args:
        indexes: In the order in which they are asked; the first one that has a project has it alone.
        named: Likewise for single projects, by their normalised names; or those that are asked where their address is given.
    """

    def __init__(self, indexes: Sequence[Downloads], named: Mapping[str, Sequence[Downloads]] | None = None) -> None:
        self._indexes, self._named = indexes, named or {}
        self._everywhere = list(dict.fromkeys([*indexes, *(one for some in self._named.values() for one in some)]))

    async def close(self) -> None:
        """End all connections."""
        for one in self._everywhere:
            await one.close()

    async def page(self, name: str, known: Document | None = None, *, at: str = "") -> tuple[Page | None, Document]:
        """Return what there is of a project, by its normalised name; None where that has not changed. The document has the index's address.

        Args:
            name: Of the project.
            known: What was fetched before, with the address of its index: others cannot say whether it has changed.
            at: The address of the index that alone is asked; empty where that follows from the name.

        Raises:
            NotFoundError: No index has it.
            OutriderError: What else an index says: another one is not asked then, as it may be somebody else's of that name.
        """
        indexes = self._named.get(at or name, self._indexes)
        for index in indexes:
            url = index.registry.url
            same = known if known is not None and known.url == url else None
            try:
                document = await index.get(f"{url}/{name}/", headers={"accept": ACCEPT}, known=same)
            except NotFoundError:
                continue
            page = None if document.content is None else read_page(document)
            return page, msgspec.structs.replace(document, url=url)
        asked = ", ".join(index.registry.url for index in indexes)
        raise NotFoundError(f"pypi {name}: there is none", found=f"not in {asked}", suggestions=["check the name"])

    async def metadata(self, file: PypiFile) -> Metadata:
        """Return the metadata of a wheel, taken apart; otherwise as `metadata_text`."""
        return read_metadata(await self.metadata_text(file))

    async def metadata_text(self, file: PypiFile) -> str:
        """Return the metadata of a file: what the index has beside it, else what is read out of it.

        Raises:
            OutriderError: What the index says.
            ExecutionFailedError: It is no wheel, and no source distribution.
        """
        index = self.index_of(file)
        if file.metadata:
            try:
                found = await index.get(f"{file.url}.metadata")
                text = (found.content or b"").decode("utf-8", "replace")
                read_metadata(text)
            except (NotFoundError, ExecutionFailedError):
                pass  # it was promised, and the wheel has it too
            else:
                return text
        return await self._within(index, file)

    def index_of(self, file: PypiFile) -> Downloads:
        """Return the index whose credentials a file needs: files of most indexes are on another host, which needs none."""
        where = origin(file.url)
        return next((one for one in self._everywhere if origin(one.registry.url) == where), self._everywhere[0])

    async def _within(self, index: Downloads, file: PypiFile) -> str:
        if file.name.endswith(TAR_ENDINGS):
            whole = await index.get(file.url, headers={"accept-encoding": "identity"})
            return await asyncio.to_thread(source_metadata, file.name, whole.content or b"")
        tail = await index.get(file.url, headers={"range": f"bytes=-{TAIL}", "accept-encoding": "identity"})
        content = tail.content or b""
        if tail.status != 206 or not tail.total:
            return await metadata_text(file.name, len(content), content, _nothing_more)

        async def fetch(begin: int, end: int) -> bytes:
            part = await index.get(
                file.url, headers={"range": f"bytes={begin}-{end - 1}", "accept-encoding": "identity"}
            )
            return part.content or b""

        return await metadata_text(file.name, tail.total, content, fetch)


async def _nothing_more(begin: int, end: int) -> bytes:
    raise ExecutionFailedError("the file is cut off", found=f"no bytes from {begin} to {end}", expected="a whole file")
