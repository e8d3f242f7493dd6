"""Publishes archives in a registry of Outrider: Composer itself has no command for it, and other repositories read version control.

`PUT` of a zip file with its composer.json, as other registries that take archives have it.
"""

import hashlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import msgspec

from outrider.core.errors import InvalidConfigError, NotFoundError
from outrider.operators.packages.composer.client import ComposerClient
from outrider.operators.packages.composer.program import composer_program
from outrider.operators.packages.composer.releases import ReleaseReader
from outrider.operators.packages.composer.repositories import DEV
from outrider.operators.packages.composer.serving.publishing import read_package
from outrider.operators.packages.composer.settings import ComposerSettings
from outrider.operators.packages.composer.stabilities import DEV as BRANCH
from outrider.operators.packages.composer.stabilities import stability_of
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
from outrider.operators.packages.versions.composer import normal_form

_REMEDY = "build it anew: composer archive --format=zip, with a version in composer.json"


@asynccontextmanager
async def publisher(question: Question, registry: str) -> AsyncIterator["ComposerPublisher"]:
    """Have what publishes.

    Args:
        question: With the settings of whoever calls.
        registry: The address to publish at; the one repository that the settings name if empty.
    """
    program = await composer_program(question.environment, question.cache, question.clock)
    yield ComposerPublisher(
        ComposerSettings(question.environment, question.folder, program.default), question, registry
    )


class ComposerPublisher:
    """Publishes.

    Args:
        settings: How repositories are asked.
        question: With the clock and the deadline.
        registry: The address in place of that of the settings.
    """

    def __init__(self, settings: ComposerSettings, question: Question, registry: str) -> None:
        self._settings, self._question, self._registry = settings, question, registry

    async def read(self, files: Sequence[LocalFile]) -> list[Publication]:
        """Return what files are.

        Raises:
            InvalidConfigError: One is no archive of a package with a version, or contradicts itself.
        """
        found = [_publication(file) for file in files]
        named_twice(files, [f"{one.name} {normal_form(one.version)}" for one in found])
        return found

    async def registry(self, publication: Publication) -> Registry:
        """Return where an archive goes.

        Raises:
            UnauthenticatedError: No credentials are known for it.
            OutriderError: What is wrong with the settings.
        """
        del publication
        url, source = self._registry, "registry"
        if not url:
            own = [one for one in self._settings.places() if one.url and not self._settings.is_default(one.url)]
            if len(own) != 1:
                raise InvalidConfigError(
                    "registry: Composer's settings do not say where to publish", path="registry",
                    found=f"{len(own)} repositories beside its own default", expected="one",
                    suggestions=["name it: --registry https://HOST/composer"],
                )  # fmt: skip
            url, source = own[0].url, own[0].source
        found = self._settings.registry(url, source)
        host = urlsplit(found.url).netloc
        return shown_to(found, f"composer config --global http-basic.{host} __token__ TOKEN")

    async def state(self, registry: Registry, publication: Publication) -> State:
        """Return whether a version is there.

        Raises:
            OutriderError: What the repository says.
        """
        client = ComposerClient(
            registry.url, lambda url: self._settings.registry(url, registry.source), self._question.clock
        )
        try:
            root, _ = await client.root()
            document = f"{publication.name}{DEV if stability_of(publication.version) == BRANCH else ''}"
            if root is None or not root.metadata_url:
                return "unknown"
            said, _ = await client.metadata(root.metadata_url, document)
        except NotFoundError:
            return ""
        finally:
            await client.close()
        content = said if isinstance(said, dict) else {}
        versions = (content.get("packages") or {}).get(publication.name) or []
        digest = hashlib.sha1(publication.file.content, usedforsecurity=False).hexdigest()
        for one in ReleaseReader().read(publication.name, versions, minified=content.get("minified")):
            if one is not None and one.normal == normal_form(publication.version):
                return "unknown" if not one.release.sha1 else "there" if one.release.sha1 == digest else "other"
        return ""

    async def send(self, registry: Registry, publication: Publication) -> None:
        """Send an archive.

        Raises:
            OutriderError: Why the registry does not take it.
        """
        headers = {"content-type": "application/zip"}
        async with opened_uploads(registry, self._question) as downloads:
            await upload(downloads, "PUT", registry.url, publication.file.content, headers)


def _publication(file: LocalFile) -> Publication:
    try:
        found = read_package(file.content)
    except InvalidConfigError as error:
        raise contradiction(
            file, error.message, found=error.found, expected=error.expected or "a zip file with a composer.json", remedy=_REMEDY
        ) from error  # fmt: skip
    return Publication(found.name, found.version, file, msgspec.to_builtins(found))
