"""What is known of artifacts, in the form in which it is kept."""

import hashlib

import msgspec

from outrider.core.errors import InvalidConfigError
from outrider.operators.packages.maven.coordinates import Project
from outrider.operators.packages.maven.gradle.components import Component
from outrider.operators.packages.maven.gradle.modules import faulty, is_marked, read_module
from outrider.operators.packages.maven.metadata import Versioning, read_metadata
from outrider.operators.packages.maven.poms import Pom, read_pom, unread

# Another form of the records: what was kept in an older one is fetched anew.
FORM = 3


class MetadataRecord(msgspec.Struct, array_like=True, kw_only=True):
    """What a repository says of an artifact, or of a snapshot.

    Attributes:
        fetched: When its document was fetched or found unchanged, seconds since the epoch.
        etag: Of the document.
        modified: Likewise.
        versioning: What it says; nothing where there is none.
        left_out: How many versions cannot be read; all where the document cannot.
    """

    form: int = FORM
    fetched: float = 0.0
    etag: str = ""
    modified: str = ""
    versioning: Versioning = msgspec.field(default_factory=Versioning)
    left_out: int = 0


class PomRecord(msgspec.Struct, array_like=True, kw_only=True):
    """What a repository has of a POM.

    Attributes:
        fetched: When it was asked, seconds since the epoch.
        pom: None where there is none that can be read.
        fault: Why it cannot be read; empty where it can, and where there is none.
        sha256: Of the file; empty where there is none.
        has_module: Whether it says that there is metadata of Gradle beside it.
    """

    form: int = FORM
    fetched: float = 0.0
    pom: Pom | None = None
    fault: str = ""
    sha256: str = ""
    has_module: bool = False

    @property
    def is_there(self) -> bool:
        """Return whether the repository has it."""
        return self.pom is not None or bool(self.fault)


class ModuleRecord(msgspec.Struct, array_like=True, kw_only=True):
    """What a repository has of Gradle's metadata of a version.

    Attributes:
        fetched: When it was asked, seconds since the epoch.
        component: What it says; None where there is none.
    """

    form: int = FORM
    fetched: float = 0.0
    component: Component | None = None


class DigestRecord(msgspec.Struct, array_like=True, kw_only=True):
    """The digest of a file.

    Attributes:
        sha256: Of it; empty where no repository has the file.
    """

    form: int = FORM
    sha256: str = ""


def compiled_metadata(content: bytes) -> MetadataRecord:
    """Return what a document says in the form in which it is kept."""
    try:
        versioning, left_out = read_metadata(content)
    except InvalidConfigError:
        return MetadataRecord(left_out=1)
    return MetadataRecord(versioning=versioning, left_out=left_out)


def compiled_pom(content: bytes) -> PomRecord:
    """Return what a POM says in the form in which it is kept."""
    digest, marked = hashlib.sha256(content).hexdigest(), is_marked(content)
    try:
        return PomRecord(pom=read_pom(content), sha256=digest, has_module=marked)
    except InvalidConfigError as error:
        return PomRecord(fault=unread(error), sha256=digest, has_module=marked)


def compiled_module(project: Project, content: bytes) -> ModuleRecord:
    """Return what Gradle's metadata says of a version in the form in which it is kept."""
    try:
        return ModuleRecord(component=read_module(project, content))
    except InvalidConfigError as error:
        return ModuleRecord(component=faulty(project, error))
