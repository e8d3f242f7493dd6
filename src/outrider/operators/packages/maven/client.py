"""A client of a Maven repository: https://maven.apache.org/repositories/layout.html."""

import hashlib
import re
from collections.abc import Callable

import msgspec

from outrider.core.errors import NotFoundError
from outrider.operators.packages.maven.coordinates import Artifact, file_name, folder_of, is_snapshot, quoted
from outrider.operators.packages.registries.downloads import Document, Downloads
from outrider.operators.packages.registries.registry import Registry
from outrider.ports.clock import Clock

_DIGEST = re.compile(rb"\s*([0-9A-Fa-f]{64})(?:\s|$)")


class MavenRepository(msgspec.Struct, frozen=True, kw_only=True):
    """A repository.

    Attributes:
        id: How Maven calls it.
        registry: Where it is.
        releases: Whether it is asked for releases.
        snapshots: Whether it is asked for snapshots.
    """

    id: str
    registry: Registry
    releases: bool = True
    snapshots: bool = True

    def is_asked_for(self, version: str) -> bool:
        """Return whether it is asked for a version."""
        return self.snapshots if is_snapshot(version) else self.releases


class MavenClient:
    """Asks a repository.

    Args:
        repository: Which.
        clock: For the age of connections.
    """

    def __init__(self, repository: MavenRepository, clock: Clock) -> None:
        self.repository = repository
        self._downloads = Downloads(repository.registry, clock)

    async def close(self) -> None:
        """Close all connections."""
        await self._downloads.close()

    async def metadata(self, name: str, version: str, known: Document) -> Document:
        """Return which versions there are of an artifact, or which files of a snapshot.

        Args:
            name: Group and artifact.
            version: Of a snapshot; empty for the versions of the artifact.
            known: What was fetched before: it is fetched only where it has changed.

        Raises:
            NotFoundError: There is none.
            OutriderError: What else the repository says.
        """
        group, _, artifact = name.partition(":")
        # Above a group of one word there is none.
        folder = folder_of(group, artifact, version).lstrip("/")
        return await self._downloads.get(f"{self.repository.registry.url}/{folder}/maven-metadata.xml", known=known)

    async def small(self, artifact: Artifact) -> bytes:
        """Return a small file of a version, such as its POM.

        Args:
            artifact: Its extension says which.

        Raises:
            NotFoundError: There is none.
            OutriderError: What else the repository says.
        """
        document = await self._downloads.get(url_of(self.repository, artifact))
        return document.content or b""

    async def has(self, artifact: Artifact) -> bool:
        """Return whether there is a file, of which its checksum is asked for and not the file.

        Raises:
            OutriderError: What the repository says.
        """
        try:
            await self._downloads.get(f"{url_of(self.repository, artifact)}.sha1")
        except NotFoundError:
            return False
        return True

    async def sha256(self, artifact: Artifact) -> str:
        """Return the digest of a file: that beside it, else of the file itself, since few have one beside them.

        Raises:
            NotFoundError: There is no such file.
            OutriderError: What else the repository says.
        """
        url = url_of(self.repository, artifact)
        try:
            said = _DIGEST.match((await self._downloads.get(f"{url}.sha256")).content or b"")
        except NotFoundError:
            said = None
        if said is not None:
            return said[1].decode().lower()
        digest = hashlib.sha256()
        await self._downloads.stream(url, digest.update)
        return digest.hexdigest()

    async def small_file(self, path: str) -> bytes:
        """Return a small file by its path in the repository.

        Raises:
            NotFoundError: There is none.
            OutriderError: What else the repository says.
        """
        return (await self._downloads.get(f"{self.repository.registry.url}/{path}")).content or b""

    async def stream(self, path: str, receive: Callable[[bytes], object]) -> None:
        """Fetch a file of any size, piece by piece.

        Args:
            path: In the repository, as it stands in an address.
            receive: Is given each piece, and must not wait.

        Raises:
            NotFoundError: There is none.
            OutriderError: What else the repository says.
        """
        await self._downloads.stream(f"{self.repository.registry.url}/{path}", receive)


def url_of(repository: MavenRepository, artifact: Artifact) -> str:
    """Return where a repository has a file."""
    folder = folder_of(artifact.group, artifact.artifact, artifact.version)
    return f"{repository.registry.url}/{folder}/{quoted(file_name(artifact))}"
