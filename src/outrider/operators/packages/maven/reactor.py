"""The projects of a build that has several: https://maven.apache.org/guides/mini/guide-multiple-modules.html.

What one of them needs of another is built beside it, and no repository is asked for that.
"""

from collections.abc import Iterable, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from outrider.core.errors import InvalidConfigError
from outrider.operators.packages.maven.coordinates import Project
from outrider.operators.packages.maven.inheritance import heirs
from outrider.operators.packages.maven.interpolation import Interpolation, PropertyCycleError
from outrider.operators.packages.maven.poms import Pom
from outrider.operators.packages.maven.project import Modules, line_beside, modules_of, pom_of, poms_beside, unusable

_MOST = 2_000


class Reactor:
    """The projects of a build.

    Args:
        contents: Of their POMs, and of parents that are of no build, by absolute paths.
        built: Those that are of the build.

    Attributes:
        contents: Likewise; a POM may get another one.
    """

    def __init__(self, contents: Mapping[Path, bytes], built: Iterable[Path]) -> None:
        self.contents, self._built = dict(contents), [*built]
        self._projects: dict[Project, Path] = {}

    def projects(self, properties: Mapping[str, str], named: tuple[str, ...]) -> dict[Project, Path]:
        """Return where each project is, by what it is called, and by how that is written, and likewise their parents on this machine.

        No lock changes that, so it is found out once.

        Args:
            properties: As `line_beside` has them.
            named: Likewise.

        Raises:
            InvalidConfigError: One cannot be read.
        """
        if self._projects:
            return self._projects
        found: dict[Project, Path] = {}
        parents = (above for path in self._built for above, _ in poms_beside(path, self.contents)[1:])
        for path in dict.fromkeys((*self._built, *parents)):
            whole = heirs(line_beside(path, properties, named, self.contents))
            above = whole.parent
            written = [
                whole.fields.get("groupId") or (above.group if above is not None else ""),
                whole.fields.get("artifactId", ""),
                whole.fields.get("version") or (above.version if above is not None else ""),
            ]
            texts = Interpolation(whole.fields, whole.parts.properties, properties)
            try:
                found |= {Project(*written): path, Project(*map(texts.text, written)): path}
            except PropertyCycleError as error:
                raise InvalidConfigError(
                    f"{path}: it cannot be told what it is called: {error}", path="project.version", found=str(error),
                    expected="a version", suggestions=[f"correct {path}"],
                ) from error  # fmt: skip
        self._projects = found
        return found

    def pom(self, path: Path) -> Pom:
        """Return the POM of a project, as a repository would have it."""
        return pom_of(self.contents[path] if path in self.contents else _content(path))

    def ordered(self, needed: Mapping[Path, Iterable[Path]]) -> list[Path]:
        """Return all POMs, each after its parents and after what it needs.

        Args:
            needed: The projects that some need.

        Raises:
            InvalidConfigError: They need one another.
        """
        sorter = TopologicalSorter({path: needed.get(path, ()) for path in self.contents})
        for path in self.contents:
            sorter.add(path, *(above for above, _ in poms_beside(path, self.contents)[1:] if above in self.contents))
        try:
            return [*sorter.static_order()]
        except CycleError as error:
            circle = " needs ".join(map(str, reversed(error.args[1])))
            raise InvalidConfigError(
                f"modules need one another: {circle}", path="project.modules", found=circle, expected="modules without circles",
                suggestions=["take one of these dependencies out"],
            ) from error  # fmt: skip


def paths_around(path: Path) -> list[Path]:
    """Return the POMs of the build that a project is a module of, as `paths_of` does; none where its parents on this machine have no such module.

    Raises:
        InvalidConfigError: It, or a parent, cannot be read.
    """
    for above, _ in reversed(poms_beside(path.resolve())[1:]):
        try:
            paths = paths_of(above)
        except InvalidConfigError:
            continue  # Maven takes a module by itself, whatever else its parents list
        if path.resolve() in paths[1:]:
            return paths
    return []


def paths_of(path: Path) -> list[Path]:
    """Return the POM of a project and those of its modules, and of the modules of these; each once, and as absolute paths.

    Modules of profiles are among them wherever their files are there, whether these profiles are active or not.

    Raises:
        InvalidConfigError: One cannot be read, or is not there.
    """
    found: dict[Path, None] = {}
    waiting = [path.resolve()]
    while waiting:
        one = waiting.pop(0)
        if one in found:
            continue
        found[one] = None
        if len(found) > _MOST:
            raise InvalidConfigError(f"{path}: too many modules", path="project.modules", found=f"more than {_MOST}")
        modules = _modules(one)
        waiting += [_module(one, name) for name in modules.always]
        waiting += [file for name in modules.of_profiles if (file := _file(one, name)).is_file()]
    return [*found]


def _module(path: Path, name: str) -> Path:
    file = _file(path, name)
    if not file.is_file():
        raise InvalidConfigError(
            f"{path}: it has the module {name}, and there is none", path="project.modules", found=name, expected=f"a file {file}",
            suggestions=["correct its name", "take it out"],
        )  # fmt: skip
    return file


def _file(path: Path, name: str) -> Path:
    """Return where the POM of a module is, which may be called by its folder."""
    place = Path(path.parent, name).resolve()
    return place / "pom.xml" if place.is_dir() else place


def _modules(path: Path) -> Modules:
    try:
        return modules_of(_content(path))
    except InvalidConfigError as error:
        raise unusable(path, error.found) from error


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise unusable(path, str(error.strerror)) from error
