"""Puts a registry together from its settings."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import NamedTuple, cast

from outrider.core.errors import OutriderError
from outrider.core.package_policies import PackagePolicySpec
from outrider.core.package_registries import PackageRegistrySpec
from outrider.operators.packages.policies.patterns import folded_name, read_names
from outrider.operators.packages.registries.downloads import Document
from outrider.operators.packages.serving.accounts import ANYBODY, NOBODY, Accounts
from outrider.operators.packages.serving.application import Application
from outrider.operators.packages.serving.fetched_packages import HubSettings
from outrider.operators.packages.serving.folders import AUDIT
from outrider.operators.packages.serving.gates import Gate
from outrider.operators.packages.serving.hub import Hub
from outrider.operators.packages.serving.store import Store
from outrider.operators.packages.serving.upstreams import Builder, Carry, FileSource, Upstream
from outrider.operators.packages.serving.visits import EcosystemServer
from outrider.ports.clock import Clock
from outrider.runtime.audit import AuditLog


class Surroundings(NamedTuple):
    """What an ecosystem is opened with.

    Attributes:
        environment: Variables, which may name registries.
        folder: Whose settings count.
        cache: The folder of what is kept of all ecosystems.
        base: The address of the registry, as clients know it.
        clock: For the age of connections.
    """

    environment: Mapping[str, str]
    folder: Path
    cache: Path
    base: str
    clock: Clock


class Opened(NamedTuple):
    """What an ecosystem brings.

    Attributes:
        upstream: Who is asked.
        build: Makes documents.
        server: Speaks its protocol.
        is_name: Returns whether a package of other registries may have a name, so that the address made of it leads nowhere else.
        carry: What was learned beside what other registries say at once, as `Hub` takes it.
    """

    upstream: Upstream
    build: Builder
    server: Callable[[Hub], EcosystemServer]
    is_name: Callable[[str], object]
    carry: Carry | None = None


class NobodyBehind:
    """Other registries, where none is known: each question is answered by what is wrong with the settings."""

    def __init__(self, error: OutriderError) -> None:
        self._error = error

    async def fetch(self, name: str, known: Document | None) -> tuple[bytes | None, Document]:
        del name, known
        raise self._error

    def sources(self, name: str, raw: bytes) -> Mapping[str, FileSource]:
        del name, raw
        raise self._error

    async def close(self) -> None:
        """There is nothing to close."""


@asynccontextmanager
async def opened_registry(
    spec: PackageRegistrySpec, folder: Path, surroundings: Surroundings, policies: Mapping[str, PackagePolicySpec]
) -> AsyncIterator[Application]:
    """Have a registry, as a handler of requests.

    Args:
        spec: Its settings.
        folder: Where packages are kept.
        surroundings: What ecosystems are opened with.
        policies: All that count, by what they are called in reasons.

    Raises:
        OutriderError: The settings or the folder cannot be used.
    """
    clock = surroundings.clock
    patterns = read_names(spec.private, "spec.private")
    store = Store(folder)
    gate = Gate(policies, clock)
    servers: dict[str, EcosystemServer] = {}
    for ecosystem in spec.ecosystems:
        module = import_module(f"outrider.operators.packages.{ecosystem}.serving.opening")
        opened = cast("Opened", await module.opened(surroundings))
        fold = partial(folded_name, ecosystem)
        private = tuple(fold(one.name) for one in patterns if one.ecosystem == ecosystem)
        settings = HubSettings(
            is_name=opened.is_name, private=private, fold=fold, cache_only=spec.cache_only, fresh=float(spec.fresh)
        )
        hub = Hub(
            ecosystem,
            store,
            opened.upstream,
            opened.build,
            carry=opened.carry,
            gate=gate,
            settings=settings,
            clock=clock,
        )
        servers[ecosystem] = opened.server(hub)
    accounts = Accounts(store.tables, ANYBODY if spec.anonymous == "read" else NOBODY)
    audit = AuditLog(folder / AUDIT, "registry", clock)
    application = Application(store, servers, accounts, gate=gate, audit=audit, clock=clock)
    looking = asyncio.create_task(application.look())
    try:
        yield application
    finally:
        looking.cancel()
        with suppress(asyncio.CancelledError):
            await looking
        for server in servers.values():
            await server.hub.close()
        audit.close()
        await store.close()


def or_nobody(make: Callable[[], Upstream]) -> Upstream:
    """Return who is asked; where no registry is known, what says so to everybody who asks."""
    try:
        return make()
    except OutriderError as error:
        return NobodyBehind(error)
