"""A client of a repository of Composer: https://getcomposer.org/doc/05-repositories.md#composer."""

import hashlib
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from outrider.core.errors import ExecutionFailedError, NotFoundError
from outrider.core.http.urls import origin
from outrider.operators.packages.composer.roots import (
    ComposerRoot,
    Listed,
    absolute,
    further,
    inline_packages,
    is_name,
    providers_of,
    read_object,
    read_root,
)
from outrider.operators.packages.registries.downloads import Document, Downloads
from outrider.operators.packages.registries.registry import Registry
from outrider.ports.clock import Clock

# In all listings of a repository.
_MOST_LISTINGS = 500
_MOST_PROVIDERS = 1_000


class ComposerClient:
    """Asks a repository; its documents may be on several hosts.

    Args:
        url: Of the repository.
        registry_at: Makes a registry of the address of a document, with what is shown to its host.
        clock: For the age of connections.
    """

    def __init__(self, url: str, registry_at: Callable[[str], Registry], clock: Clock) -> None:
        main = registry_at(url)
        self.url, self._registry_at, self._clock = main.url, registry_at, clock
        self._downloads = {origin(main.url): Downloads(main, clock)}

    @property
    def folder(self) -> str:
        """Below which its documents are."""
        return self.url.rpartition("/")[0] if urlsplit(self.url).path.endswith(".json") else self.url

    def absolute(self, found: Any) -> str:
        """Return an address that the repository names."""
        return absolute(self._root_url, found)

    @property
    def _root_url(self) -> str:
        return self.url if ".json" in urlsplit(self.url).path else f"{self.url}/packages.json"

    async def close(self) -> None:
        """Close all connections."""
        for one in self._downloads.values():
            await one.close()

    async def root(self, known: Document | None = None) -> tuple[ComposerRoot | None, Document]:
        """Return what the repository says of itself; None where that has not changed.

        Args:
            known: What was fetched before.

        Raises:
            ExecutionFailedError: It is no repository of Composer.
            OutriderError: What it says.
        """
        root, documents, document = await self.root_documents(known)
        if root is not None and len(documents) > 1:
            root.inline = inline_packages(documents)
        return root, document

    async def root_documents(
        self, known: Document | None = None
    ) -> tuple[ComposerRoot | None, list[dict[str, Any]], Document]:
        """Return what the repository says of itself, and the documents that say it, with those that the first one includes.

        Args:
            known: What was fetched before.

        Raises:
            ExecutionFailedError: It is no repository of Composer.
            OutriderError: What it says.
        """
        document = await self._get(self._root_url, known)
        if document.content is None:
            return None, [], document
        content = read_object(self._root_url, document.content)
        root = read_root(self._root_url, content)
        included = await self._including(root.includes) if root.is_whole and root.includes else []
        await self._list(root)
        return root, [content, *included], document

    async def search_template(self) -> str:
        """Return where the repository finds packages, with `%query%` in it; empty where it does not.

        Raises:
            OutriderError: What the repository says.
        """
        document = await self._get(self._root_url)
        return absolute(self._root_url, read_object(self._root_url, document.content).get("search"))

    async def found(self, url: str) -> bytes | None:
        """Return what was found at an address; the errors are those of `search_template`."""
        return (await self._get(url)).content

    async def metadata(self, template: str, name: str, known: Document | None = None) -> tuple[Any, Document]:
        """Return the document of a package, as JSON; None where it has not changed.

        Args:
            template: Where it is, with `%package%` in place of its name.
            name: Of the package, perhaps with `~dev`.
            known: What was fetched before.

        Raises:
            NotFoundError: There is none.
            OutriderError: What else the repository says.
        """
        document = await self._get(template.replace("%package%", name), known)
        return (None if document.content is None else read_object(document.url, document.content)), document

    async def provided(self, template: str, name: str, digest: str) -> Any:
        """Return the document of a package that is named with its hash, as JSON.

        Raises:
            ExecutionFailedError: It is another one than was named.
            OutriderError: What the repository says.
        """
        url = template.replace("%package%", name).replace("%hash%", digest)
        return await self._checked(Listed(url, "sha256", digest), url)

    async def providers(self, template: str, name: str) -> list[str]:
        """Return the names of packages that provide a name, some of them at least.

        Args:
            template: Where that is said, with `%package%` in place of the name.
            name: Which.

        Raises:
            OutriderError: What the repository says.
        """
        try:
            document = await self._get(template.replace("%package%", name))
        except NotFoundError:
            return []
        found = read_object(document.url, document.content).get("providers")
        names = [one.get("name") for one in found if isinstance(one, dict)] if isinstance(found, list) else []
        return [one for one in names[:_MOST_PROVIDERS] if isinstance(one, str) and is_name(one)]

    async def _including(self, includes: list[Listed]) -> list[dict[str, Any]]:
        """Return the documents that others include, with all that these include."""
        found, waiting, seen = [], list(includes), set[str]()
        while waiting:
            one = waiting.pop(0)
            if one.path in seen or len(seen) >= _MOST_LISTINGS:
                continue
            seen.add(one.path)
            document = await self._checked(one, f"{self.folder}/{one.path.lstrip('/')}")
            found.append(document)
            waiting += read_root(self._root_url, document).includes
        return found

    async def _list(self, root: ComposerRoot) -> None:
        """Have the hashes of all packages in a root."""
        waiting, count = list(root.listings), 0
        while waiting and root.providers_url and count < _MOST_LISTINGS:
            one, count = waiting.pop(0), count + 1
            document = await self._checked(one, f"{self.folder}/{one.path.lstrip('/')}")
            root.providers |= providers_of(document)
            waiting += further(document)

    async def _checked(self, listed: Listed, url: str) -> dict[str, Any]:
        content = (await self._get(url)).content or b""
        if listed.digest and hashlib.new(listed.algorithm, content, usedforsecurity=False).hexdigest() != listed.digest:
            raise ExecutionFailedError(
                f"{url}: another document than the repository names", found=f"another {listed.algorithm}", expected=listed.digest[:80],
                suggestions=["ask again later: the repository may be changing"],
            )  # fmt: skip
        return read_object(url, content)

    async def _get(self, url: str, known: Document | None = None) -> Document:
        """Fetch a document; whoever has none is told apart from who has no repository."""
        where = origin(url)
        downloads = self._downloads.get(where)
        if downloads is None:
            downloads = self._downloads[where] = Downloads(self._registry_at(url), self._clock)
        if url == self._root_url:
            return await downloads.root(url, "repository of Composer", known)
        return await downloads.get(url, known=known)
