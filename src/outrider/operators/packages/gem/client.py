"""A client of compact indexes, as Bundler has one:
https://github.com/rubygems/rubygems/blob/master/bundler/lib/bundler/compact_index_client.rb.

Their documents grow at the end. So only what came after the part that is known is asked for, and what comes out of both is compared with
the digest that is sent along (RFC 9530). Where there is none, or another one, the whole document is fetched.
"""

import hashlib
from base64 import b64encode
from collections.abc import Callable, Sequence

import msgspec

from outrider.core.errors import ExecutionFailedError, NotFoundError
from outrider.operators.packages.gem.lines import is_name
from outrider.operators.packages.registries.downloads import Document, Downloads


class Known(msgspec.Struct, frozen=True):
    """A document that was fetched before.

    Attributes:
        content: What it was.
        index: The address of its source.
        etag: For asking again.
        checked: Whether a digest of it was said.
    """

    content: bytes
    index: str
    etag: str = ""
    checked: bool = False


class GemClient:
    """Asks sources of gems.

    Args:
        sources: In the order in which they are asked; the first one that has a gem has it alone.
    """

    def __init__(self, sources: Sequence[Downloads]) -> None:
        self._sources = sources

    @property
    def indexes(self) -> list[str]:
        """The addresses of the sources."""
        return [source.registry.url for source in self._sources]

    async def info(self, name: str, known: Known | None = None) -> Known | None:
        """Return the document of a gem; None where it has not changed.

        Args:
            name: Of the gem.
            known: What was fetched before.

        Raises:
            NotFoundError: No source has it.
            OutriderError: What else a source says: another one is not asked then, as it may be somebody else's of that name.
        """
        if not is_name(name):
            raise NotFoundError(
                f"gem {name[:64]!r}: no gem has such a name", found=name[:64], suggestions=["check the name"]
            )
        for source in self._sources:
            try:
                return await self._fetch(source, f"info/{name}", known)
            except NotFoundError:
                continue
        asked = ", ".join(source.registry.url for source in self._sources)
        raise NotFoundError(f"gem {name}: there is none", found=f"not in {asked}", suggestions=["check the name"])

    async def names(self) -> list[str]:
        """Return the names of all gems of the first source.

        Raises:
            OutriderError: What the source says.
        """
        fetched = await self._fetch(self._sources[0], "names", None)
        return (fetched.content if fetched is not None else b"").decode("utf-8", "replace").split("\n")

    async def versions(self, index: str, known: Known | None) -> Known | None:
        """Return the list of all versions of a source; None where it has not changed.

        Args:
            index: The address of the source.
            known: What was fetched before.

        Raises:
            NotFoundError: It has no such list.
            OutriderError: What else it says.
        """
        return await self._fetch(self._source(index), "versions", known)

    async def stream(self, index: str, file: str, receive: Callable[[bytes], object]) -> None:
        """Fetch the file of a gem, piece by piece; the parameters and the errors are those of `Downloads.stream`.

        Args:
            index: The address of the source that has it.
            file: Its name.
            receive: Is given each piece.
        """
        await self._source(index).stream(f"{index}/gems/{file}", receive)

    def _source(self, index: str) -> Downloads:
        for source in self._sources:
            if source.registry.url == index:
                return source
        raise NotFoundError(
            f"{index}: it is no source of gems any more", found=index, expected=", ".join(self.indexes),
            suggestions=["ask again: what is known is fetched anew"],
        )  # fmt: skip

    async def close(self) -> None:
        """Close all connections."""
        for source in self._sources:
            await source.close()

    async def _fetch(self, source: Downloads, path: str, known: Known | None) -> Known | None:
        url = f"{source.registry.url}/{path}"
        if known is None or known.index != source.registry.url:
            known = None
        before = None if known is None else Document(content=None, url=url, etag=known.etag)
        if known is not None and known.content and known.checked:
            # The last byte is asked for again: a range without any byte would be refused.
            fields = {"range": f"bytes={len(known.content) - 1}-", "accept-encoding": "identity"}
            document = await source.get(url, headers=fields, known=before)
            if document.status == 206:
                document = msgspec.structs.replace(document, content=known.content + (document.content or b"")[1:])
                if not document.digest or not _agrees(document):
                    document = await source.get(url)
        else:
            document = await source.get(url, known=before)
        if document.content is None:
            return None
        if not _agrees(document):
            raise ExecutionFailedError(
                f"{url}: what came is not what the source says that it is", found="another digest", expected=document.digest[:200],
                suggestions=["ask again later", f"check the address in {source.registry.source}"],
            )  # fmt: skip
        return Known(document.content, source.registry.url, document.etag, bool(_expected(document)))


def _agrees(document: Document) -> bool:
    """Return whether a document is what is said of it; what is said in another way than SHA-256 is not looked at."""
    expected = _expected(document)
    return not expected or expected == b64encode(hashlib.sha256(document.content or b"").digest()).decode()


def _expected(document: Document) -> str:
    """Return the digest in the field `Repr-Digest`, or `Digest` as it was before; some servers put it between quotation marks."""
    for word in document.digest.split(","):
        algorithm, _, value = word.strip().partition("=")
        if algorithm.strip().lower() == "sha-256":
            return value.strip().strip(":").strip('"')
    return ""
