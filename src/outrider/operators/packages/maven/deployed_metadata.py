"""The lists of versions and of builds that Maven writes when it deploys.

`VersionsMetadata`, `RemoteSnapshotMetadata` and `MavenMetadata` of maven-resolver-provider 3.8.7: what is there already is kept.
"""

import time
from collections.abc import Iterable, Sequence
from typing import NamedTuple
from xml.sax.saxutils import escape

from outrider.operators.packages.maven.coordinates import Artifact, Project, is_snapshot
from outrider.operators.packages.maven.metadata import SnapshotFile, Versioning

_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
_SNAPSHOT = "SNAPSHOT"


class Build(NamedTuple):
    """A build of a snapshot.

    Attributes:
        stamp: When, such as `20261130.101500`.
        number: Which, from 1 on.
    """

    stamp: str
    number: int

    def version(self, snapshot: str) -> str:
        """Return the version with its time."""
        return f"{snapshot.removesuffix(_SNAPSHOT)}{self.stamp}-{self.number}"


def next_build(known: Versioning, now: float) -> Build:
    """Return the build that comes after those that are known.

    Args:
        known: What the repository says of the snapshot.
        now: Seconds since the epoch.
    """
    number = known.stamp.rpartition("-")[2]
    last = int(number) if number.isascii() and number.isdecimal() and len(number) < 10 else 0
    return Build(time.strftime("%Y%m%d.%H%M%S", time.gmtime(now)), last + 1)


def with_version(known: Versioning, project: Project, now: float) -> bytes:
    """Return the list of the versions of an artifact, with one more.

    Args:
        known: What is there.
        project: With its version.
        now: Seconds since the epoch.
    """
    versions = [*known.versions, *([project.version] if project.version not in known.versions else [])]
    release = known.release if is_snapshot(project.version) else project.version
    lines = [
        "  <versioning>", *_line(4, "latest", known.latest), *_line(4, "release", release), "    <versions>",
        *(line for one in versions for line in _line(6, "version", one)), "    </versions>", *_line(4, "lastUpdated", _digits(now)), "  </versioning>",
    ]  # fmt: skip
    return _document("<metadata>", project, lines)


def with_build(known: Versioning, project: Project, build: Build, artifacts: Sequence[Artifact], now: float) -> bytes:
    """Return the list of the builds of a snapshot, with the newest one.

    Args:
        known: What is there.
        project: With its version.
        build: The newest.
        artifacts: Its files.
        now: Seconds since the epoch.
    """
    version, updated = build.version(project.version), _digits(now)
    own = [SnapshotFile(one.classifier, one.extension, version, updated) for one in artifacts]
    replaced = {(one.classifier, one.extension) for one in own}
    files = [*own, *(one for one in known.files if (one.classifier, one.extension) not in replaced)]
    lines = [
        "  <versioning>", *_line(4, "lastUpdated", updated), "    <snapshot>", *_line(6, "timestamp", build.stamp),
        *_line(6, "buildNumber", str(build.number)), "    </snapshot>", "    <snapshotVersions>", *(line for one in files for line in _file(one)),
        "    </snapshotVersions>", "  </versioning>", *_line(2, "version", project.version),
    ]  # fmt: skip
    return _document('<metadata modelVersion="1.1.0">', project, lines)


def _file(file: SnapshotFile) -> list[str]:
    return [
        "      <snapshotVersion>", *_line(8, "classifier", file.classifier), *_line(8, "extension", file.extension), *_line(8, "value", file.version),
        *_line(8, "updated", file.updated), "      </snapshotVersion>",
    ]  # fmt: skip


def _document(head: str, project: Project, lines: Iterable[str]) -> bytes:
    said = [*_line(2, "groupId", project.group), *_line(2, "artifactId", project.artifact), *lines]
    return f"{_HEAD}{chr(10).join([head, *said, '</metadata>'])}\n".encode()


def _line(indent: int, name: str, text: str) -> list[str]:
    return [f"{' ' * indent}<{name}>{escape(text)}</{name}>"] if text else []


def _digits(now: float) -> str:
    return time.strftime("%Y%m%d%H%M%S", time.gmtime(now))
