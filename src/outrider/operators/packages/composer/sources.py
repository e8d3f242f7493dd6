"""The repositories of a resolution."""

from outrider.core.http.urls import origin
from outrider.operators.packages.composer.client import ComposerClient
from outrider.operators.packages.composer.repositories import ComposerRepository
from outrider.operators.packages.composer.settings import ComposerSettings, Place
from outrider.operators.packages.composer.store import ComposerStore
from outrider.operators.packages.registries.registry import Registry
from outrider.operators.packages.resolving.questions import Question


class ComposerSource:
    """Has repositories.

    Args:
        settings: What Composer is told.
        question: What is asked, with the folder of what is kept.

    Attributes:
        repositories: In the order in which they are asked.
        clients: Of those among them whose packages are not in the settings, in the same order.

    Raises:
        InvalidConfigError: A setting cannot be used.
        MissingRequirementError: There is no repository.
        UnsupportedError: One of them is of a kind that is not read.
    """

    def __init__(self, settings: ComposerSettings, question: Question) -> None:
        self.settings, self._question = settings, question
        self.clients: list[ComposerClient] = []
        self.repositories = [self._repository(place) for place in settings.places()]

    def _repository(self, place: Place) -> ComposerRepository:
        client = self._client(place) if place.packages is None else None
        store = ComposerStore(self._question.cache, "" if client is None else client.url)
        return ComposerRepository(place, client, store, self._question.clock, offline=self._question.offline)

    def _client(self, place: Place) -> ComposerClient:
        def registry(url: str) -> Registry:
            # What a repository is told is not for other hosts, even if its documents are there.
            headers = place.headers if origin(url) == origin(place.url) else ()
            return self.settings.registry(url, place.source, headers)

        client = ComposerClient(place.url, registry, self._question.clock)
        self.clients.append(client)
        return client

    def has(self, name: str) -> bool:
        """Return whether a repository has a package, of those that were looked for."""
        return any(record.versions or record.left_out for one in self.repositories for record in one.records(name))

    async def providers(self, name: str) -> list[str]:
        """Return the names of packages that provide or replace a name, as far as repositories tell it.

        Raises:
            OutriderError: What a repository says.
        """
        return sorted({one for repository in self.repositories for one in await repository.providers(name)})

    def keep(self) -> None:
        """Write what was learned to disk.

        Raises:
            ExecutionFailedError: It cannot be written.
        """
        for repository in self.repositories:
            repository.keep()

    async def close(self) -> None:
        """Close all connections."""
        for client in self.clients:
            await client.close()
