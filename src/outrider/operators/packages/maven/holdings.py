"""What one repository has: from what is kept on disk, else from the repository."""

from outrider.core.errors import NotFoundError, UnavailableError
from outrider.operators.packages.maven.client import MavenClient
from outrider.operators.packages.maven.coordinates import SNAPSHOT, Artifact, Project, is_usable
from outrider.operators.packages.maven.metadata import Versioning
from outrider.operators.packages.maven.records import (
    DigestRecord,
    MetadataRecord,
    ModuleRecord,
    PomRecord,
    compiled_metadata,
    compiled_module,
    compiled_pom,
)
from outrider.operators.packages.maven.store import MavenStore
from outrider.operators.packages.registries.downloads import Document
from outrider.ports.clock import Clock

# Maven asks once a day by default; what was published this morning is missed then.
FRESH_SECONDS = 600.0


class Holdings:
    """What one repository has.

    Args:
        client: Asks it.
        store: What is kept of it.
        clock: For the age of what is kept.
        offline: Whether to do with what is kept.
    """

    def __init__(self, client: MavenClient, store: MavenStore, clock: Clock, *, offline: bool) -> None:
        self.client, self.repository = client, client.repository
        self._store, self._clock, self._offline = store, clock, offline
        self._learned: dict[tuple[str, ...], PomRecord | ModuleRecord | MetadataRecord | DigestRecord] = {}

    def is_asked_for(self, version: str) -> bool:
        """Return whether this repository is asked for a version."""
        return self.repository.is_asked_for(version)

    async def pom(self, project: Project) -> PomRecord:
        """Return what the repository has of a POM. One that can be read never changes, unless it is of a snapshot; others may come.

        Raises:
            UnavailableError: Nothing is kept of it, and nobody is to be asked.
            OutriderError: What the repository says.
        """
        record = self._store.pom(project)
        forever = record is not None and record.pom is not None and not project.version.endswith(SNAPSHOT)
        if record is not None and (forever or self._is_fresh(record.fetched)):
            return record
        if self._offline:
            raise nothing_kept(str(project))
        record = PomRecord()
        if is_usable(project):
            version = await self.dated(Artifact(*project, "pom"))
            try:
                record = compiled_pom(
                    await self.client.small(Artifact(project.group, project.artifact, version, "pom"))
                )
            except NotFoundError:
                record = PomRecord()
        record.fetched = self._clock.now()
        self._learned["pom", *project] = record
        return record

    async def module(self, project: Project) -> ModuleRecord:
        """Return what the repository has of Gradle's metadata of a version, which is kept as a POM is.

        Raises:
            UnavailableError: Nothing is kept of it, and nobody is to be asked.
            OutriderError: What the repository says.
        """
        record = self._store.module(project)
        readable = record is not None and record.component is not None and not record.component.fault
        forever = readable and not project.version.endswith(SNAPSHOT)
        if record is not None and (forever or self._is_fresh(record.fetched)):
            return record
        if self._offline:
            raise nothing_kept(f"Gradle's metadata of {project}")
        version = await self.dated(Artifact(*project, "module"))
        wanted = Artifact(project.group, project.artifact, version, "module")
        try:
            record = compiled_module(project, await self.client.small(wanted))
        except NotFoundError:
            record = ModuleRecord()
        record.fetched = self._clock.now()
        self._learned["module", *project] = record
        return record

    async def versioning(self, name: str, version: str = "") -> MetadataRecord:
        """Return which versions the repository has of an artifact, or which files of a snapshot.

        Args:
            name: Group and artifact.
            version: Of a snapshot; empty for the versions of the artifact.

        Raises:
            UnavailableError: Nothing is kept of it, and nobody is to be asked.
            OutriderError: What the repository says.
        """
        learned = self._learned.get(("versions", name, version))
        record = learned if isinstance(learned, MetadataRecord) else self._store.metadata(name, version)
        if record is not None and self._is_fresh(record.fetched):
            return record
        if self._offline:
            raise nothing_kept(f"the versions of {name}")
        etag, modified = ("", "") if record is None else (record.etag, record.modified)
        try:
            document = await self.client.metadata(
                name, version, Document(content=None, url="", etag=etag, modified=modified)
            )
        except NotFoundError:
            record = MetadataRecord()
        else:
            if record is None or document.content is not None:
                record = compiled_metadata(document.content or b"")
                record.etag, record.modified = document.etag, document.modified
        record.fetched = self._clock.now()
        self._learned["versions", name, version] = record
        return record

    async def dated(self, artifact: Artifact) -> str:
        """Return the version in the name of a file: of a snapshot the one with its time.

        Raises:
            UnavailableError: Nothing is kept of it, and nobody is to be asked.
            OutriderError: What the repository says.
        """
        if not artifact.version.endswith(SNAPSHOT):
            return artifact.version
        versioning = (await self.versioning(artifact.name, artifact.version)).versioning
        return dated_in(versioning, artifact)

    async def has(self, artifact: Artifact) -> bool:
        """Return whether the repository has a file; it is asked each time, since few files have no POM.

        Raises:
            UnavailableError: Nobody is to be asked.
            OutriderError: What the repository says.
        """
        if self._offline:
            raise nothing_kept(artifact.shown)
        return is_usable(artifact.project) and await self.client.has(
            artifact._replace(version=await self.dated(artifact))
        )

    async def sha256(self, artifact: Artifact) -> str:
        """Return the digest of a file that never changes; empty where the repository does not have it.

        Raises:
            UnavailableError: It is not kept, and nobody is to be asked.
            OutriderError: What the repository says.
        """
        known = self._store.digest(artifact)
        if known is not None:
            return known.sha256
        if self._offline:
            raise nothing_kept(f"the checksum of {artifact.shown}")
        try:
            digest = await self.client.sha256(artifact)
        except NotFoundError:
            return ""
        self._learned["sha256", *artifact] = DigestRecord(sha256=digest)
        return digest

    def _is_fresh(self, fetched: float) -> bool:
        return self._offline or self._clock.now() - fetched <= FRESH_SECONDS

    def keep(self) -> None:
        """Write what was learned to disk.

        Raises:
            ExecutionFailedError: It cannot be written.
        """
        for key in sorted(self._learned):
            record = self._learned[key]
            if isinstance(record, DigestRecord):
                self._store.keep_digest(Artifact(*key[1:]), record)
            elif isinstance(record, PomRecord):
                self._store.keep_pom(Project(*key[1:]), record)
            elif isinstance(record, ModuleRecord):
                self._store.keep_module(Project(*key[1:]), record)
            else:
                self._store.keep_metadata(key[1], key[2], record)
        self._learned.clear()


def dated_in(versioning: Versioning, artifact: Artifact) -> str:
    """Return the version of the newest file of a snapshot; the one without a time where none is told."""
    files = [
        one for one in versioning.files if (one.extension, one.classifier) == (artifact.extension, artifact.classifier)
    ]
    if files:
        return max(files, key=lambda one: one.updated).version
    if versioning.stamp and not versioning.files:
        return f"{artifact.version.removesuffix(SNAPSHOT)}{versioning.stamp}"
    return artifact.version


def nothing_kept(what: str) -> UnavailableError:
    """Return the error for what is not kept, where nobody is to be asked."""
    return UnavailableError(
        f"maven: nothing is kept of {what}, and nobody is to be asked", found="offline", expected="what a repository says",
        suggestions=["ask without offline, once"],
    )  # fmt: skip
