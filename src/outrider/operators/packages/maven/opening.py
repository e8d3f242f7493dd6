"""What is known of some repositories, for as long as it is asked for."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from outrider.operators.packages.maven.client import MavenClient, MavenRepository
from outrider.operators.packages.maven.holdings import Holdings
from outrider.operators.packages.maven.settings import MavenSettings, refuse_arguments
from outrider.operators.packages.maven.sources import MavenSource
from outrider.operators.packages.maven.store import MavenStore
from outrider.operators.packages.registries.failures import looked_in
from outrider.operators.packages.registries.keeping import kept
from outrider.operators.packages.resolving.questions import Question


@asynccontextmanager
async def opened_source(
    question: Question, settings: MavenSettings, repositories: Iterable[MavenRepository]
) -> AsyncIterator[MavenSource]:
    """Have what is known of repositories; what is learned is kept in the end.

    Args:
        question: What may be used for an answer.
        settings: That the repositories are of.
        repositories: In the order in which they are asked.

    Raises:
        ExecutionFailedError: What was learned cannot be written.
        UnsupportedError: Arguments of Maven name other settings.
    """
    refuse_arguments(question.environment, question.folder)
    holdings = [
        Holdings(
            MavenClient(repository, question.clock), MavenStore(question.cache, repository.registry.url), question.clock,
            offline=question.offline,
        )
        for repository in repositories
    ]  # fmt: skip
    source = MavenSource(holdings, settings.left_out)
    with looked_in(one.client.repository.registry.url for one in holdings), kept(source.keep):
        try:
            yield source
        finally:
            await source.close()
