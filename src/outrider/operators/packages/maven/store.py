"""The records of a repository on disk."""

import hashlib
from pathlib import Path

import msgspec

from outrider.operators.packages.maven.coordinates import Project
from outrider.operators.packages.maven.records import FORM, MetadataRecord, PomRecord
from outrider.operators.packages.registries.record_files import read_record, write_record


class MavenStore:
    """The records of one repository.

    Args:
        folder: Below which all are kept.
        url: Of the repository.
    """

    def __init__(self, folder: Path, url: str) -> None:
        self._folder = folder / "maven" / hashlib.sha256(url.encode()).hexdigest()[:16]
        self._poms = msgspec.msgpack.Decoder(PomRecord)
        self._metadata = msgspec.msgpack.Decoder(MetadataRecord)

    def pom(self, project: Project) -> PomRecord | None:
        """Return what is known of a POM; None where nothing is that can be read."""
        record = read_record(self._path("pom", *project), self._poms)
        return record if record is not None and record.form == FORM else None

    def keep_pom(self, project: Project, record: PomRecord) -> None:
        """Keep what is known of a POM.

        Raises:
            ExecutionFailedError: It cannot be written.
        """
        write_record(self._path("pom", *project), record)

    def metadata(self, name: str, version: str) -> MetadataRecord | None:
        """Return which versions are known; None where nothing is that can be read.

        Args:
            name: Group and artifact.
            version: Of a snapshot; empty for the versions of the artifact.
        """
        record = read_record(self._path("versions", name, version), self._metadata)
        return record if record is not None and record.form == FORM else None

    def keep_metadata(self, name: str, version: str, record: MetadataRecord) -> None:
        """Keep which versions are known; the parameters are those of `metadata`.

        Raises:
            ExecutionFailedError: It cannot be written.
        """
        write_record(self._path("versions", name, version), record)

    def _path(self, kind: str, *names: str) -> Path:
        # Names come from strangers, and not every file system tells capitals from small letters.
        digest = hashlib.sha256("\n".join(names).encode()).hexdigest()[:32]
        return self._folder / digest[:2] / f"{digest}.{kind}"
