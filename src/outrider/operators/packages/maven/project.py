"""The repositories that a project's own pom.xml names, and its parents beside it: https://maven.apache.org/pom.html#Repositories.

Of parents that are in repositories alone, what they name is not read: those would have to be asked for it first.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

from outrider.core.errors import InvalidConfigError
from outrider.operators.packages.maven.inheritance import heirs, prepared
from outrider.operators.packages.maven.interpolation import Interpolation, PropertyCycleError
from outrider.operators.packages.maven.poms import Pom, PomRepository, read_pom
from outrider.operators.packages.maven.profiles import Machine
from outrider.operators.packages.maven.settings import Named

_DEEPEST = 20


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
    line = [*_line(path, properties, named)]
    pom = heirs(line)
    fields = {"packaging": "jar", **pom.fields}
    texts = Interpolation(fields, {**pom.parts.properties, "basedir": str(path.parent)}, properties)
    return [Named(one, str(path)) for one in _resolved(pom, texts, path)]


def _resolved(pom: Pom, texts: Interpolation, path: Path) -> Iterator[PomRepository]:
    for one in pom.parts.repositories:
        try:
            yield PomRepository(texts.text(one.id), texts.text(one.url), one.releases, one.snapshots)
        except PropertyCycleError as error:
            raise _unusable(path, str(error)) from error


def _line(path: Path, properties: Mapping[str, str], named: tuple[str, ...]) -> Iterator[Pom]:
    """Yield a POM and its parents, as far as they are beside it."""
    for _ in range(_DEEPEST):
        try:
            pom = read_pom(path.read_bytes())
        except (OSError, InvalidConfigError) as error:
            raise _unusable(
                path, str(error.found if isinstance(error, InvalidConfigError) else error.strerror)
            ) from error
        yield prepared(pom, Machine(properties, str(path.parent)), named)
        if pom.parent is None or not pom.parent.relative_path:
            return
        above = path.parent / pom.parent.relative_path
        path = above / "pom.xml" if above.is_dir() else above
        if not path.is_file():
            return


def _unusable(path: Path, found: str) -> InvalidConfigError:
    return InvalidConfigError(
        f"{path}: the project cannot be read", found=found, expected="a POM of Maven", suggestions=[f"correct {path}"]
    )  # fmt: skip
