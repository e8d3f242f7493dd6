"""Publishes crates as cargo publish does: https://doc.rust-lang.org/cargo/reference/registry-web-api.html#publish."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import msgspec

from outrider.core.errors import (
    ExecutionFailedError,
    InvalidConfigError,
    MissingRequirementError,
    NotFoundError,
    UnsupportedError,
)
from outrider.core.http.messages import Response
from outrider.operators.packages.cargo.client import CargoClient
from outrider.operators.packages.cargo.default import default_index
from outrider.operators.packages.cargo.lines import read_lines
from outrider.operators.packages.cargo.packaged import Crate
from outrider.operators.packages.cargo.places import CRATES_IO, SPARSE
from outrider.operators.packages.cargo.settings import CargoSettings
from outrider.operators.packages.registries.own_settings import own_address, with_own_login
from outrider.operators.packages.registries.publications import (
    LocalFile,
    Publication,
    State,
    contradiction,
    named_twice,
)
from outrider.operators.packages.registries.refusals import reason_of
from outrider.operators.packages.registries.registry import Registry
from outrider.operators.packages.registries.uploads import opened_uploads, shown_to, upload
from outrider.operators.packages.resolving.questions import Question

_LENGTH = 4
_BUILT_IN = "Cargo's own default"


@asynccontextmanager
async def publisher(question: Question, registry: str) -> AsyncIterator["CargoPublisher"]:
    """Have what publishes.

    Args:
        question: With the settings of whoever calls.
        registry: The address of the index to publish in; what the settings and the crate say if empty.
    """
    yield CargoPublisher(CargoSettings(question.environment, question.folder), question, registry)


class CargoPublisher:
    """Publishes.

    Args:
        settings: Where to.
        question: With the clock and the deadline.
        registry: The address in place of that of the settings.
    """

    def __init__(self, settings: CargoSettings, question: Question, registry: str) -> None:
        self._settings, self._question, self._registry = settings, question, registry

    async def read(self, files: Sequence[LocalFile]) -> list[Publication]:
        """Return what files are.

        Raises:
            InvalidConfigError: Cargo has not packaged one, or it may not be published.
        """
        found: list[Publication] = []
        for file in files:
            crate = Crate(file)
            if crate.registries == []:
                raise contradiction(
                    file, "its Cargo.toml says that it is not published", found="publish = false", expected="a crate that may be published",
                    remedy="remove publish from Cargo.toml, and package it anew",
                )  # fmt: skip
            found.append(Publication(crate.name, crate.version, file, {"crate": crate}))
        named_twice(files, [f"{one.name} {one.version}" for one in found])
        return found

    async def registry(self, publication: Publication) -> Registry:
        """Return the registry of a crate, by the address of its index.

        Raises:
            UnauthenticatedError: Nothing is known to be shown there.
            UnsupportedError: It is none that can be asked.
            OutriderError: What is wrong with the settings.
        """
        found = await self._chosen(publication)
        return shown_to(
            found,
            "cargo login --registry NAME",
            "set CARGO_REGISTRIES_NAME_TOKEN, and for crates.io CARGO_REGISTRY_TOKEN",
        )

    async def state(self, registry: Registry, publication: Publication) -> State:
        """Return whether a version is there.

        Raises:
            OutriderError: What the registry says.
        """
        client = CargoClient(registry, self._question.clock)
        try:
            config = await client.config()
            document = await client.document(publication.name, closed=config.auth_required)
        except NotFoundError:
            return ""
        finally:
            await client.close()
        for line in read_lines(publication.name, document.content or b""):
            if line is not None and line.version == publication.version:
                return "there" if line.release.checksum == publication.file.sha256 else "other"
        return ""

    async def send(self, registry: Registry, publication: Publication) -> None:
        """Send a crate.

        Raises:
            UnsupportedError: The registry takes none.
            OutriderError: Why it does not take this one.
        """
        client = CargoClient(registry, self._question.clock)
        try:
            config = await client.config()
        finally:
            await client.close()
        if not config.api:
            raise UnsupportedError(
                f"{registry.url}: this registry takes no crates", found="no api in its config.json", expected="api",
                suggestions=["publish in another registry: --registry"],
            )  # fmt: skip
        api = config.api.rstrip("/")
        async with opened_uploads(msgspec.structs.replace(registry, url=api), self._question) as downloads:
            response = await upload(
                downloads, "PUT", f"{api}/api/v1/crates/new", self.body(registry, publication), {"accept": "application/json"}
            )  # fmt: skip
        _refuse_told(api, response)

    def body(self, registry: Registry, publication: Publication) -> bytes:
        """Return what Cargo sends: what it says of a crate, and the file, each after its length."""
        crate: Crate = publication.said["crate"]
        said = msgspec.json.encode(crate.described(None if registry.source == _BUILT_IN else registry.url))
        parts = (said, publication.file.content)
        return b"".join(piece for part in parts for piece in (len(part).to_bytes(_LENGTH, "little"), part))

    async def _chosen(self, publication: Publication) -> Registry:
        crate: Crate = publication.said["crate"]
        names = crate.registries
        if self._registry:
            found = await self._at(self._registry.removeprefix(SPARSE))
            if names is not None and found.url not in [one.url for one in await self._allowed(names)]:
                raise contradiction(
                    publication.file, "its Cargo.toml does not let it be published there", found=found.url, expected=", ".join(names),
                    remedy="name one of these registries in Cargo's config.toml",
                )  # fmt: skip
            return found
        if names is not None and len(names) > 1:
            raise contradiction(
                publication.file, "its Cargo.toml names several registries", found=", ".join(names), expected="one of them",
                remedy="name the address of its index with --registry",
            )  # fmt: skip
        name = names[0] if names else self._settings.default_name()
        return await (self._crates_io() if name in ("", CRATES_IO) else self._named(name))

    async def _at(self, url: str) -> Registry:
        """Return the registry at an address; that of crates.io has its token in another place, and others need not have Cargo here."""
        try:
            usual = await default_index(self._question.environment, self._question.cache)
        except MissingRequirementError:
            usual = ""
        if usual and usual.rstrip("/") == url.rstrip("/"):
            return self._settings.registry(usual, _BUILT_IN, built_in=True)
        return self._settings.registry(url, "registry")

    async def _allowed(self, names: Sequence[str]) -> list[Registry]:
        return [await (self._crates_io() if name == CRATES_IO else self._named(name)) for name in names]

    async def _named(self, name: str) -> Registry:
        found = self._settings.named(name)
        if found is None:
            raise InvalidConfigError(
                f"registries.{name}: Cargo's settings have no such registry", path=f"registries.{name}", found="none", expected="its index",
                suggestions=[f'write [registries.{name}] with index = "sparse+https://HOST/PATH/" into Cargo\'s config.toml'],
            )  # fmt: skip
        return found

    async def _crates_io(self) -> Registry:
        """Return crates.io; as with Cargo, what stands in for it is no place to publish in unless that is said."""
        if self._settings.replacement() is not None:
            raise UnsupportedError(
                "cargo: another registry stands in for crates.io, and nothing says in which of them to publish", path="source.crates-io.replace-with",
                found="a replacement", expected="a registry", suggestions=["name the address of its index with --registry"],
            )  # fmt: skip
        environment = self._question.environment
        if own := own_address("cargo", environment):
            return with_own_login(self._settings.registry(own.url.removeprefix(SPARSE), own.source), environment)
        return self._settings.registry(await default_index(environment, self._question.cache), _BUILT_IN, built_in=True)


def _refuse_told(url: str, response: Response) -> None:
    """Refuse what older registries tell with the status 200."""
    if response.content.find(b'"errors"') >= 0 and (reason := reason_of(response)):
        raise ExecutionFailedError(
            f"{url}: {reason}", found="errors", expected="a crate that the registry takes", suggestions=["correct what it names, and package it anew"]
        )  # fmt: skip
