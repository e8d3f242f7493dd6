"""The repositories that a project's own pom.xml names, and its parents beside it: https://maven.apache.org/pom.html#Repositories.

Of parents that are in repositories alone, what they name is not read: those would have to be asked for it first.
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple
from xml.etree.ElementTree import Element

from outrider.core.errors import InvalidConfigError
from outrider.operators.packages.maven.inheritance import heirs, prepared
from outrider.operators.packages.maven.interpolation import Interpolation, PropertyCycleError
from outrider.operators.packages.maven.poms import FORM, Pom, PomRepository, read_markup, read_pom
from outrider.operators.packages.maven.profiles import Machine
from outrider.operators.packages.maven.settings import Named

_DEEPEST = 20
_MOST_KNOWN = 4_096


def project_repositories(folder: Path, properties: Mapping[str, str], named: tuple[str, ...]) -> list[Named]:
    """Return the repositories of the project in a folder; none where there is no project.

    Args:
        folder: Where its pom.xml is.
        properties: Of Java and the settings, and variables of the environment with `env.` before them.
        named: Profiles that are active in any case.

    Raises:
        InvalidConfigError: The pom.xml cannot be read.
    """
    path = folder.absolute() / "pom.xml"
    if not path.is_file():
        return []
    pom = heirs(line_beside(path, properties, named))
    fields = {"packaging": "jar", **pom.fields}
    texts = Interpolation(fields, {**pom.parts.properties, "basedir": str(path.parent)}, properties)
    return [Named(one, str(path)) for one in _resolved(pom, texts, path)]


def _resolved(pom: Pom, texts: Interpolation, path: Path) -> Iterator[PomRepository]:
    for one in pom.parts.repositories:
        try:
            yield PomRepository(texts.text(one.id), texts.text(one.url), one.releases, one.snapshots)
        except PropertyCycleError as error:
            raise unusable(path, str(error)) from error


def line_beside(
    path: Path,
    properties: Mapping[str, str],
    named: tuple[str, ...],
    contents: Mapping[Path, bytes] = MappingProxyType({}),
) -> list[Pom]:
    """Return a POM and its parents, as far as they are on the machine too, each with its active profiles.

    Args:
        path: Of the POM.
        properties: As `project_repositories` has them.
        named: Likewise.
        contents: As `poms_beside` has them.

    Raises:
        InvalidConfigError: One cannot be read.
    """
    beside = poms_beside(path, contents)
    return [prepared(pom, Machine(properties, str(place.parent)), named) for place, pom in beside]


def poms_beside(path: Path, contents: Mapping[Path, bytes] = MappingProxyType({})) -> list[tuple[Path, Pom]]:
    """Return a POM and its parents, as far as they are on the machine too, with the paths of their files, as they are written.

    Args:
        path: Of the POM.
        contents: Of POMs, by their paths, where that is not what is in the file.

    Raises:
        InvalidConfigError: One cannot be read.
    """
    found: list[tuple[Path, Pom]] = []
    for _ in range(_DEEPEST):
        try:
            pom = pom_of(contents[path] if path in contents else path.read_bytes())
        except (OSError, InvalidConfigError) as error:
            raise unusable(
                path, str(error.found if isinstance(error, InvalidConfigError) else error.strerror)
            ) from error
        if found and not _is_parent(pom, found[-1][1]):
            break
        found.append((path, pom))
        if pom.parent is None or not pom.parent.relative_path:
            break
        above = path.parent / pom.parent.relative_path
        path = Path(os.path.normpath(above / "pom.xml" if above.is_dir() else above))
        if not path.is_file():
            break
    return found


@lru_cache(maxsize=_MOST_KNOWN)
def pom_of(content: bytes) -> Pom:
    """Return a POM on this machine, which many others of its build are looked at with, and which must not be changed.

    Raises:
        InvalidConfigError: It is none.
    """
    return read_pom(content)


class Modules(NamedTuple):
    """The modules of a POM, as they are written.

    Attributes:
        always: Those that it has in any case.
        of_profiles: Those that profiles have.
    """

    always: tuple[str, ...]
    of_profiles: tuple[str, ...]


@lru_cache(maxsize=_MOST_KNOWN)
def modules_of(content: bytes) -> Modules:
    """Return what a POM says its modules are.

    Raises:
        InvalidConfigError: It is none.
    """
    root = read_markup(FORM, content)
    return Modules(*map(_names, (root.findall("modules/module"), root.findall("profiles/profile/modules/module"))))


def _names(modules: Iterable[Element]) -> tuple[str, ...]:
    return tuple(name for one in modules if (name := (one.text or "").strip()))


def _is_parent(pom: Pom, child: Pom) -> bool:
    """Return whether a POM is the one that another names: else Maven asks repositories for that."""
    wanted, above = child.parent, pom.parent
    group = pom.fields.get("groupId") or (above.group if above is not None else "")
    version = pom.fields.get("version") or (above.version if above is not None else "")
    return wanted is not None and (group, pom.fields.get("artifactId"), version) == (
        wanted.group, wanted.artifact, wanted.version
    )  # fmt: skip


def unusable(path: Path, found: str) -> InvalidConfigError:
    """Return the error for a POM on this machine that cannot be read."""
    return InvalidConfigError(
        f"{path}: the project cannot be read", found=found, expected="a POM of Maven", suggestions=[f"correct {path}"]
    )  # fmt: skip
