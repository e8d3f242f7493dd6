"""Publishes Python packages as twine and uv do: https://github.com/pypi/warehouse/blob/main/docs/user/api/upload.md."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from outrider.core.errors import NotFoundError
from outrider.operators.packages.pypi.client import PypiClient
from outrider.operators.packages.pypi.distributions import fields_of, read_distribution
from outrider.operators.packages.pypi.pages import normalised
from outrider.operators.packages.pypi.upload_settings import Destination, destination
from outrider.operators.packages.registries.downloads import opened_downloads
from outrider.operators.packages.registries.forms import form_with_file
from outrider.operators.packages.registries.publications import LocalFile, Publication, State, named_twice
from outrider.operators.packages.registries.registry import Registry
from outrider.operators.packages.registries.uploads import opened_uploads, shown_to, upload
from outrider.operators.packages.resolving.questions import Question


@asynccontextmanager
async def publisher(question: Question, registry: str) -> AsyncIterator["PypiPublisher"]:
    """Have what publishes.

    Args:
        question: With the settings of whoever calls.
        registry: The address to publish at; what the settings say if empty.
    """
    yield PypiPublisher(question, registry)


class PypiPublisher:
    """Publishes.

    Args:
        question: With the settings, the clock and the deadline.
        registry: The address in place of that of the settings.
    """

    def __init__(self, question: Question, registry: str) -> None:
        self._question, self._registry = question, registry
        self._destination: Destination | None = None

    async def read(self, files: Sequence[LocalFile]) -> list[Publication]:
        """Return what files are.

        Raises:
            InvalidConfigError: One is no wheel and no source distribution, or contradicts itself.
        """
        found = [await read_distribution(file) for file in files]
        named_twice(files, [file.name for file in files])
        return found

    async def registry(self, publication: Publication) -> Registry:
        """Return where a file goes.

        Raises:
            UnauthenticatedError: Nothing is known to be shown there.
            OutriderError: What is wrong with the settings.
        """
        del publication
        if self._destination is None:
            self._destination = destination(self._question.environment, self._question.folder, self._registry)
        return shown_to(
            self._destination.registry, "set UV_PUBLISH_TOKEN, or TWINE_PASSWORD to a token",
            "write username and password below the section of ~/.pypirc",
        )  # fmt: skip

    async def state(self, registry: Registry, publication: Publication) -> State:
        """Return whether a file is there: where it is published and where it is found are two addresses, and settings may not name the latter.

        Raises:
            OutriderError: What the index says.
        """
        del registry
        index = self._destination.index if self._destination is not None else None
        if index is None:
            return "unknown"
        async with opened_downloads(index, self._question.clock) as downloads:
            try:
                page, _ = await PypiClient([downloads]).page(normalised(publication.name))
            except NotFoundError:
                return ""
        known = (
            next((one for one in page.files if one.name == publication.file.name), None) if page is not None else None
        )
        if known is None:
            return ""
        digest = known.hashes.get("sha256")
        return "unknown" if digest is None else "there" if digest == publication.file.sha256 else "other"

    async def send(self, registry: Registry, publication: Publication) -> None:
        """Send a file.

        Raises:
            OutriderError: Why the index does not take it.
        """
        form = form_with_file(fields_of(publication), "content", publication.file.name, publication.file.content)
        async with opened_uploads(registry, self._question) as downloads:
            await upload(downloads, "POST", registry.url, form.body, {"content-type": form.content_type})
