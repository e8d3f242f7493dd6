"""Resolves artifacts from the repositories of this machine, by the rules of Maven 3.8.7 and maven-resolver 1.6.3.

Not as in Maven: repositories that POMs of repositories name are not asked, since strangers write them; neither is the folder in which
Maven keeps what it has fetched or installed. Whether a file is there of which the POM is there is not looked at.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from outrider.operators.packages.maven.coordinates import read_want
from outrider.operators.packages.maven.facts import facts_of
from outrider.operators.packages.maven.gradle import session as gradle
from outrider.operators.packages.maven.gradle.details import CLIENT
from outrider.operators.packages.maven.opening import opened_source
from outrider.operators.packages.maven.profiles import Machine
from outrider.operators.packages.maven.program import maven_program
from outrider.operators.packages.maven.project import project_repositories
from outrider.operators.packages.maven.reading import Reading
from outrider.operators.packages.maven.resolver import MavenResolver
from outrider.operators.packages.maven.settings import MavenSettings
from outrider.operators.packages.maven.sources import MavenSource
from outrider.operators.packages.resolving.facts import PackageFacts, no_package
from outrider.operators.packages.resolving.outcomes import Impossible, Resolved
from outrider.operators.packages.resolving.questions import Question

_SHOWN = 80


async def resolve(question: Question) -> Resolved | Impossible:
    """Choose versions: those that Maven puts on the class path of a project that needs what is asked for.

    Raises:
        InvalidConfigError: A package is not written as Maven writes it, or a setting cannot be used.
        MissingRequirementError: No repository is known here.
        NotFoundError: No repository has what is asked for.
        UnsupportedError: A repository is none that can be asked.
        OutriderError: What a repository says.
    """
    if question.client == CLIENT:
        return await gradle.resolve(question)
    wants = [read_want(index, text) for index, text in enumerate(question.packages)]
    async with opened(question) as (source, reading, _):
        return await MavenResolver(source, reading, question.policy).resolve(wants)


async def facts(question: Question, name: str, version: str = "") -> PackageFacts:
    """Return what repositories say of an artifact, and of a version of it or the latest; the errors are those of `resolve`."""
    if question.client == CLIENT:
        return await gradle.facts(question, name, version)
    want = read_want(0, name)
    if want.artifact.version:
        raise no_package("maven", name[:_SHOWN])
    async with opened(question) as (source, reading, _):
        return await facts_of(source, reading, want.artifact.name, version)


@asynccontextmanager
async def opened(question: Question) -> AsyncIterator[tuple[MavenSource, Reading, MavenSettings]]:
    """Have what is known of the repositories of a project, and what Maven is told there; what is learned is kept in the end.

    Raises:
        OutriderError: As `resolve`.
    """
    program = await maven_program(question.environment, question.cache)
    settings = MavenSettings(question.environment, program)
    further = project_repositories(question.folder, settings.properties, settings.named)
    async with opened_source(question, settings, settings.repositories(further)) as source:
        reading = Reading(source, Machine(program.properties), question.policy, question.check, question.preferred)
        yield source, reading, settings
