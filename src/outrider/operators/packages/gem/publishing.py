"""Publishes gems as gem push does: https://guides.rubygems.org/rubygems-org-api/#gem-methods, `POST api/v1/gems`."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from outrider.core.errors import InvalidConfigError, MissingRequirementError, NotFoundError, UnsupportedError
from outrider.operators.packages.gem.client import GemClient
from outrider.operators.packages.gem.lines import read_lines
from outrider.operators.packages.gem.program import RubyProgram, ruby_program
from outrider.operators.packages.gem.push_settings import push_host, registry_of
from outrider.operators.packages.gem.serving.publishing import read_gem
from outrider.operators.packages.gem.settings import GemSettings
from outrider.operators.packages.registries.downloads import opened_downloads
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


@asynccontextmanager
async def publisher(question: Question, registry: str) -> AsyncIterator["GemPublisher"]:
    """Have what publishes.

    Args:
        question: With the settings of whoever calls.
        registry: The address to publish at; what the gem and the settings say if empty.
    """
    program = await ruby_program(question.environment, question.cache)
    yield GemPublisher(GemSettings(question.environment, question.folder), program, question, registry)


class GemPublisher:
    """Publishes.

    Args:
        settings: How servers are asked.
        program: The Ruby of this machine.
        question: With the clock and the deadline.
        registry: The address in place of that of the settings.
    """

    def __init__(self, settings: GemSettings, program: RubyProgram, question: Question, registry: str) -> None:
        self._settings, self._program, self._question, self._registry = settings, program, question, registry

    async def read(self, files: Sequence[LocalFile]) -> list[Publication]:
        """Return what files are.

        Raises:
            InvalidConfigError: gem has not built one, or it contradicts itself.
        """
        found = [_publication(file) for file in files]
        named_twice(files, [f"{one.name} {one.said['variant']}" for one in found])
        return found

    async def registry(self, publication: Publication) -> Registry:
        """Return where a gem goes.

        Raises:
            UnauthenticatedError: No key is known for it.
            OutriderError: What is wrong with the settings.
        """
        environment = self._question.environment
        host = push_host(environment, publication.said["metadata"], self._program.sources, self._registry)
        found = registry_of(self._settings, environment, host)
        return shown_to(found, f"gem signin --host {found.url}", "set GEM_HOST_API_KEY")

    async def state(self, registry: Registry, publication: Publication) -> State:
        """Return whether a gem is there, for the same platform.

        Raises:
            OutriderError: What the server says.
        """
        async with opened_downloads(self._reading(registry), self._question.clock) as downloads:
            try:
                known = await GemClient([downloads]).info(publication.name)
            except NotFoundError:
                return ""
        for line in read_lines(known.content if known is not None else b""):
            if line is not None and (line.version, line.variant.platform) == (
                publication.version,
                publication.said["platform"],
            ):
                digest = line.variant.checksum
                return "unknown" if not digest else "there" if digest == publication.file.sha256 else "other"
        return ""

    async def send(self, registry: Registry, publication: Publication) -> None:
        """Send a gem.

        Raises:
            OutriderError: Why the server does not take it.
        """
        headers = {"content-type": "application/octet-stream"}
        if code := self._question.environment.get("GEM_HOST_OTP_CODE"):
            headers["otp"] = code
        async with opened_uploads(registry, self._question) as downloads:
            await upload(downloads, "POST", f"{registry.url}/api/v1/gems", publication.file.content, headers)

    def _reading(self, registry: Registry) -> Registry:
        """Return the server as gems are fetched from it: keys are for publishing, and logins for this."""
        try:
            sources = self._settings.registries(self._program.sources)
        except (MissingRequirementError, UnsupportedError):
            sources = []
        same = (one for one in sources if one.url == registry.url)
        return next(same, msgspec.structs.replace(registry, authorization=None))


def _publication(file: LocalFile) -> Publication:
    try:
        found = read_gem(file.content)
    except InvalidConfigError as error:
        raise contradiction(
            file, error.message, found=error.found, expected=error.expected or "what gem build writes", remedy="build it anew: gem build"
        ) from error  # fmt: skip
    said = {"variant": found.variant, "platform": found.platform, "metadata": found.metadata}
    if Path(file.path).suffix != ".gem":
        raise contradiction(
            file,
            "it is not called as a gem",
            found=file.name,
            expected=f"{found.full_name}.gem",
            remedy="build it anew: gem build",
        )
    return Publication(found.name, found.version, file, said)
