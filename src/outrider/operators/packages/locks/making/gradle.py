"""Makes gradle.lockfile of a project of Gradle, from what its build says."""

from pathlib import Path

from outrider.core.errors import InvalidConfigError, UnsupportedError
from outrider.operators.packages.locks.making.manifests import folder_of
from outrider.operators.packages.locks.making.results import Made
from outrider.operators.packages.locks.writing.gradle_lock import written
from outrider.operators.packages.manifests.gradle.builds import GradleBuild, GradleProject
from outrider.operators.packages.manifests.gradle.plugins import resolvable
from outrider.operators.packages.manifests.gradle.reading import read_build
from outrider.operators.packages.maven.gradle.configurations import locked_names
from outrider.operators.packages.maven.gradle.resolver import GradleResolver, Locked
from outrider.operators.packages.maven.gradle.session import USUAL_JAVA, java_of, opened
from outrider.operators.packages.resolving.outcomes import Impossible
from outrider.operators.packages.resolving.questions import Question

_SETTINGS = ("settings.gradle", "settings.gradle.kts")


async def make(path: Path, question: Question) -> Made:
    """Resolve, and return the file; the errors are those of `making.made`."""
    if question.packages:
        raise InvalidConfigError(
            "packages: the build of Gradle says what is asked for", path="packages", found=", ".join(question.packages),
            expected="no packages", suggestions=["write it into the build"],
        )  # fmt: skip
    build = read_build(root_of(folder_of(path)))
    project = project_of(build, path)
    java = await java_of(question)
    async with opened(project, question) as (_, reading):
        locked = await GradleResolver(reading, question.policy, java or USUAL_JAVA).locked(build, project)
    if isinstance(locked, Impossible):
        raise locked.error()
    return Made(text_of(locked), warnings_of(project, java))


def root_of(folder: Path) -> Path:
    """Return the folder of the build that a project is of: the nearest one with settings, or its own."""
    around = (folder, *folder.parents)
    return next((one for one in around if any((one / name).is_file() for name in _SETTINGS)), folder)


def project_of(build: GradleBuild, path: Path) -> GradleProject:
    """Return the project whose lock a file is.

    Raises:
        UnsupportedError: None of the build has its lock there, or several have.
    """
    wanted = path.resolve()
    several = [one for one in build.projects.values() if one.lock_file.resolve() == wanted]
    if len(several) > 1:
        raise UnsupportedError(
            f"{path}: several projects of the build have their lock there, and each would write over that of the others",
            path="dependencyLocking.lockFile", found=", ".join(one.path for one in several), expected="a file for each project",
            suggestions=["give each project a lockFile of its own"],
        )  # fmt: skip
    found = next(iter(several), None)
    if found is None:
        places = ", ".join(str(one.lock_file) for one in build.projects.values())
        raise UnsupportedError(
            f"{path}: no project of the build has its lock there", path="file", found=str(path), expected=places,
            suggestions=["name one of these"],
        )  # fmt: skip
    names = resolvable(found.plugins)
    if not locked_names(found):
        raise UnsupportedError(
            f"{path}: the build locks no configuration", path="dependencyLocking", found="none" if names else "no configurations in this project",
            expected="configurations that are locked",
            suggestions=["write dependencyLocking { lockAllConfigurations() } into the build" if names else "name the lock of another project"],
        )  # fmt: skip
    return found


def text_of(locked: Locked) -> str:
    """Return the file of what was resolved."""
    modules = {f"{one.group}:{one.artifact}:{one.version}": names for one, names in locked.modules.items()}
    return written(modules, locked.configurations)


def warnings_of(project: GradleProject, java: int | None) -> list[str]:
    """Return what the reader of a lock should know.

    Args:
        project: That is locked.
        java: The version of the Java of this machine; None where there is none.
    """
    if None not in (project.java, project.java_of_tests):
        return []
    which = f"that of this machine ({java})" if java is not None else f"{USUAL_JAVA}, as there is none here,"
    return [
        f"the build does not say for which Java all of it is: {which} counts, as Gradle takes the one that it runs on"
    ]
