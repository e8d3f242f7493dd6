"""Publishes packages as nuget push does: https://learn.microsoft.com/nuget/api/package-publish-resource."""

import hashlib
import io
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import msgspec

from outrider.core.errors import InvalidConfigError, NotFoundError, UnsupportedError
from outrider.core.http.urls import origin
from outrider.operators.packages.nuget.flat_container import file_name, place
from outrider.operators.packages.nuget.push_settings import push_registry, with_key
from outrider.operators.packages.nuget.services import service_at
from outrider.operators.packages.nuget.serving.archives import manifest_in
from outrider.operators.packages.nuget.serving.nuspecs import read_nuspec
from outrider.operators.packages.registries.downloads import Downloads, opened_downloads
from outrider.operators.packages.registries.forms import form_with_file
from outrider.operators.packages.registries.publications import (
    LocalFile,
    Publication,
    State,
    contradiction,
    named_twice,
)
from outrider.operators.packages.registries.registry import Registry
from outrider.operators.packages.registries.uploads import opened_uploads, shown_to, upload
from outrider.operators.packages.resolving.questions import Question

_PUBLISH = ("PackagePublish/2.0.0",)
_CONTENT = ("PackageBaseAddress/3.0.0", "PackageBaseAddress")
# Those of older clients are not taken everywhere: https://learn.microsoft.com/nuget/api/nuget-protocols.
_PROTOCOL = {"x-nuget-protocol-version": "4.1.0"}


@asynccontextmanager
async def publisher(question: Question, registry: str) -> AsyncIterator["NugetPublisher"]:
    """Have what publishes.

    Args:
        question: With the settings of whoever calls.
        registry: The address of the service index to publish at; what the settings say if empty.
    """
    yield NugetPublisher(question, registry)


class NugetPublisher:
    """Publishes.

    Args:
        question: With the settings, the clock and the deadline.
        registry: The address in place of that of the settings.
    """

    def __init__(self, question: Question, registry: str) -> None:
        self._question, self._registry = question, registry

    async def read(self, files: Sequence[LocalFile]) -> list[Publication]:
        """Return what files are.

        Raises:
            InvalidConfigError: One is no package, or it contradicts itself.
        """
        found = [_publication(file) for file in files]
        named_twice(files, [f"{one.name} {one.version}".lower() for one in found])
        return found

    async def registry(self, publication: Publication) -> Registry:
        """Return the source in which a package is published.

        Raises:
            UnauthenticatedError: Nothing is known to be shown there.
            OutriderError: What is wrong with the settings.
        """
        del publication
        return shown_to(
            push_registry(self._question.environment, self._question.folder, self._registry),
            "dotnet nuget update source NAME --username USER --password KEY --store-password-in-clear-text",
            "set NuGetPackageSourceCredentials_NAME to Username=USER;Password=KEY",
        )  # fmt: skip

    async def state(self, registry: Registry, publication: Publication) -> State:
        """Return whether a version is there.

        Raises:
            OutriderError: What the source says.
        """
        async with opened_downloads(registry, self._question.clock) as downloads:
            content = await self._service(downloads, _CONTENT)
            if not content:
                return "unknown"
            digest = hashlib.sha256()
            file = file_name(publication.name, publication.version)
            try:
                await downloads.stream(place(content, publication.name, publication.version, file), digest.update)
            except NotFoundError:
                return ""
        return "there" if digest.hexdigest() == publication.file.sha256 else "other"

    async def send(self, registry: Registry, publication: Publication) -> None:
        """Send a package.

        Raises:
            UnsupportedError: The source takes none.
            OutriderError: Why it does not take this one.
        """
        async with opened_downloads(registry, self._question.clock) as downloads:
            url = await self._service(downloads, _PUBLISH)
        if not url:
            raise UnsupportedError(
                f"{registry.url}: this source takes no packages", found="no PackagePublish in its service index", expected=_PUBLISH[0],
                suggestions=["publish in another source: --registry"],
            )  # fmt: skip
        form = form_with_file((), "package", "package.nupkg", publication.file.content)
        target = msgspec.structs.replace(with_key(registry), url=url)
        if registry.url.startswith("https:") and not url.startswith("https:"):
            raise UnsupportedError(
                f"{registry.url}: it takes packages without encryption, and the key would be for everybody to read", found=url[:200], expected="https",
                suggestions=["tell whoever runs the source"],
            )  # fmt: skip
        if origin(url) != origin(registry.url):
            # The key is for wherever the source sends us, and its password is not.
            target = msgspec.structs.replace(target, authorization=None)
        async with opened_uploads(target, self._question) as downloads:
            await upload(downloads, "PUT", url, form.body, {"content-type": form.content_type, **_PROTOCOL})

    async def _service(self, downloads: Downloads, types: Sequence[str]) -> str:
        index = downloads.registry.url
        return service_at(index, (await downloads.get(index)).content or b"", types)


def _publication(file: LocalFile) -> Publication:
    try:
        name, manifest = manifest_in(io.BytesIO(file.content))
        found = read_nuspec(manifest)
    except InvalidConfigError as error:
        raise contradiction(
            file, error.message, found=error.found, expected=error.expected or "what nuget pack writes", remedy="pack it anew: nuget pack"
        ) from error  # fmt: skip
    usual = file_name(found.id, found.version)
    if name.lower() != f"{found.id}.nuspec".lower() or not file.name.lower().endswith(".nupkg"):
        raise contradiction(
            file, f"it is called as another package than {found.id}", found=f"{file.name} with {name[:100]}", expected=f"{usual} with {found.id}.nuspec",
            remedy="pack it anew: nuget pack",
        )  # fmt: skip
    return Publication(found.id, found.version, file)
