"""The packages that other registries have: asked for once at a time, kept, and made into documents."""

import asyncio
import zlib
from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from weakref import WeakValueDictionary

import msgspec

from outrider.core.errors import NotFoundError, OutriderError
from outrider.operators.packages.registries.downloads import Document as Answer
from outrider.operators.packages.serving.documents import StoredDocument, stored
from outrider.operators.packages.serving.gates import Gate
from outrider.operators.packages.serving.store import Store
from outrider.operators.packages.serving.tables import PackageState, Summary, Tables
from outrider.operators.packages.serving.upstreams import Builder, Carry, Contents, Upstream
from outrider.ports.clock import Clock
from outrider.ports.telemetry import logger

_log = logger(__name__)

# What nobody has is asked for again soon: it may have been published meanwhile.
_ABSENT_SECONDS = 60.0
# So much later it is tried again where another registry does not answer.
_RETRY_SECONDS = 30.0
# Documents of large packages take tens of MiB while they are made; more at once would not be quicker.
_BUILT_AT_A_TIME = 2


class HubSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How a hub is run.

    Attributes:
        is_name: Returns whether there may be a package of a name.
        private: Names of packages that are published here and nowhere else, with `*` for any letters, folded.
        fold: Makes the same of all names that the ecosystem holds for one.
        cache_only: Whether nobody else is asked.
        fresh: For how many seconds what others say counts as new.
    """

    is_name: Callable[[str], object]
    private: Sequence[str] = ()
    fold: Callable[[str], str] = str
    cache_only: bool = False
    fresh: float = 300.0

    def is_private(self, name: str) -> bool:
        """Return whether a package is published here and nowhere else."""
        folded = self.fold(name)
        return any(fnmatchcase(folded, one) for one in self.private)


class FetchedPackages:
    """Has the packages of an ecosystem that others have.

    Args:
        ecosystem: Which.
        store: What is kept.
        upstream: Who is asked.
        build: Makes documents.
        carry: Keeps what was learned of a package when other registries say something new of it; None where nothing is learned.
        gate: What may be installed.
        settings: Of the hub.
        clock: For the age of what is kept.
    """

    def __init__(
        self,
        ecosystem: str,
        store: Store,
        upstream: Upstream,
        build: Builder,
        *,
        carry: Carry | None,
        gate: Gate,
        settings: HubSettings,
        clock: Clock,
    ) -> None:
        self._ecosystem, self._store, self._settings, self._clock = ecosystem, store, settings, clock
        self._upstream, self._build, self._carry, self._gate = upstream, build, carry, gate
        self._building = asyncio.Semaphore(_BUILT_AT_A_TIME)
        self._refreshing: dict[str, asyncio.Task[None]] = {}
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def refresh(self, name: str) -> "asyncio.Task[None]":
        """Ask for a package, once at a time."""
        task = self._refreshing.get(name)
        if task is None:
            task = self._refreshing[name] = asyncio.create_task(self._fetch(name))
            task.add_done_callback(lambda done: self._forget(name, done))
        return task

    def _forget(self, name: str, task: "asyncio.Task[None]") -> None:
        del self._refreshing[name]
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.warning("%s %s: %s", self._ecosystem, name, error)

    async def _fetch(self, name: str) -> None:
        state = self._store.tables.state(self._ecosystem, name)
        if state is not None and state.hosted:
            state = None  # it is private no more
        if self._settings.cache_only:
            await self._fetch_nothing(name)
            return
        known = None
        if state is not None and (state.etag or state.modified) and self._store.blobs.path(state.raw).is_file():
            known = Answer(content=None, url=state.source, etag=state.etag, modified=state.modified)
        now = self._clock.now()
        try:
            raw, answer = await self._upstream.fetch(name, known)
        except NotFoundError:
            await self._take_absence(name, now)
            return
        except OutriderError:
            await self._store.write(lambda tables: self._put_off(tables, name, now))
            raise
        async with self._alone(name):
            # Something may have been learned while others were asked.
            kept = self._fetched_before(self._store.tables, name)
            fetched = PackageState(
                fresh=now + self._settings.fresh, fetched=now, etag=answer.etag, modified=answer.modified, source=answer.url,
                raw=kept.raw if kept is not None else "",
            )  # fmt: skip
            await self._take(name, fetched, self._carried(raw, kept) if raw is not None else None)

    async def _take_absence(self, name: str, now: float) -> None:
        async with self._alone(name):
            learned = self._carried(None, self._fetched_before(self._store.tables, name))
            if learned is not None:
                await self._take(name, PackageState(fresh=now + self._settings.fresh, fetched=now), learned)
                return
            absent = PackageState(there=False, fresh=now + _ABSENT_SECONDS, fetched=now, rules=self._gate.rules)
            await self._keep(name, absent, ())

    def _carried(self, raw: bytes | None, kept: PackageState | None) -> bytes | None:
        """Return what others say, with what was learned before."""
        before = self._store.blobs.read(kept.raw) if self._carry is not None and kept is not None else None
        if self._carry is None or before is None:
            return raw
        return self._carry(raw, zlib.decompress(before), self._clock.now())

    def _fetched_before(self, tables: Tables, name: str) -> PackageState | None:
        """Return what other registries are known to have of a package; None for nothing."""
        state = tables.state(self._ecosystem, name)
        return state if state is not None and state.there and not state.hosted else None

    async def _fetch_nothing(self, name: str) -> None:
        async with self._alone(name):
            state = self._fetched_before(self._store.tables, name)
            if state is None:
                raise not_kept(self._ecosystem, name)
            await self._take(name, msgspec.structs.replace(state, fresh=self._clock.now() + self._settings.fresh), None)

    def _put_off(self, tables: Tables, name: str, now: float) -> None:
        """Have nobody wait for a registry that does not answer, for a while."""
        state = self._fetched_before(tables, name)
        if state is not None:
            tables.put_state(self._ecosystem, name, msgspec.structs.replace(state, fresh=now + _RETRY_SECONDS))

    def _alone(self, name: str) -> asyncio.Lock:
        """Return what has to be held by whoever replaces what is kept of a package: otherwise what one adds is lost by another."""
        return self._locks.setdefault(name, asyncio.Lock())

    async def _take(self, name: str, state: PackageState, raw: bytes | None) -> None:
        """Make the documents anew of what was fetched, or of what was kept where that is None."""

        def made() -> tuple[PackageState, list[StoredDocument]]:
            blobs = self._store.blobs
            digest = state.raw if raw is None else blobs.put(zlib.compress(raw, 1))
            content = raw if raw is not None else self.raw(digest)
            with self._gate.opened(self._ecosystem) as policy:
                built = self._build(name, Contents(content, (), {}), policy)
            documents = [stored(one, blobs, durable=False) for one in built.documents]
            new = msgspec.structs.replace(state, raw=digest, rules=rules, refused=built.refused, summary=built.summary)
            return new, documents

        rules = self._gate.rules
        async with self._building:
            built = await asyncio.to_thread(made)
        await self._keep(name, *built)

    def raw(self, digest: str) -> bytes:
        """Return what was fetched.

        Raises:
            NotFoundError: It is lost.
        """
        content = self._store.blobs.read(digest)
        if content is None:
            raise NotFoundError(f"{self._ecosystem}: what was fetched is lost", found=digest, suggestions=["ask again"])
        return zlib.decompress(content)

    async def _keep(self, name: str, state: PackageState, documents: Sequence[StoredDocument]) -> None:
        def work(tables: Tables) -> None:
            before = tables.state(self._ecosystem, name)
            if before is not None and before.hosted and self._settings.is_private(name):
                return  # it was published here while others were asked
            learned = before.summary if before is not None and not before.hosted else Summary()
            summary = state.summary.completed(learned)
            tables.put_state(self._ecosystem, name, msgspec.structs.replace(state, summary=summary))
            tables.put_documents(self._ecosystem, name, documents, self._clock.now())
            tables.put_needs(self._ecosystem, name, summary.needs)

        await self._store.write(work)

    async def amend(self, name: str, work: Callable[[bytes | None], bytes]) -> None:
        """Have more known of a package than other registries say of it at once, and make its documents anew.

        Args:
            name: Of the package.
            work: Is given what is kept, None where nothing is, and returns it with what else is known.

        Raises:
            OutriderError: A policy cannot be kept, or nothing can be written.
        """
        async with self._alone(name):
            state, raw = self._fetched_before(self._store.tables, name), None
            if state is not None:
                raw = self.raw(state.raw)
            else:
                now = self._clock.now()
                state = PackageState(fresh=now + self._settings.fresh, fetched=now)
            await self._take(name, state, work(raw))

    async def close(self) -> None:
        """Give up what is being asked, and close all connections."""
        for task in [*self._refreshing.values()]:
            task.cancel()
        await asyncio.gather(*self._refreshing.values(), return_exceptions=True)
        await self._upstream.close()


def not_kept(ecosystem: str, name: str, file: str = "it") -> NotFoundError:
    """Return the error for a package, or a file of it, that is not here while nobody else may be asked."""
    return NotFoundError(
        f"{ecosystem} {name}: {file} is not kept here, and no other registry is asked", found="cacheOnly",
        suggestions=["take it in by a bundle, or let other registries be asked"],
    )  # fmt: skip
