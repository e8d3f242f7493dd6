"""The repositories behind this one, in the order in which Maven asks them: of versions what all list, of a file the first that has it."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import NamedTuple

import msgspec

from outrider.core.errors import ExecutionFailedError, InvalidConfigError, NotFoundError, OutriderError
from outrider.core.remembered import Remembered
from outrider.operators.packages.maven.client import MavenClient
from outrider.operators.packages.maven.coordinates import Artifact, Project, is_snapshot
from outrider.operators.packages.maven.metadata import SnapshotFile, Versioning, read_metadata
from outrider.operators.packages.maven.serving.checking import Checking
from outrider.operators.packages.maven.serving.kept import KeptArtifact, KeptSnapshot, read_kept, written
from outrider.operators.packages.maven.serving.layout import METADATA, path_of, pom_name
from outrider.operators.packages.maven.serving.plugins import read_plugins
from outrider.operators.packages.registries.downloads import Document
from outrider.operators.packages.serving.downloading import Receive
from outrider.operators.packages.serving.upstreams import FileSource
from outrider.ports.clock import Clock

# Clients ask for some files that few versions have, such as signatures, again and again.
_ABSENT_SECONDS = 60.0
_MOST_REMEMBERED = 10_000


class _Mark(msgspec.Struct, array_like=True, frozen=True):
    """By what it is known whether the document of a repository has changed; nothing where it has none."""

    etag: str = ""
    modified: str = ""
    digest: str = ""


class _Said(NamedTuple):
    """What a repository says: a document, whose content is None where it has not changed; nothing where it has none."""

    mark: _Mark
    document: Document | None


_MARKS = msgspec.json.Decoder(list[_Mark])


class MavenUpstream:
    """Asks the repositories that Maven uses on this machine.

    Args:
        opening: Returns who is asked, in their order; it is awaited when somebody asks first, since Maven takes its time.
        clock: For the age of what was not found.
    """

    def __init__(self, opening: Callable[[], Awaitable[Sequence[MavenClient]]], clock: Clock) -> None:
        self._opening, self._clock = opening, clock
        self._opened: Sequence[MavenClient] | None = None
        self._lock = asyncio.Lock()
        self._checking = Checking()
        self._absent = Remembered[tuple[str, str], float](_MOST_REMEMBERED)

    async def _clients(self) -> Sequence[MavenClient]:
        async with self._lock:
            if self._opened is None:
                self._opened = await self._opening()
            return self._opened

    async def fetch(self, name: str, known: Document | None) -> tuple[bytes | None, Document]:
        clients = await self._clients()
        marks = _marks(known, len(clients))
        said = await asyncio.gather(*map(partial(_said, name, ""), clients, marks))
        if not any(one.document is not None for one in said):
            raise _nowhere(name)
        if known is not None and all(_is_as_before(*pair) for pair in zip(said, marks, strict=True)):
            return None, known
        # One document is made of all, so that those that have not changed are needed too.
        waiting = [_Mark() if one.document is not None and one.document.content is None else None for one in said]
        said = [
            one if mark is None else await _said(name, "", client, mark)
            for one, mark, client in zip(said, waiting, clients, strict=True)
        ]
        etag = msgspec.json.encode([one.mark for one in said]).decode()
        url = next((one.document.url for one in said if one.document is not None), "")
        return written(_together(name, said, clients)), Document(content=None, url=url, etag=etag)

    async def snapshot(self, name: str, version: str) -> KeptSnapshot:
        """Return the newest files of a snapshot.

        Raises:
            NotFoundError: No repository has it, or none tells the time of its files.
            OutriderError: What else a repository says.
        """
        clients = await self._asked(version)
        said = await asyncio.gather(*(_said(name, version, one, _Mark()) for one in clients))
        files: dict[tuple[str, str], SnapshotFile] = {}
        updated = ""
        for versioning in (_read(one.document) for one in said if one.document is not None):
            updated = max(updated, versioning.updated)
            for file in versioning.files:
                key = (file.extension, file.classifier)
                if is_snapshot(file.version) and (key not in files or file.updated > files[key].updated):
                    files[key] = file
        if not files:
            raise _nowhere(f"{name} {version}")
        return KeptSnapshot(self._clock.now(), updated, [files[key] for key in sorted(files)])

    async def has(self, name: str, version: str) -> bool:
        """Return whether a repository has the POM of a version that none lists.

        Raises:
            OutriderError: What a repository says.
        """
        key = (name, f"{version}/")
        if self._is_absent(key):
            return False
        project = Project(*name.partition(":")[::2], version)
        for client in await self._asked(version):
            try:
                await client.small(Artifact(*project, "pom"))
            except NotFoundError:
                continue
            return True
        self._remember_absent(key)
        return False

    def sources(self, name: str, raw: bytes) -> "MavenFiles":
        return MavenFiles(self, name, read_kept(raw))

    async def file(self, name: str, version: str, file: str, receive: Receive) -> None:
        """Fetch a file from the first repository that has it, and check it.

        Args:
            name: Group and artifact.
            version: Of the folder.
            file: Name of the file.
            receive: Is given the pieces.

        Raises:
            NotFoundError: No repository has it.
            ExecutionFailedError: It is not what its repository says it is.
            OutriderError: What else a repository says.
        """
        key = (name, f"{version}/{file}")
        if not self._is_absent(key):
            clients, path = await self._asked(version), path_of(name, version, file)
            for client in clients:
                try:
                    await self._checking.fetch(client, path, receive, at_once=len(clients) == 1)
                except NotFoundError:
                    continue
                return
            self._remember_absent(key)
        raise _nowhere(f"{name} {version}: {file}")

    async def _asked(self, version: str) -> list[MavenClient]:
        return [one for one in await self._clients() if one.repository.is_asked_for(version)]

    def _is_absent(self, key: tuple[str, str]) -> bool:
        return self._clock.monotonic() < self._absent.get(key, 0.0)

    def _remember_absent(self, key: tuple[str, str]) -> None:
        self._absent[key] = self._clock.monotonic() + _ABSENT_SECONDS

    async def close(self) -> None:
        """Close all connections."""
        for one in self._opened or ():
            await one.close()


class MavenFiles(Mapping[str, FileSource]):
    """The files of an artifact: no repository lists them, so that any name of a file of a known version is one; those that are seen are POMs.

    Args:
        upstream: Has them.
        name: Group and artifact.
        kept: What is known of it.

    Attributes:
        kept: What is known of it.
    """

    def __init__(self, upstream: MavenUpstream, name: str, kept: KeptArtifact) -> None:
        self._upstream, self._name, self.kept = upstream, name, kept
        self._versions = {*kept.known()}

    def __getitem__(self, key: str) -> FileSource:
        version, _, file = key.partition("/")
        if version not in self._versions:
            raise KeyError(key)
        # Which hashes it must have is asked when it is fetched.
        return FileSource(version, {}, partial(self._upstream.file, self._name, version, file))

    def __iter__(self) -> Iterator[str]:
        return (f"{version}/{pom_name(self._name, version)}" for version in sorted(self._versions))

    def __len__(self) -> int:
        return len(self._versions)


def _marks(known: Document | None, count: int) -> list[_Mark]:
    try:
        marks = _MARKS.decode(known.etag if known is not None else b"[]")
    except msgspec.DecodeError:
        marks = []
    # With other settings others are asked.
    return marks if len(marks) == count else [_Mark()] * count


def _is_as_before(said: _Said, mark: _Mark) -> bool:
    return said.mark.digest == mark.digest


def _read(document: Document) -> Versioning:
    try:
        return read_metadata(document.content or b"")[0]
    except InvalidConfigError as error:
        raise ExecutionFailedError(
            f"{document.url}: no {METADATA}: {error.found}", found=str(error.found), expected="a list of versions",
            suggestions=["check the address of the repository in Maven's settings.xml"],
        ) from error  # fmt: skip


def _nowhere(what: str) -> OutriderError:
    return NotFoundError(f"maven {what}: no repository has it", found=what, suggestions=["check the name"])


async def _said(name: str, version: str, client: MavenClient, mark: _Mark) -> _Said:
    known = Document(content=None, url="", etag=mark.etag, modified=mark.modified)
    try:
        document = await client.metadata(name, version, known)
    except NotFoundError:
        return _Said(_Mark(), None)
    if document.content is None:
        return _Said(mark, document)
    digest = hashlib.sha256(document.content).hexdigest()
    return _Said(_Mark(document.etag, document.modified, digest), document)


def _together(name: str, said: Sequence[_Said], clients: Sequence[MavenClient]) -> KeptArtifact:
    """Return what all repositories list."""
    versions: dict[str, None] = {}
    read: list[Versioning] = []
    found = KeptArtifact()
    for one, client in zip(said, clients, strict=True):
        if one.document is not None:
            versioning = _read(one.document)
            read.append(versioning)
            versions |= dict.fromkeys(filter(client.repository.is_asked_for, versioning.versions))
            found.plugins += [plugin for plugin in read_plugins(one.document.content or b"")
                              if plugin not in found.plugins]  # fmt: skip
    read.sort(key=lambda one: one.updated)
    found.versions = [*versions]
    if not found.versions and not found.plugins:
        raise _nowhere(name)
    for versioning in read:
        found.latest = versioning.latest or found.latest
        found.release = versioning.release or found.release
        found.updated = versioning.updated or found.updated
    return found
