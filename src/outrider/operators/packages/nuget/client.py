"""A client of a source of NuGet: https://learn.microsoft.com/nuget/api/overview."""

import re
from collections.abc import Callable
from urllib.parse import quote

from outrider.core.errors import NotFoundError
from outrider.operators.packages.nuget.flat_container import place
from outrider.operators.packages.nuget.records import ServicesRecord
from outrider.operators.packages.nuget.services import read_services
from outrider.operators.packages.registries.downloads import Document, Downloads
from outrider.operators.packages.registries.registry import Registry
from outrider.ports.clock import Clock

_NAME = re.compile(r"\w+(?:[.-]\w+)*")
_LONGEST_NAME = 100


def is_name(text: str) -> bool:
    """Return whether a package may have a name: https://learn.microsoft.com/nuget/reference/nuspec#id, and `PackageIdValidator`."""
    return len(text) <= _LONGEST_NAME and _NAME.fullmatch(text) is not None


class NugetClient:
    """Asks a source.

    Args:
        registry: Which: the address of its service index, with credentials.
        clock: For the age of connections.
    """

    def __init__(self, registry: Registry, clock: Clock) -> None:
        self.registry = registry
        self._downloads = Downloads(registry, clock)

    async def close(self) -> None:
        """Close all connections."""
        await self._downloads.close()

    async def services(self) -> ServicesRecord:
        """Return where the source has what.

        Raises:
            ExecutionFailedError: It is no source of NuGet.
            UnsupportedError: It has nothing that can be read here.
            OutriderError: What it says.
        """
        document = await self._downloads.root(self.registry.url, "source of NuGet")
        return read_services(self.registry.url, document.content or b"")

    async def package(self, services: ServicesRecord, name: str, known: Document | None) -> Document:
        """Return the first document of a package: its registration, or the list of its versions where there is none.

        Args:
            services: Where the source has what.
            name: Of the package, in small letters.
            known: What was fetched before: it is fetched only where it has changed.

        Raises:
            NotFoundError: There is no package of that name.
            OutriderError: What else the source says.
        """
        if not is_name(name):
            raise NotFoundError(
                f"nuget {name[:_LONGEST_NAME]!r}: no package has such a name", found=name[:_LONGEST_NAME], suggestions=["check the name"]
            )  # fmt: skip
        base = services.registrations or services.content
        return await self._downloads.get(f"{base}/{quote(name, safe='')}/index.json", known=known)

    async def page(self, url: str) -> bytes:
        """Return the document of a part of a package.

        Raises:
            OutriderError: What the source says.
        """
        return (await self._downloads.get(url)).content or b""

    async def manifest(self, services: ServicesRecord, name: str, version: str) -> bytes:
        """Return the manifest of a version.

        Raises:
            NotFoundError: There is none.
            OutriderError: What else the source says.
        """
        return (await self._downloads.get(place(services.content, name, version, f"{name}.nuspec"))).content or b""

    async def stream(self, url: str, receive: Callable[[bytes], object]) -> None:
        """Fetch the file of a version, piece by piece.

        Args:
            url: Its address.
            receive: Is given each piece, and must not wait.

        Raises:
            OutriderError: What the source says.
        """
        await self._downloads.stream(url, receive)
