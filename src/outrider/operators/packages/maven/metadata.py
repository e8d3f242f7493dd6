"""Which versions a repository has: https://maven.apache.org/ref/3.8.7/maven-repository-metadata/repository-metadata.html."""

from xml.etree.ElementTree import Element

import msgspec

from outrider.operators.packages.maven.coordinates import Project, is_usable
from outrider.operators.packages.maven.poms import read_markup

_FORM = "maven-metadata.xml"
_MOST = 50_000
_BLANK = " \t\r\n"


class SnapshotFile(msgspec.Struct, array_like=True):
    """The newest file of a snapshot.

    Attributes:
        classifier: Of the file.
        extension: Likewise.
        version: With its time.
        updated: When, as 14 digits.
    """

    classifier: str
    extension: str
    version: str
    updated: str


class Versioning(msgspec.Struct, array_like=True):
    """What a document says.

    Attributes:
        versions: In its order.
        latest: The newest version; empty where it is not said.
        release: The newest one that is no snapshot; likewise.
        updated: When it was written, as 14 digits.
        files: Of a snapshot.
        stamp: The time and the number of the newest build of a snapshot, where its files are not told.
    """

    versions: list[str] = []
    latest: str = ""
    release: str = ""
    updated: str = ""
    files: list[SnapshotFile] = []
    stamp: str = ""


def read_metadata(content: bytes) -> tuple[Versioning, int]:
    """Read a document; return how many versions were left out too.

    Raises:
        InvalidConfigError: It is none.
    """
    root = read_markup(_FORM, content)
    versions = [(one.text or "").strip(_BLANK) for one in root.iterfind("versioning/versions/version")]
    good = [one for one in versions[:_MOST] if is_usable(Project("group", "artifact", one))]
    stamp = _said(root, "versioning/snapshot/timestamp")
    number = _said(root, "versioning/snapshot/buildNumber")
    versioning = Versioning(
        versions=good, latest=_usable(root, "versioning/latest"), release=_usable(root, "versioning/release"),
        updated=_said(root, "versioning/lastUpdated"), files=_files(root), stamp=f"{stamp}-{number}" if stamp and number else "",
    )  # fmt: skip
    return versioning, len(versions) - len(good)


def _files(root: Element) -> list[SnapshotFile]:
    return [
        SnapshotFile(_said(one, "classifier"), _said(one, "extension"), version, _said(one, "updated"))
        for one in root.findall("versioning/snapshotVersions/snapshotVersion")[:_MOST]
        if (version := _usable(one, "value"))
    ]


def _usable(element: Element, path: str) -> str:
    text = _said(element, path)
    return text if is_usable(Project("group", "artifact", text)) else ""


def _said(element: Element, path: str) -> str:
    return (element.findtext(path) or "").strip(_BLANK)
