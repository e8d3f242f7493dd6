"""Files that are deployed: each POM is a project, and all other files are of one of these, by their names.

https://maven.apache.org/plugins/maven-deploy-plugin/deploy-file-mojo.html and https://maven.apache.org/repositories/layout.html.
"""

import io
import re
import zipfile
import zlib
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from outrider.core.errors import InvalidConfigError, UnsupportedError
from outrider.operators.packages.maven.coordinates import Artifact, Project, file_name, is_snapshot, is_usable
from outrider.operators.packages.maven.poms import read_markup, read_pom
from outrider.operators.packages.registries.publications import LocalFile, Publication, contradiction, named_twice

_POM = "pom"
_REST = re.compile(r"(?:-(?P<classifier>[^.]+))?\.(?P<extension>[A-Za-z0-9][A-Za-z0-9.]{0,50})")
_SIGNATURE = ".asc"
_ARCHIVES = ("jar", "war", "ear")
_PROPERTIES = re.compile(r"META-INF/maven/(?P<group>[^/]+)/(?P<artifact>[^/]+)/pom\.properties")
_LARGEST_PROPERTIES = 64 << 10
_BLANK = " \t\r\n"
_SNAPSHOT = "-SNAPSHOT"
_REMEDY = "build it anew: mvn package"


class _Pom(NamedTuple):
    file: LocalFile
    project: Project
    packaging: str
    repositories: Mapping[str, tuple[str, str]]


def read_deployments(files: Sequence[LocalFile]) -> list[Publication]:
    """Return what files are, one publication for each POM.

    Raises:
        InvalidConfigError: A file belongs to no POM, or contradicts it.
        UnsupportedError: It is a plugin of Maven, whose group has a list too.
    """
    poms = [_read_pom(file) for file in files if _is_pom(file)]
    named_twice([one.file for one in poms], [str(one.project) for one in poms])
    of_poms: dict[Project, list[tuple[Artifact, LocalFile]]] = {
        one.project: [(Artifact(*one.project, extension=_POM), one.file)] for one in poms
    }
    for file in files:
        if not _is_pom(file):
            artifact = _artifact(file, of_poms)
            of_poms[artifact.project].append((artifact, file))
    return [_publication(one, of_poms[one.project]) for one in poms]


def artifacts_of(publication: Publication) -> list[tuple[Artifact, LocalFile]]:
    """Return the files of a publication as a repository names them, that which is not the POM first."""
    found: list[tuple[Artifact, LocalFile]] = publication.said["artifacts"]
    return found


def _is_pom(file: LocalFile) -> bool:
    return file.name == "pom.xml" or file.name.endswith(f".{_POM}")


def _read_pom(file: LocalFile) -> _Pom:
    try:
        pom, root = read_pom(file.content), read_markup("POM", file.content)
    except InvalidConfigError as error:
        raise contradiction(file, error.message, found=error.found, expected="a POM", remedy=_REMEDY) from error
    parent = pom.parent
    group = pom.fields.get("groupId") or (parent.group if parent is not None else "")
    version = pom.fields.get("version") or (parent.version if parent is not None else "")
    project = Project(group, pom.fields.get("artifactId", ""), version)
    if not is_usable(project) or "${" in "".join(project) or (is_snapshot(version) and not version.endswith(_SNAPSHOT)):
        raise contradiction(
            file, f"its coordinates cannot be published: {project}", found=str(project), expected="a group, an artifact and a version, without properties",
            remedy="write them out, or have the flatten-maven-plugin do it",
        )  # fmt: skip
    packaging = pom.fields.get("packaging") or "jar"
    if packaging == "maven-plugin":
        raise UnsupportedError(
            f"{file.path}: plugins of Maven are not published here", path="files", found=packaging, expected="another packaging",
            suggestions=["publish it with mvn deploy"],
        )  # fmt: skip
    repositories: dict[str, tuple[str, str]] = {}
    for kind in ("repository", "snapshotRepository"):
        name, url = (
            (root.findtext(f"distributionManagement/{kind}/{one}") or "").strip(_BLANK) for one in ("id", "url")
        )
        if url:
            repositories[kind] = name, url
    return _Pom(file, project, packaging, repositories)


def _artifact(file: LocalFile, projects: Iterable[Project]) -> Artifact:
    """Return what a file is: the longest name of a project that it begins with says whose it is."""
    for project in sorted(projects, key=lambda one: -len(f"{one.artifact}-{one.version}")):
        start = f"{project.artifact}-{project.version}"
        match = _REST.fullmatch(file.name, len(start)) if file.name.startswith(start) else None
        if match is not None:
            return Artifact(*project, extension=match["extension"], classifier=match["classifier"] or "")
    raise contradiction(
        file, "it belongs to none of the POMs that are published with it", found=file.name, expected="ARTIFACT-VERSION.jar, with its pom.xml",
        remedy="name its POM too",
    )  # fmt: skip


def _publication(pom: _Pom, artifacts: list[tuple[Artifact, LocalFile]]) -> Publication:
    named_twice([file for _, file in artifacts], [file_name(artifact) for artifact, _ in artifacts])
    is_main = [
        not one.classifier and not one.extension.endswith(_SIGNATURE[1:]) and one.extension != _POM
        for one, _ in artifacts
    ]
    ordered = [
        *(one for one, yes in zip(artifacts, is_main, strict=True) if yes),
        *(one for one, yes in zip(artifacts, is_main, strict=True) if not yes),
    ]
    main, file = ordered[0]
    if not any(is_main) and pom.packaging != _POM:
        raise contradiction(
            pom.file, f"its packaging is {pom.packaging}, and there is no file of that", found="the POM alone", expected=f"{pom.project.artifact}-{pom.project.version}.{pom.packaging}",
            remedy="name what mvn package has built in the folder target too",
        )  # fmt: skip
    for artifact, one in ordered:
        if artifact.extension in _ARCHIVES:
            _check_archive(one, pom.project, is_main=artifact is main)
    said = {"artifacts": ordered, "repositories": pom.repositories}
    return Publication(pom.project.name, pom.project.version, file, said, [one for _, one in ordered[1:]])


def _check_archive(file: LocalFile, project: Project, *, is_main: bool) -> None:
    """Refuse what is no archive, and what Maven has built of another project."""
    try:
        with zipfile.ZipFile(io.BytesIO(file.content)) as archive:
            found = [match for one in archive.namelist() if (match := _PROPERTIES.fullmatch(one)) is not None]
            # Those that have others within have several.
            text = _read(archive, found[0][0]) if is_main and len(found) == 1 else ""
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError, RuntimeError, NotImplementedError) as error:
        raise contradiction(
            file, f"it is no archive: {error}", found=str(error), expected="a zip file", remedy=_REMEDY
        ) from error
    said = dict(line.partition("=")[::2] for line in text.splitlines() if "=" in line and not line.startswith("#"))
    for field, wanted in zip(("groupId", "artifactId", "version"), project, strict=True):
        if said and said.get(field, wanted) != wanted:
            raise contradiction(
                file, f"it was built as another project than its POM says: {field} {said[field][:100]}", found=said[field], expected=wanted, remedy=_REMEDY
            )  # fmt: skip


def _read(archive: zipfile.ZipFile, name: str) -> str:
    with archive.open(name) as opened:
        return opened.read(_LARGEST_PROPERTIES).decode("utf-8", "replace")
