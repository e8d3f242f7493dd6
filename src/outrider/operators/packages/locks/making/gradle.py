"""Makes gradle.lockfile of a project of Gradle, from what its build says."""

from collections.abc import Iterator
from pathlib import Path

from outrider.core.errors import InvalidConfigError, UnsupportedError
from outrider.operators.packages.locks.making.manifests import folder_of
from outrider.operators.packages.locks.making.results import Made
from outrider.operators.packages.locks.writing.gradle_lock import written
from outrider.operators.packages.manifests.gradle.builds import GradleBuild, GradleProject
from outrider.operators.packages.manifests.gradle.reading import read_build
from outrider.operators.packages.manifests.gradle.source_sets import resolvable_in
from outrider.operators.packages.maven.gradle.configurations import asked_in, has_rules, locked_names
from outrider.operators.packages.maven.gradle.resolver import GradleResolver, Locked
from outrider.operators.packages.maven.gradle.session import USUAL_JAVA, java_of, opened
from outrider.operators.packages.resolving.outcomes import Impossible
from outrider.operators.packages.resolving.questions import Question

# Whose versions count where a build does not say them.
_GRADLE = "8.11"
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
    return Made(text_of(locked), [*warnings_of(build, project, java)])


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
    names = resolvable_in(found)
    if not locked_names(found):
        raise UnsupportedError(
            f"{path}: the build locks no configuration", path="dependencyLocking", found="none" if names else "no configurations in this project",
            expected="configurations that are locked",
            suggestions=["write dependencyLocking { lockAllConfigurations() } into the build" if names else "name the lock of another project"],
        )  # fmt: skip
    _check_rules(found, path)
    return found


def _check_rules(project: GradleProject, path: Path) -> None:
    """Refuse what is resolved without the rules that plugins for Java bring: other variants are chosen then."""
    if has_rules(project) or not any(asked for name in locked_names(project) for asked in asked_in(project, name)):
        return
    raise UnsupportedError(
        f"{path}: the project has no plugin for Java, and without one variants are chosen by other rules", path="plugins",
        found=", ".join(project.plugins) or "no plugins", expected="a plugin for Java, such as java-base",
        suggestions=["write the lock with Gradle itself: gradle dependencies --write-locks"],
    )  # fmt: skip


def text_of(locked: Locked) -> str:
    """Return the file of what was resolved."""
    modules = {f"{one.group}:{one.artifact}:{one.version}": names for one, names in locked.modules.items()}
    return written(modules, locked.configurations)


def warnings_of(build: GradleBuild, project: GradleProject, java: int | None) -> Iterator[str]:
    """Yield what the reader of a lock should know.

    Args:
        build: Whose project it is.
        project: That is locked.
        java: The version of the Java of this machine; None where there is none.
    """
    if None in (project.java, project.java_of_tests, *project.source_sets.values()):
        which = f"that of this machine ({java})" if java is not None else f"{USUAL_JAVA}, as there is none here,"
        yield f"the build does not say for which Java all of it is: {which} counts, as Gradle takes the one that it runs on"
    if project.usual and build.gradle.split(".")[:2] != _GRADLE.split("."):
        yield (
            f"{', '.join(project.usual)}: the build does not say the version, so that of Gradle {_GRADLE} counts;"
            f" its wrapper names {f'Gradle {build.gradle}' if build.gradle else 'no Gradle'}, which may take another"
        )
