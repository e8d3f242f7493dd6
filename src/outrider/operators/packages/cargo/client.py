"""A client of a sparse registry of Cargo: https://doc.rust-lang.org/cargo/reference/registry-index.html#sparse-protocol."""

import re
from collections.abc import Callable

import msgspec

from outrider.core.errors import ExecutionFailedError, NotFoundError, UnauthenticatedError
from outrider.operators.packages.registries.downloads import Document, Downloads, opened_downloads
from outrider.operators.packages.registries.registry import Registry
from outrider.ports.clock import Clock

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,63}")
_MARKERS = ("{crate}", "{version}", "{prefix}", "{lowerprefix}", "{sha256-checksum}")


class CargoConfig(msgspec.Struct, rename="kebab"):
    """What a registry says of itself.

    Attributes:
        dl: Where crates are, with or without markers.
        api: Where it can be searched and published in; None where it cannot.
        auth_required: Whether it tells nothing without a token.
    """

    dl: str
    api: str | None = None
    auth_required: bool = False


class CargoClient:
    """Asks a registry. As Cargo does, it shows a token only where the registry tells nothing without.

    Args:
        registry: Which, with its token.
        clock: For the age of connections.
    """

    def __init__(self, registry: Registry, clock: Clock) -> None:
        self.registry = registry
        self._clock = clock
        self._open = Downloads(msgspec.structs.replace(registry, authorization=None), clock)
        self._closed = Downloads(registry, clock)

    async def close(self) -> None:
        """Close all connections."""
        await self._open.close()
        await self._closed.close()

    async def config(self) -> CargoConfig:
        """Return what the registry says of itself; where it did not say that without a token, it requires one.

        Raises:
            ExecutionFailedError: It is no registry of Cargo.
            OutriderError: What it says.
        """
        url = f"{self.registry.url}/config.json"
        closed = False
        try:
            document = await self._open.root(url, "registry of Cargo")
        except UnauthenticatedError:
            if self.registry.authorization is None:
                raise
            document, closed = await self._closed.root(url, "registry of Cargo"), True
        try:
            config = msgspec.json.decode(document.content or b"", type=CargoConfig)
            return msgspec.structs.replace(config, auth_required=config.auth_required or closed)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
            raise ExecutionFailedError(
                f"{url}: no configuration of a registry", found=str(error)[:200], expected='{"dl": "https://HOST/PATH"}',
                suggestions=[f"check the address in {self.registry.source}"],
            ) from error  # fmt: skip

    async def stream(self, url: str, receive: Callable[[bytes], object], *, closed: bool) -> None:
        """Fetch a file piece by piece, with the token where that must be shown; otherwise as `Downloads.stream`."""
        await (self._closed if closed else self._open).stream(url, receive)

    async def of_api(self, config: CargoConfig, url: str) -> Document:
        """Return a document of the registry's API, which is shown the token where the registry tells nothing without.

        Args:
            config: What the registry says of itself.
            url: Of the document.

        Raises:
            OutriderError: What the registry says.
        """
        shown = self.registry.authorization if config.auth_required else None
        api = msgspec.structs.replace(self.registry, url=config.api or self.registry.url, authorization=shown)
        async with opened_downloads(api, self._clock) as downloads:
            return await downloads.get(url)

    async def document(self, name: str, known: Document | None = None, *, closed: bool = False) -> Document:
        """Return the document of a crate.

        Args:
            name: Of the crate.
            known: What was fetched before: it is fetched only where it has changed.
            closed: Whether the token must be shown.

        Raises:
            NotFoundError: There is no crate of that name.
            OutriderError: What else the registry says.
        """
        if _NAME.fullmatch(name) is None:
            raise NotFoundError(
                f"cargo {name[:64]!r}: no crate has such a name", found=name[:64], suggestions=["check the name"]
            )
        lower = name.lower()
        where = f"{self.registry.url}/{prefix(lower)}/{lower}"
        return await (self._closed if closed else self._open).get(where, known=known)


def prefix(name: str) -> str:
    """Return the folder in which an index has a crate."""
    return str(len(name)) if len(name) < 3 else f"3/{name[0]}" if len(name) == 3 else f"{name[:2]}/{name[2:4]}"


def download_url(template: str, name: str, version: str, checksum: str) -> str:
    """Return where the file of a version is."""
    if not any(marker in template for marker in _MARKERS):
        return f"{template.rstrip('/')}/{name}/{version}/download"
    values = (name, version, prefix(name), prefix(name.lower()), checksum)
    for marker, value in zip(_MARKERS, values, strict=True):
        template = template.replace(marker, value)
    return template
