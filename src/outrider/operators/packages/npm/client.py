"""A client of npm registries: what they know of a package, and tarballs."""

from collections.abc import Callable, Iterator
from urllib.parse import quote

from outrider.operators.packages.npm.settings import NpmSettings
from outrider.operators.packages.registries.downloads import Document, Downloads
from outrider.operators.packages.registries.registry import Registry
from outrider.ports.clock import Clock

# The short form has all that a resolution needs; registries that do not know it send the long one.
ACCEPT = "application/vnd.npm.install-v1+json; q=1.0, application/json; q=0.8, */*"
ACCEPT_WHOLE = "application/json"


class NpmClient:
    """Asks the registries of npm packages.

    Args:
        settings: Which registry has what.
        clock: For the age of connections.
    """

    def __init__(self, settings: NpmSettings, clock: Clock) -> None:
        self.settings, self._clock = settings, clock
        self._registries: dict[str, Registry] = {}
        self._downloads: dict[str, Downloads] = {}

    @property
    def default(self) -> str:
        """The address of the registry that npm comes with; empty where it is not known."""
        return self.settings.default

    def addresses(self) -> Iterator[str]:
        """Yield the addresses of the registries that were asked."""
        yield from self._downloads

    def registry(self, name: str) -> Registry:
        """Return the registry of a package.

        Raises:
            InvalidConfigError: A setting cannot be used.
            MissingRequirementError: No registry is known.
        """
        scope = name.partition("/")[0] if name.startswith("@") else ""
        if scope not in self._registries:
            self._registries[scope] = self.settings.registry_for(name)
        return self._registries[scope]

    async def packument(self, name: str, known: Document | None = None, *, whole: bool = False) -> Document:
        """Return what a registry says of a package; without content where that has not changed.

        Args:
            name: Of the package.
            known: What was fetched before.
            whole: Whether the long document is needed, with times and licences.

        Raises:
            NotFoundError: There is no such package.
            OutriderError: What else the registry says.
        """
        registry = self.registry(name)
        url = f"{registry.url}/{quote(name, safe='@/').replace('/', '%2f')}"
        return await self._of(registry).get(url, headers={"accept": ACCEPT_WHOLE if whole else ACCEPT}, known=known)

    async def tarball(self, name: str, url: str) -> bytes:
        """Return the tarball of a package.

        Raises:
            OutriderError: What the registry says.
        """
        return (await self._of(self.registry(name)).get(url)).content or b""

    async def stream(self, name: str, url: str, receive: Callable[[bytes], object]) -> None:
        """Fetch the tarball of a package piece by piece; otherwise as `Downloads.stream`."""
        await self._of(self.registry(name)).stream(url, receive)

    async def close(self) -> None:
        """Close all connections."""
        for one in self._downloads.values():
            await one.close()

    def _of(self, registry: Registry) -> Downloads:
        if registry.url not in self._downloads:
            self._downloads[registry.url] = Downloads(registry, self._clock)
        return self._downloads[registry.url]
