"""The records of a repository on disk."""

from pathlib import Path

import msgspec

from outrider.operators.packages.maven.coordinates import Artifact, Project
from outrider.operators.packages.maven.records import FORM, DigestRecord, MetadataRecord, ModuleRecord, PomRecord
from outrider.operators.packages.registries.record_files import hashed_name, read_current, registry_folder, write_record


class MavenStore:
    """The records of one repository.

    Args:
        folder: Below which all are kept.
        url: Of the repository.
    """

    def __init__(self, folder: Path, url: str) -> None:
        self._folder = registry_folder(folder, "maven", url)
        self._poms = msgspec.msgpack.Decoder(PomRecord)
        self._digests = msgspec.msgpack.Decoder(DigestRecord)
        self._modules = msgspec.msgpack.Decoder(ModuleRecord)
        self._metadata = msgspec.msgpack.Decoder(MetadataRecord)

    def pom(self, project: Project) -> PomRecord | None:
        """Return what is known of a POM; None where nothing is that can be read."""
        return read_current(self._path("pom", *project), self._poms, FORM)

    def keep_pom(self, project: Project, record: PomRecord) -> None:
        """Keep what is known of a POM.

        Raises:
            ExecutionFailedError: It cannot be written.
        """
        write_record(self._path("pom", *project), record)

    def module(self, project: Project) -> ModuleRecord | None:
        """Return what is known of Gradle's metadata of a version; None where nothing is that can be read."""
        return read_current(self._path("module", *project), self._modules, FORM)

    def keep_module(self, project: Project, record: ModuleRecord) -> None:
        """Keep what is known of Gradle's metadata of a version.

        Raises:
            ExecutionFailedError: It cannot be written.
        """
        write_record(self._path("module", *project), record)

    def metadata(self, name: str, version: str) -> MetadataRecord | None:
        """Return which versions are known; None where nothing is that can be read.

        Args:
            name: Group and artifact.
            version: Of a snapshot; empty for the versions of the artifact.
        """
        return read_current(self._path("versions", name, version), self._metadata, FORM)

    def keep_metadata(self, name: str, version: str, record: MetadataRecord) -> None:
        """Keep which versions are known; the parameters are those of `metadata`.

        Raises:
            ExecutionFailedError: It cannot be written.
        """
        write_record(self._path("versions", name, version), record)

    def digest(self, artifact: Artifact) -> DigestRecord | None:
        """Return the digest of a file that is known; None where none is that can be read."""
        return read_current(self._path("sha256", *artifact), self._digests, FORM)

    def keep_digest(self, artifact: Artifact, record: DigestRecord) -> None:
        """Keep the digest of a file.

        Raises:
            ExecutionFailedError: It cannot be written.
        """
        write_record(self._path("sha256", *artifact), record)

    def _path(self, kind: str, *names: str) -> Path:
        digest = hashed_name("\n".join(names))
        return self._folder / digest[:2] / f"{digest}.{kind}"
