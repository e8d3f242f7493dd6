"""Versions as their repository writes them, with what it says of all of its packages: what composer.lock tells of them is made of that.

https://github.com/composer/composer/blob/2.5.5/src/Composer/Repository/ComposerRepository.php, the method `createPackages`.
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from outrider.core.errors import ExecutionFailedError
from outrider.operators.packages.composer.client import ComposerClient
from outrider.operators.packages.composer.releases import whole_versions
from outrider.operators.packages.composer.roots import inline_versions
from outrider.operators.packages.composer.settings import Place

_SOURCES = ("git", "hg")


class WrittenVersions:
    """The versions of a repository.

    Args:
        place: Where it is.
        client: Who is asked; None where its packages are in the settings.
    """

    def __init__(self, place: Place, client: ComposerClient | None) -> None:
        self._place, self._client = place, client
        self._root: dict[str, Any] | None = None
        self._inline: dict[str, list[Any]] = {}
        self._lock = asyncio.Lock()
        if place.packages is not None:
            self._inline = inline_versions([{"packages": {"": place.packages}}])

    async def get(self, documents: Sequence[str], template: str, name: str, version: str) -> dict[str, Any]:
        """Return a version.

        Args:
            documents: The names of those that may have it, the likeliest first, but for those that have packages themselves.
            template: Where they are, with `%package%` in place of the name.
            name: Of the package.
            version: As it is written.

        Raises:
            ExecutionFailedError: The repository does not have it any more.
            OutriderError: What it says.
        """
        if self._client is None:
            return _one(self._inline.get(name, []), self._place.source, name, version)
        async with self._lock:
            if self._root is None:
                _, (self._root, *others), _ = await self._client.root_documents()
                self._inline = inline_versions([self._root, *others])
        found = self._inline.get(name, [])
        for document in () if found else documents:
            content, _ = await self._client.metadata(template, document)
            found = list(_versions(content, name))
            if any(str(one.get("version", "")) == version for one in found):
                break
        return self._completed(_one(found, self._client.url, name, version), self._client, self._root)

    def _completed(self, said: Mapping[str, Any], client: ComposerClient, root: Mapping[str, Any]) -> dict[str, Any]:
        """Return a version with what the repository says of all of them."""
        found = {**said, "transport-options": self._options(said, client)}
        notified = root.get("notify-batch") or root.get("notify")
        if found.get("notification-url") is None and notified:
            found["notification-url"] = client.absolute(notified)
        mirrors = [one for one in root.get("mirrors") or () if isinstance(one, dict)]
        source, dist = said.get("source"), said.get("dist")
        if isinstance(source, dict) and source.get("type") in _SOURCES:
            key = f"{source['type']}-url"
            others = [_mirror(one[key], one) for one in mirrors if one.get(key)]
            found["source"] = {**source, "mirrors": others} if others else source
        if isinstance(dist, dict):
            others = [_mirror(client.absolute(one["dist-url"]), one) for one in mirrors if one.get("dist-url")]
            found["dist"] = {**dist, "mirrors": others or None}
        return found

    def _options(self, said: Mapping[str, Any], client: ComposerClient) -> Any:
        """Return what is said of the way to the repository, where that is the way to an archive too."""
        dist = said.get("dist")
        url = dist.get("url") if isinstance(dist, dict) else None
        return self._place.options if isinstance(url, str) and url.startswith(client.folder) else None


def _mirror(url: Any, said: Mapping[str, Any]) -> dict[str, Any]:
    return {"url": url, "preferred": bool(said.get("preferred"))}


def _versions(document: Any, name: str) -> Iterator[dict[str, Any]]:
    packages = document.get("packages") if isinstance(document, dict) else None
    found = packages.get(name) if isinstance(packages, dict) else None
    whole = whole_versions(found, minified=document.get("minified") if isinstance(document, dict) else None)
    yield from (one for one in whole if isinstance(one, dict) and str(one.get("name", "")).lower() == name)


def _one(found: Sequence[dict[str, Any]], where: str, name: str, version: str) -> dict[str, Any]:
    for one in found:
        if str(one.get("version", "")) == version:
            return one
    raise ExecutionFailedError(
        f"{where}: it does not have {name} {version} any more", found=f"{len(found)} other versions", expected=f"{name} {version}",
        suggestions=["ask again: the repository has changed in between"],
    )  # fmt: skip
