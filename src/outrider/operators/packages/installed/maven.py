"""Which artifacts of Maven archives of Java are, with those within them: WARs, and JARs that bring what they need.

Maven writes `META-INF/maven/GROUP/ARTIFACT/pom.properties` into what it builds, and what was put together of several artifacts has
that of each: https://maven.apache.org/shared/maven-archiver/. Of what others build `maven_groups.py` knows the most common ones. Nothing is
guessed: a wrong name has no advisories, and would be taken for safe.
"""

import io
import re
import zipfile
from collections.abc import Iterator
from typing import BinaryIO

from outrider.operators.packages.installed.finding import Told, is_archive
from outrider.operators.packages.installed.maven_groups import known
from outrider.operators.packages.installed.zips import BROKEN, content_of, opened
from outrider.operators.packages.locks.entries import Findings, UnusableEntry

FORM = "archive of Java"
# Archives within archives, and what of one file in a root may be made of these altogether.
_MOST_NESTED, _MOST_BYTES = 4, 1 << 30
_LARGEST_TEXT = 1 << 20
_PROPERTIES = re.compile(r"(?:.*/)?META-INF/maven/[^/]+/[^/]+/pom\.properties")
_MANIFEST, _MODULE = "META-INF/MANIFEST.MF", "automatic-module-name"
_COORDINATE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_VERSION = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*")


class _Left:
    """How many bytes may still be made of archives within an archive."""

    def __init__(self) -> None:
        self.bytes = _MOST_BYTES


def read(path: str, file: BinaryIO) -> list[Told]:
    """Return what an archive tells, and each archive within it.

    Args:
        path: Of the archive, whose last part is its name.
        file: It.
    """
    return list(_told(file, "", path.rpartition("/")[2], _Left()))


def _told(file: BinaryIO, inside: str, name: str, left: _Left, depth: int = 0) -> Iterator[Told]:
    findings = Findings(FORM, "maven")
    try:
        with opened(file) as archive:
            _take(findings, archive, name)
            for entry in archive.infolist():
                if is_archive(entry.filename) and not entry.is_dir():
                    yield from _nested(findings, archive, entry, (inside, left, depth))
    except BROKEN as error:
        findings.report(f"it is no archive that can be read: {error}")
    yield Told(inside, findings.lock(tells_needs=False))


def _nested(
    findings: Findings, archive: zipfile.ZipFile, entry: zipfile.ZipInfo, within: tuple[str, _Left, int]
) -> Iterator[Told]:
    inside, left, depth = within
    if depth >= _MOST_NESTED:
        findings.report(f"{entry.filename[:100]}: it is within {_MOST_NESTED} other archives, and is not looked at")
        return
    try:
        content = content_of(archive, entry, left.bytes)
    except BROKEN as error:
        findings.report(f"{entry.filename[:100]}: it cannot be read: {error}")
        return
    left.bytes -= len(content)
    yield from _told(
        io.BytesIO(content), f"{inside}!/{entry.filename}", entry.filename.rpartition("/")[2], left, depth + 1
    )


def _take(findings: Findings, archive: zipfile.ZipFile, name: str) -> None:
    found = [one for one in archive.infolist() if _PROPERTIES.fullmatch(one.filename)]
    own = False
    for entry in found:
        with findings.entry(entry.filename):
            group, artifact, version = _coordinates(content_of(archive, entry, _LARGEST_TEXT))
            findings.add(f"{group}:{artifact}", version)
            own |= name.startswith(artifact)
    if not own:
        _take_known(findings, archive, name, is_all=not found)


def _coordinates(content: bytes) -> tuple[str, str, str]:
    lines = (line.partition("=") for line in content.decode("utf-8", "replace").splitlines())
    said = {key.strip(): value.strip() for key, _, value in lines if not key.startswith("#")}
    group, artifact, version = (said.get(field, "") for field in ("groupId", "artifactId", "version"))
    if not (_COORDINATE.fullmatch(group) and _COORDINATE.fullmatch(artifact) and _VERSION.fullmatch(version)):
        raise UnusableEntry(f"it has {group[:50]!r}, {artifact[:50]!r} and {version[:50]!r} as coordinates")
    return group, artifact, version


def _take_known(findings: Findings, archive: zipfile.ZipFile, name: str, *, is_all: bool) -> None:
    """Take an archive that does not say itself what it is; where it is not known, and there is nothing else, that is told."""
    files = archive.namelist()
    manifest = content_of(archive, archive.getinfo(_MANIFEST), _LARGEST_TEXT) if _MANIFEST in files else b""
    found = known(name, files, _module(manifest))
    if found is not None:
        findings.add(*found)
    elif is_all and any(one.endswith(".class") for one in files):
        findings.report("it does not say which artifact of Maven it is; whether it is affected is not known")


def _module(manifest: bytes) -> str:
    """Return the name of the module that a manifest has; what begins with a blank goes on with a line."""
    text = re.sub(r"\r\n?", "\n", manifest.decode("utf-8", "replace")).replace("\n ", "")
    lines = (line.partition(":") for line in text.partition("\n\n")[0].split("\n"))
    return next((value.strip() for key, _, value in lines if key.lower() == _MODULE), "")
