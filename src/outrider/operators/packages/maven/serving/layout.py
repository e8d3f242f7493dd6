"""What a path in a repository means: https://maven.apache.org/repositories/layout.html.

Where a group ends does not stand in a path. What is above a file of a version is told by that file's name; what maven-metadata.xml is about
by the folder that it is in: a folder `…-SNAPSHOT` is a version, any other one an artifact, or a group with plugins.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

from outrider.operators.packages.maven.coordinates import SNAPSHOT, Project, base_version, folder_of, is_usable, quoted

METADATA = "maven-metadata.xml"
ALGORITHMS = ("sha512", "sha256", "sha1", "md5")
# Of a dot in a folder of a group it could not be told whether it stands for a slash.
_FOLDER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,99}")
# Nothing that ends a path, or to which some servers give another meaning: what is judged must be what they send.
_PART = re.compile(r"[^\s\\/:;%#&\"<>|?*\x00-\x1f\x7f-\x9f\ud800-\udfff]{1,400}")
# Time and number of a build, a classifier, and an extension, to which that of a signature belongs.
_DATED = re.compile(r"([0-9]{8}\.[0-9]{6})-([0-9]{1,9})(?:-(.+?))?\.((?:tar\.)?[^.]+(?:\.asc)?)")
_MOST_FOLDERS = 40


class FilePlace(NamedTuple):
    """A file of a version.

    Attributes:
        name: Group and artifact.
        version: Of which it is; that of the folder, for a snapshot.
        file: Its name.
    """

    name: str
    version: str
    file: str

    @property
    def key(self) -> str:
        """Return the name of the file among all of the artifact."""
        return f"{self.version}/{self.file}"


class MetadataPlace(NamedTuple):
    """A maven-metadata.xml.

    Attributes:
        folders: In which it is, without that of a version.
        version: Of a snapshot; empty for what is about an artifact or a group.
    """

    folders: tuple[str, ...]
    version: str

    @property
    def name(self) -> str:
        """Return group and artifact, if it is about one; the group is empty where there is one folder alone."""
        return f"{'.'.join(self.folders[:-1])}:{self.folders[-1]}"

    @property
    def group(self) -> str:
        """Return the group, if it is about one."""
        return ".".join(self.folders)

    @property
    def kind(self) -> str:
        """Return which of the documents of an artifact it is."""
        return metadata_of(self.version)


class SnapshotName(NamedTuple):
    """What the name of a file of a snapshot says.

    Attributes:
        time: When it was built, as `20260101.120000`.
        number: Of the build.
        classifier: Of the file.
        extension: Likewise.
    """

    time: str
    number: int
    classifier: str
    extension: str


def metadata_of(version: str) -> str:
    """Return which document is about the files of a snapshot, or about all versions where the version is empty."""
    return f"{version}/{METADATA}" if version else METADATA


def read_place(segments: Sequence[str]) -> tuple[FilePlace | MetadataPlace, str] | None:
    """Return what a path means, and of which checksum of that it is, empty for none; None where it means nothing.

    Args:
        segments: Of the path, decoded.
    """
    *folders, last = segments
    stem, _, ending = last.rpartition(".")
    file, algorithm = (stem, ending) if ending in ALGORITHMS else (last, "")
    place = _metadata_place(folders) if file == METADATA else _file_place(folders, file)
    return (place, algorithm) if place is not None else None


def _metadata_place(folders: list[str]) -> MetadataPlace | None:
    version = ""
    if len(folders) > 2 and folders[-1].endswith(f"-{SNAPSHOT}"):
        *folders, version = folders
    if not folders or not _are_names(folders[:-1], folders[-1], version or "0"):
        return None
    return MetadataPlace(tuple(folders), version)


def _file_place(folders: list[str], file: str) -> FilePlace | None:
    if len(folders) < 3:
        return None
    *groups, artifact, version = folders
    if not _are_names(groups, artifact, version) or _PART.fullmatch(file) is None:
        return None
    if version.endswith(SNAPSHOT):
        fits = read_snapshot_name(artifact, version, file) is not None
    else:
        fits = file.startswith((f"{artifact}-{version}.", f"{artifact}-{version}-"))
    return FilePlace(f"{'.'.join(groups)}:{artifact}", version, file) if fits else None


def _are_names(groups: Sequence[str], artifact: str, version: str) -> bool:
    return (
        len(groups) <= _MOST_FOLDERS
        and _PART.fullmatch(version) is not None
        and base_version(version) == version
        and all(_FOLDER.fullmatch(one) for one in groups)
        and is_usable(Project(".".join(groups) or "group", artifact, version))
    )


def read_snapshot_name(artifact: str, version: str, file: str) -> SnapshotName | None:
    """Return what the name of a file says; None where it has no time, and so may come to be another file.

    Args:
        artifact: Its name.
        version: Of the folder.
        file: Name of the file.
    """
    start = f"{artifact}-{version.removesuffix(SNAPSHOT)}"
    match = _DATED.fullmatch(file, len(start)) if file.startswith(start) else None
    return SnapshotName(match[1], int(match[2]), match[3] or "", match[4]) if match is not None else None


def path_of(name: str, version: str, file: str) -> str:
    """Return where a repository has a file, as it stands in an address."""
    group, _, artifact = name.partition(":")
    return f"{folder_of(group, artifact, version)}/{quoted(file)}"


def pom_name(name: str, version: str) -> str:
    """Return how the POM of a version is called, of a snapshot by the version with its time."""
    return f"{name.partition(':')[2]}-{version}.pom"
