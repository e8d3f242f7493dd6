"""Crates of one registry for a resolution: from what is kept on disk, else from the registry."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence

from outrider.core.errors import NotFoundError, UnavailableError
from outrider.operators.packages.cargo.client import CargoClient
from outrider.operators.packages.cargo.crates import Crate
from outrider.operators.packages.cargo.places import SPARSE, USUAL, key_of, parts_of
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
        place: The registry, as Cargo.lock writes it; empty for the usual one.
        usual: Returns how Cargo.lock writes the usual one, which crates of others may need.

    Attributes:
        crates: Those that were loaded, by name and place.
    """

    def __init__(
        self,
        client: CargoClient,
        store: CargoStore,
        question: Question,
        rust: Sequence[RustVersion] = (),
        *,
        place: str = USUAL,
        usual: Callable[[], Awaitable[str]] | None = None,
    ) -> None:
        self._client, self._store, self._rust = client, store, rust
        self._place, self._usual = place, usual
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
        for key in sorted(set(names) - self.crates.keys()):
            name = parts_of(key)[0]
            record = self._store.record(name)
            if record is not None and self._is_fresh(record.fetched):
                await self._have(name, record)
            else:
                unknown.append((name, record))
        if unknown:
            closed = (await self.config()).closed
            await asyncio.gather(*(self._fetch(name, record, closed) for name, record in unknown))

    async def _have(self, name: str, record: CargoRecord) -> None:
        key = key_of(name, self._place)
        crate = self.crates[key] = Crate(key, record, self._policy, homes=await self._homes(record))
        crate.preferred = self._preferred(key, crate.table.versions)
        crate.rust, crate.place = self._rust, self._place

    async def _homes(self, record: CargoRecord) -> dict[str, str]:
        """Return the places of what a crate needs; none where all of it is of the usual one."""
        if not self._place and not record.abroad:
            return {}
        homes = {"": self._place, f"{SPARSE}{self._client.registry.url}/": self._place}
        if self._usual is not None and not all(one.startswith(SPARSE) for one in record.abroad):
            # The index has the address of a registry, and a lock what kind of registry that is before it.
            homes[(await self._usual()).partition("+")[2]] = USUAL
        return homes

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
                await self._have(name, CargoRecord())
                return
        if record is None or document.content is not None:
            record = compiled(name, document.content or b"")
            record.etag, record.modified = document.etag, document.modified
        record.fetched = self._clock.now()
        await self._have(name, record)
        self._learned.add(key_of(name, self._place))

    def keep(self) -> None:
        """Write what was learned to disk.

        Raises:
            ExecutionFailedError: It cannot be written.
        """
        for key in sorted(self._learned):
            self._store.keep(parts_of(key)[0], self.crates[key].record)
        self._learned.clear()


def _nothing_kept(what: str) -> UnavailableError:
    return UnavailableError(
        f"cargo: nothing is kept of {what}, and nobody is to be asked", found="offline", expected="what a registry says",
        suggestions=["ask without offline, once"],
    )  # fmt: skip
