"""What is known of the repositories of a build of Gradle, and the Java that it runs on."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

from outrider.operators.packages.manifests.gradle.builds import GradleProject
from outrider.operators.packages.maven.client import MavenClient
from outrider.operators.packages.maven.gradle.reading import GradleReading
from outrider.operators.packages.maven.holdings import Holdings
from outrider.operators.packages.maven.poms import PomRepository
from outrider.operators.packages.maven.program import maven_program
from outrider.operators.packages.maven.settings import CENTRAL, MavenSettings, Named
from outrider.operators.packages.maven.sources import MavenSource
from outrider.operators.packages.maven.store import MavenStore
from outrider.operators.packages.registries.failures import looked_in
from outrider.operators.packages.registries.keeping import kept
from outrider.operators.packages.resolving.questions import Question

_CENTRAL = "MavenRepo"
# Where nothing says for which Java a build is, and none is here: the oldest one that the current Gradle runs on.
USUAL_JAVA = 17


@asynccontextmanager
async def opened(project: GradleProject, question: Question) -> AsyncIterator[tuple[MavenSource, GradleReading]]:
    """Have what is known of the repositories of a project; what is learned is kept in the end.

    Raises:
        OutriderError: As `maven.session.resolve`.
    """
    program = await maven_program(question.environment, question.cache)
    settings = MavenSettings(question.environment, program)
    holdings = [
        Holdings(
            MavenClient(repository, question.clock), MavenStore(question.cache, repository.registry.url), question.clock,
            offline=question.offline,
        )
        for repository in settings.only(_named(project))
    ]  # fmt: skip
    source = MavenSource(holdings, settings.left_out)
    reading = GradleReading(source, question.policy, question.check, question.preferred if question.locked else None)
    with looked_in(one.client.repository.registry.url for one in holdings), kept(source.keep):
        try:
            yield source, reading
        finally:
            await source.close()


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
