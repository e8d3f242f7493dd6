"""Crates for a resolution: from what is kept on disk, else from the registry."""

import asyncio
from collections.abc import Iterable, Sequence

from outrider.core.errors import NotFoundError, UnavailableError
from outrider.operators.packages.cargo.client import CargoClient
from outrider.operators.packages.cargo.crates import Crate
from outrider.operators.packages.cargo.records import CargoRecord, ConfigRecord, compiled
from outrider.operators.packages.cargo.rust import RustVersion
from outrider.operators.packages.cargo.store import CargoStore
from outrider.operators.packages.registries.downloads import Document
from outrider.operators.packages.resolving.questions import Question

# Cargo asks anew each time; those who resolve often would wait for that.
FRESH_SECONDS = 600.0
_AT_A_TIME = 32


class CargoSource:
    """Has crates.

    Args:
        client: Who is asked.
        store: What is kept.
        question: What may be used for an answer.
        rust: The versions of Rust that what is chosen should go with.

    Attributes:
        crates: Those that were loaded, by name.
    """

    def __init__(
        self, client: CargoClient, store: CargoStore, question: Question, rust: Sequence[RustVersion] = ()
    ) -> None:
        self._client, self._store, self._rust = client, store, rust
        self._clock, self._offline, self._policy = question.clock, question.offline, question.policy
        self._preferred = question.preferred
        self._limit = asyncio.Semaphore(_AT_A_TIME)
        self._learned: set[str] = set()
        self._config: ConfigRecord | None = None
        self.crates: dict[str, Crate] = {}

    async def config(self) -> ConfigRecord:
        """Return what the registry says of itself.

        Raises:
            UnavailableError: Nothing is kept of it, and nobody is to be asked.
            ExecutionFailedError: It is no registry of Cargo, or what it says cannot be kept.
            OutriderError: What it says.
        """
        if self._config is None:
            self._config = self._store.config()
        if self._config is None or not self._is_fresh(self._config.fetched):
            if self._offline:
                raise _nothing_kept("the registry")
            config = await self._client.config()
            self._config = ConfigRecord(self._clock.now(), config.dl, config.auth_required)
            self._store.keep_config(self._config)
        return self._config

    async def load(self, names: Iterable[str]) -> None:
        """Have crates among `crates`; one that the registry does not have is there without versions.

        Raises:
            UnavailableError: Nothing is kept of one, and nobody is to be asked.
            OutriderError: What the registry says.
        """
        unknown: list[tuple[str, CargoRecord | None]] = []
        for name in sorted(set(names) - self.crates.keys()):
            record = self._store.record(name)
            if record is not None and self._is_fresh(record.fetched):
                self._have(name, record)
            else:
                unknown.append((name, record))
        if unknown:
            closed = (await self.config()).closed
            await asyncio.gather(*(self._fetch(name, record, closed) for name, record in unknown))

    def _have(self, name: str, record: CargoRecord) -> None:
        crate = self.crates[name] = Crate(name, record, self._policy)
        crate.preferred = self._preferred(name, crate.table.versions)
        crate.rust = self._rust

    def _is_fresh(self, fetched: float) -> bool:
        return self._offline or self._clock.now() - fetched <= FRESH_SECONDS

    async def _fetch(self, name: str, record: CargoRecord | None, closed: bool) -> None:
        if self._offline:
            raise _nothing_kept(name)
        known = None if record is None else Document(content=None, url="", etag=record.etag, modified=record.modified)
        async with self._limit:
            try:
                document = await self._client.document(name, known, closed=closed)
            except NotFoundError:
                self._have(name, CargoRecord())
                return
        if record is None or document.content is not None:
            record = compiled(name, document.content or b"")
            record.etag, record.modified = document.etag, document.modified
        record.fetched = self._clock.now()
        self._have(name, record)
        self._learned.add(name)

    def keep(self) -> None:
        """Write what was learned to disk.

        Raises:
            ExecutionFailedError: It cannot be written.
        """
        for name in sorted(self._learned):
            self._store.keep(name, self.crates[name].record)
        self._learned.clear()


def _nothing_kept(what: str) -> UnavailableError:
    return UnavailableError(
        f"cargo: nothing is kept of {what}, and nobody is to be asked", found="offline", expected="what a registry says",
        suggestions=["ask without offline, once"],
    )  # fmt: skip
