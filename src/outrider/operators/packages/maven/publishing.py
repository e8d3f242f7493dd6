"""Publishes artifacts as mvn deploy does: files, each with its checksums, and then the lists of versions and builds."""

import hashlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from outrider.core.errors import InvalidConfigError, NotFoundError
from outrider.operators.packages.maven.coordinates import Artifact, Project, file_name, folder_of, is_snapshot, quoted
from outrider.operators.packages.maven.deploy_settings import deploy_registry
from outrider.operators.packages.maven.deployed_metadata import next_build, with_build, with_version
from outrider.operators.packages.maven.deployments import artifacts_of, read_deployments
from outrider.operators.packages.maven.metadata import Versioning, read_metadata
from outrider.operators.packages.maven.program import maven_program
from outrider.operators.packages.maven.settings import MavenSettings
from outrider.operators.packages.registries.downloads import Downloads
from outrider.operators.packages.registries.publications import LocalFile, Publication, State
from outrider.operators.packages.registries.registry import Registry
from outrider.operators.packages.registries.uploads import opened_uploads, shown_to, upload
from outrider.operators.packages.resolving.questions import Question

_METADATA = "maven-metadata.xml"
# Those of Maven 3.8.
_ALGORITHMS = ("md5", "sha1")
_TAKEN = (200, 201, 202, 204)


@asynccontextmanager
async def publisher(question: Question, registry: str) -> AsyncIterator["MavenPublisher"]:
    """Have what publishes.

    Args:
        question: With the settings of whoever calls.
        registry: The address of the repository; what the settings and the POM say if empty.
    """
    program = await maven_program(question.environment, question.cache)
    yield MavenPublisher(MavenSettings(question.environment, program), question, registry)


class MavenPublisher:
    """Publishes.

    Args:
        settings: Of Maven.
        question: With the clock and the deadline.
        registry: The address in place of that of the settings.
    """

    def __init__(self, settings: MavenSettings, question: Question, registry: str) -> None:
        self._settings, self._question, self._registry = settings, question, registry

    async def read(self, files: Sequence[LocalFile]) -> list[Publication]:
        """Return what files are.

        Raises:
            InvalidConfigError: One belongs to no POM, or contradicts it.
            UnsupportedError: It is a plugin of Maven.
        """
        return read_deployments(files)

    async def registry(self, publication: Publication) -> Registry:
        """Return the repository of an artifact.

        Raises:
            UnauthenticatedError: Nothing is known to be shown there.
            OutriderError: What is wrong with the settings.
        """
        found = deploy_registry(
            self._settings, self._question.environment, publication.said["repositories"], self._registry, snapshot=is_snapshot(publication.version)
        )  # fmt: skip
        return shown_to(
            found, "write a server with the id of the repository, a username and a password into ~/.m2/settings.xml"
        )

    async def state(self, registry: Registry, publication: Publication) -> State:
        """Return whether all files of a version are there; of a snapshot there is always one build more.

        Raises:
            OutriderError: What the repository says.
        """
        if is_snapshot(publication.version):
            return ""
        async with opened_uploads(registry, self._question) as downloads:
            states = [await _state(downloads, artifact, file) for artifact, file in artifacts_of(publication)]
        return "other" if "other" in states else "there" if set(states) == {"there"} else ""

    async def send(self, registry: Registry, publication: Publication) -> None:
        """Send the files of a version that are not there, and tell of it.

        Raises:
            OutriderError: Why the repository does not take them.
        """
        artifacts = artifacts_of(publication)
        project, now = artifacts[0][0].project, self._question.clock.now()
        async with opened_uploads(registry, self._question) as downloads:
            if is_snapshot(project.version):
                await self._send_build(downloads, project, artifacts, now)
            else:
                for artifact, file in artifacts:
                    if await _state(downloads, artifact, file) != "there":
                        await _put(downloads, _path(artifact), file.content)
            folder = folder_of(project.group, project.artifact)
            known = await _known(downloads, folder)
            await _put(downloads, f"{folder}/{_METADATA}", with_version(known, project, now))

    async def _send_build(
        self, downloads: Downloads, project: Project, artifacts: Sequence[tuple[Artifact, LocalFile]], now: float
    ) -> None:
        folder = folder_of(project.group, project.artifact, project.version)
        known = await _known(downloads, folder)
        build = next_build(known, now)
        for artifact, file in artifacts:
            name = file_name(artifact._replace(version=build.version(project.version)))
            await _put(downloads, f"{folder}/{quoted(name)}", file.content)
        said = with_build(known, project, build, [artifact for artifact, _ in artifacts], now)
        await _put(downloads, f"{folder}/{_METADATA}", said)


def _path(artifact: Artifact) -> str:
    return f"{folder_of(artifact.group, artifact.artifact, artifact.version)}/{quoted(file_name(artifact))}"


async def _state(downloads: Downloads, artifact: Artifact, file: LocalFile) -> State:
    """Return whether a file is there, of which its checksum is asked for and not the file."""
    try:
        document = await downloads.get(f"{downloads.registry.url}/{_path(artifact)}.sha1")
    except NotFoundError:
        return ""
    said = (document.content or b"").decode("latin-1").split()[:1]
    own = hashlib.sha1(file.content, usedforsecurity=False).hexdigest()
    return "there" if [one.lower() for one in said] == [own] else "other"


async def _known(downloads: Downloads, folder: str) -> Versioning:
    """Return what a list says; nothing where there is none, or none that can be read."""
    try:
        document = await downloads.get(f"{downloads.registry.url}/{folder}/{_METADATA}")
        return read_metadata(document.content or b"")[0]
    except (NotFoundError, InvalidConfigError):
        return Versioning()


async def _put(downloads: Downloads, path: str, content: bytes) -> None:
    """Send a file and its checksums."""
    url = f"{downloads.registry.url}/{path}"
    await upload(downloads, "PUT", url, content, {}, taken=_TAKEN)
    for algorithm in _ALGORITHMS:
        digest = hashlib.new(algorithm, content, usedforsecurity=False).hexdigest()
        await upload(downloads, "PUT", f"{url}.{algorithm}", digest.encode(), {}, taken=_TAKEN)
