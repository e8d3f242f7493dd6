"""Resolves what a project of Gradle declares, from the repositories of its build."""

from collections.abc import AsyncIterator, Collection, Iterator, Mapping
from contextlib import asynccontextmanager

from outrider.operators.packages.manifests.gradle.builds import GradleProject
from outrider.operators.packages.maven.facts import facts_of
from outrider.operators.packages.maven.gradle.details import CLIENT, GradleDetails, with_asked
from outrider.operators.packages.maven.gradle.order import key
from outrider.operators.packages.maven.gradle.reading import GradleReading
from outrider.operators.packages.maven.gradle.resolver import GradleResolver
from outrider.operators.packages.maven.opening import opened_source
from outrider.operators.packages.maven.poms import PomRepository
from outrider.operators.packages.maven.profiles import Machine
from outrider.operators.packages.maven.program import maven_program
from outrider.operators.packages.maven.reading import Reading
from outrider.operators.packages.maven.settings import CENTRAL, MavenSettings, Named
from outrider.operators.packages.maven.sources import MavenSource
from outrider.operators.packages.resolving.facts import PackageFacts
from outrider.operators.packages.resolving.outcomes import Impossible, Resolved, ResolvedPackage
from outrider.operators.packages.resolving.questions import Question

# What an answer tells of a package besides: where it is.
CONFIGURATIONS = "configurations"
_CENTRAL = "MavenRepo"
# Where nothing says for which Java a build is, and none is here: the oldest one that the current Gradle runs on.
USUAL_JAVA = 17


async def resolve(question: Question) -> Resolved | Impossible:
    """Choose versions for the lock of a project, of which none becomes older than it is locked.

    Args:
        question: With `GradleDetails`; its packages are what `asked_for` has returned, and what it has locked are the versions of which
            one is taken where it is not below what is locked.

    Raises:
        OutriderError: As `maven.session.resolve`.
    """
    details = GradleDetails.of(question)
    project = with_asked(details.build.projects[details.path], question.packages)
    floors = {name: dict(_floors(modules, question.locked)) for name, modules in details.locked.items()}
    async with opened(project, question) as (source, reading):
        java = await java_of(question) or USUAL_JAVA
        locked = await GradleResolver(reading, question.policy, java).locked(details.build, project, floors)
        notes = list(source.left_out)
    if isinstance(locked, Impossible):
        return locked
    direct = {
        f"{one.group}:{one.name}" for several in project.declared.values() for one in several if not one.is_constraint
    }
    packages = [
        ResolvedPackage(
            name=one.name, version=one.version, needed_by=[name for name in locked.needed_by[one.name] if name],
            direct=one.name in direct, entry={CONFIGURATIONS: names},
        )
        for one, names in sorted(locked.modules.items())
    ]  # fmt: skip
    return Resolved(target=CLIENT, packages=packages, notes=notes)


async def facts(question: Question, name: str, version: str = "") -> PackageFacts:
    """Return what the repositories of a project say of a module, and of a version of it or the latest; the errors are those of `resolve`."""
    details = GradleDetails.of(question)
    program = await maven_program(question.environment, question.cache)
    async with opened(details.build.projects[details.path], question) as (source, _):
        reading = Reading(source, Machine(program.properties), question.policy, question.check)
        return await facts_of(source, reading, name, version)


def _floors(modules: Mapping[str, str], allowed: Mapping[str, Collection[str]]) -> Iterator[tuple[str, str]]:
    """Yield the version below which none is taken of each module: that which is locked, or what is to be instead."""
    for module, version in modules.items():
        several = allowed.get(module, ())
        if version in several:
            yield module, version
        elif several:
            yield module, max(several, key=key)


@asynccontextmanager
async def opened(project: GradleProject, question: Question) -> AsyncIterator[tuple[MavenSource, GradleReading]]:
    """Have what is known of the repositories of a project; what is learned is kept in the end.

    Raises:
        OutriderError: As `maven.session.resolve`.
    """
    program = await maven_program(question.environment, question.cache)
    settings = MavenSettings(question.environment, program)
    async with opened_source(question, settings, settings.only(_named(project))) as source:
        reading = GradleReading(source, question.policy, question.check, question.preferred)
        yield source, reading


async def java_of(question: Question) -> int | None:
    """Return the version of the Java that is on this machine; None where there is none that is known."""
    program = await maven_program(question.environment, question.cache)
    said = program.properties.get("java.specification.version", "").removeprefix("1.")
    return int(said) if said.isascii() and said.isdigit() else None


def _named(project: GradleProject) -> Iterator[Named]:
    """Yield the repositories of a project; what Gradle calls Maven Central is what Maven calls so."""
    for place, one in enumerate(project.repositories):
        name = (
            CENTRAL if one.name == _CENTRAL and not one.url else one.name.lower() if not one.url else f"gradle-{place}"
        )
        yield Named(PomRepository(name, one.url), str(project.folder))
