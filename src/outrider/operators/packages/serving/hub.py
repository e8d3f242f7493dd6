"""The packages of one ecosystem: what other registries have, fetched once and kept, and what was published here."""

import asyncio
from collections.abc import Callable, Mapping

import msgspec

from outrider.core.errors import DeniedError, NotFoundError, OutriderError
from outrider.core.remembered import Remembered
from outrider.operators.packages.resolving.naming import of_one
from outrider.operators.packages.resolving.policies import of_others
from outrider.operators.packages.serving.documents import StoredDocument, content_of, stored
from outrider.operators.packages.serving.downloading import Download
from outrider.operators.packages.serving.fetched_files import FetchedFiles
from outrider.operators.packages.serving.fetched_packages import FetchedPackages, HubSettings, not_kept
from outrider.operators.packages.serving.gates import Gate, denied
from outrider.operators.packages.serving.store import Store
from outrider.operators.packages.serving.tables import KeptFile, PackageState, Summary, Tables
from outrider.operators.packages.serving.upstreams import Builder, Carry, Contents, FileSource, Upstream
from outrider.ports.clock import Clock

# So old it is asked for anew before anybody gets it, unless nobody answers.
_STALE_SECONDS = 86_400.0
_MOST_SOURCES = 8
_LONGEST_NAME = 256


class Hub:
    """Has the packages of an ecosystem.

    Args:
        ecosystem: Which.
        store: What is kept.
        upstream: Who is asked for what is not private.
        build: Makes documents.
        carry: Keeps what was learned of a package when other registries say something new of it; None where nothing is learned.
        gate: What may be installed.
        settings: How it is run.
        clock: For the age of what is kept.
    """

    def __init__(
        self,
        ecosystem: str,
        store: Store,
        upstream: Upstream,
        build: Builder,
        *,
        carry: Carry | None = None,
        gate: Gate,
        settings: HubSettings,
        clock: Clock,
    ) -> None:
        self.ecosystem, self.store, self.settings, self.clock = ecosystem, store, settings, clock
        self._upstream, self._build, self.gate = upstream, build, gate
        self._packages = FetchedPackages(
            ecosystem, store, upstream, build, carry=carry, gate=gate, settings=settings, clock=clock
        )
        self._files = FetchedFiles(ecosystem, store, clock)
        self._sources = Remembered[tuple[str, str], Mapping[str, FileSource]](_MOST_SOURCES)

    def is_private(self, name: str) -> bool:
        """Return whether a package is published here and nowhere else, or was, and nobody else is asked."""
        if self.settings.is_private(name):
            return True
        # Such as by the registry that a bundle comes from.
        state = self.store.tables.state(self.ecosystem, name) if self.settings.cache_only else None
        return state is not None and state.hosted

    def require_private(self, name: str) -> None:
        """Refuse to publish what belongs to other registries.

        Raises:
            DeniedError: The package is not private.
        """
        if not self.settings.is_private(name):
            raise DeniedError(
                f"{self.ecosystem} {name}: nobody may publish it here: its name is not among those that are private", path="private",
                found=name, expected=", ".join(self.settings.private) or "no name at all",
                suggestions=[f'add "{self.ecosystem}:{name}" to private in the settings of the registry'],
            )  # fmt: skip

    async def package(self, name: str) -> PackageState:
        """Return what is known of a package, as new as it has to be.

        Raises:
            NotFoundError: There is none.
            OutriderError: What other registries say, or a policy that cannot be kept.
        """
        # Of other registries it is asked by an address, in which `../` or `#` would make another package of it.
        if len(name) > _LONGEST_NAME or not self.settings.is_name(name):
            raise NotFoundError(f"{self.ecosystem}: no package has such a name", found=repr(name[:80]))
        state = self.store.tables.state(self.ecosystem, name)
        if self.is_private(name):
            state = state if state is not None and state.hosted else None
            if state is not None and state.rules != self.gate.rules:
                state = await self._made_anew(name)
        elif state is None or self._is_due(state):
            await self._refreshed(name, state)
            state = self.store.tables.state(self.ecosystem, name)
        elif self.clock.now() >= state.fresh:
            self._packages.refresh(name)
        if state is None or not state.there:
            raise NotFoundError(f"{self.ecosystem} {name}: there is none", found=name, suggestions=["check the name"])
        return state

    def _is_due(self, state: PackageState) -> bool:
        """Return whether a package has to be looked at before anybody gets anything of it."""
        now = self.clock.now()
        if state.rules != self.gate.rules or state.hosted:
            return True
        return now >= state.fresh and (not state.there or now - state.fetched > _STALE_SECONDS)

    async def _refreshed(self, name: str, state: PackageState | None) -> None:
        try:
            await asyncio.shield(self._packages.refresh(name))
        except OutriderError:
            # Old is better than nothing, but not what a policy of today has not seen.
            if state is None or not state.there or state.rules != self.gate.rules:
                raise

    async def amend(self, name: str, work: Callable[[bytes | None], bytes]) -> None:
        """Have more known of a package of other registries; otherwise as `FetchedPackages.amend`."""
        await self._packages.amend(name, work)

    async def describe(self, name: str, learned: Summary) -> None:
        """Have more known of the latest version of a package of other registries, whose documents do not tell it.

        Args:
            name: Of the package.
            learned: What a file of the version says.
        """

        def work(tables: Tables) -> None:
            state = tables.state(self.ecosystem, name)
            if state is not None and not state.hosted:
                summary = state.summary.completed(learned)
                tables.put_state(self.ecosystem, name, msgspec.structs.replace(state, summary=summary))
                tables.put_needs(self.ecosystem, name, summary.needs)

        await self.store.write(work)

    async def change(self, name: str, work: Callable[[Tables], None]) -> PackageState:
        """Change what is published here of a package, and make its documents anew, both or nothing.

        Args:
            name: Of the package.
            work: Changes the tables; what it raises undoes all.

        Raises:
            DeniedError: The package is not private, and so belongs to other registries.
            OutriderError: What `work` raises.
        """
        self.require_private(name)
        return await self.store.write(lambda tables: self._changed(tables, name, work))

    async def _made_anew(self, name: str) -> PackageState:
        return await self.store.write(lambda tables: self._changed(tables, name, lambda _: None))

    def _changed(self, tables: Tables, name: str, work: Callable[[Tables], None]) -> PackageState:
        work(tables)
        rules = self.gate.rules
        releases = tables.releases(self.ecosystem, name)
        with self.gate.opened(self.ecosystem) as policy:
            built = self._build(name, Contents(None, releases, tables.tags(self.ecosystem, name)), policy)
        documents = [stored(one, self.store.blobs, durable=True) for one in built.documents]
        state = PackageState(
            hosted=True,
            there=bool(releases),
            fetched=self.clock.now(),
            rules=rules,
            refused=built.refused,
            summary=built.summary,
        )
        tables.put_state(self.ecosystem, name, state)
        tables.put_documents(self.ecosystem, name, documents, self.clock.now())
        tables.put_needs(self.ecosystem, name, state.summary.needs)
        return state

    async def content(self, name: str, kind: str) -> bytes:
        """Return what a document says; otherwise as `document`."""
        stored = await self.document(name, kind)
        content = content_of(stored, "identity", self.store.blobs)
        if content is None:
            await self.lost(name)
            content = content_of(await self.document(name, kind), "identity", self.store.blobs)
        return content or b""

    async def document(self, name: str, kind: str) -> StoredDocument:
        """Return a document of a package.

        Raises:
            NotFoundError: There is none.
            OutriderError: As `package`.
        """
        state = await self.package(name)
        found = self.store.tables.document(self.ecosystem, name, kind)
        if found is None:
            for version, why in state.refused.items():
                raise DeniedError(
                    f"{self.ecosystem} {name}: every version is refused, among them {version}, which {of_one(why)}", found=version,
                    expected="a version that policy admits", suggestions=["have the policy waived for it"],
                )  # fmt: skip
            raise NotFoundError(f"{self.ecosystem} {name}: there is no {kind} of it", found=kind)
        return found

    async def file(self, name: str, file: str, *, judged: bool = True) -> "KeptFile | Download":
        """Return a file of a package: one that is here, or one that is being fetched.

        Args:
            name: Of the package.
            file: Its name.
            judged: Whether policy must admit it; not where it is read so that it can be judged, and goes to nobody.

        Raises:
            NotFoundError: There is none.
            DeniedError: A policy refuses its version; the reason is told.
            OutriderError: What other registries say.
        """
        state = await self.package(name)
        if state.hosted:
            release = next((one for one in self.store.tables.releases(self.ecosystem, name) if one.file == file), None)
            if release is None:
                raise self._no_file(name, file)
            if judged:
                self.refuse(state, name, release.version)
            return KeptFile(release.digest, release.size)
        kept = self._files.here(name, file)
        if kept is not None and kept.version in state.summary.versions:
            # That its registry still has the version, and policy admits it, is all that needs to be known.
            return self._files.used(name, file, kept)
        if kept is not None and judged:
            self.refuse(state, name, kept.version)
        source = self.sources(name, state).get(file)
        if source is None:
            raise self._no_file(name, file)
        if judged:
            self.refuse(state, name, source.version)
        if kept is not None:
            return self._files.used(name, file, kept)
        if self.settings.cache_only:
            raise not_kept(self.ecosystem, name, file)
        return self._files.fetch(name, file, source)

    def sources(self, name: str, state: PackageState) -> Mapping[str, FileSource]:
        """Return where the files of a package of other registries are."""
        key = (name, state.raw)  # of two packages the same may be kept
        found = self._sources.get(key)
        if found is None:
            found = self._sources[key] = self._upstream.sources(name, self._packages.raw(state.raw))
        self._sources.move_to_end(key)
        return found

    async def keep_used(self) -> None:
        """Write down which files were asked for since the last time."""
        await self._files.keep_used()

    async def lost(self, name: str) -> None:
        """Have the documents of a package again whose files are lost.

        Raises:
            OutriderError: What other registries say.
        """
        if self.is_private(name):
            await self._made_anew(name)
        else:
            await asyncio.shield(self._packages.refresh(name))

    def refuse(self, state: PackageState, name: str, version: str) -> None:
        """Refuse a version that policy refuses; the error says why.

        Of a version that is in no document policy has not been asked yet.
        """
        why = state.refused.get(version)
        if not why and self.gate.judges and version not in state.summary.versions:
            with self.gate.opened(self.ecosystem) as policy:
                published = {version: float(state.hosted)}  # what is published here is nobody's news
                why = of_others(policy, self.ecosystem, name, published).get(version)
        if why:
            raise denied(self.ecosystem, name, version, why)

    def _no_file(self, name: str, file: str) -> NotFoundError:
        return NotFoundError(
            f"{self.ecosystem} {name}: there is no file {file}", found=file, suggestions=["check its name"]
        )

    async def close(self) -> None:
        """Give up what is being fetched, and close all connections."""
        await self.keep_used()
        await self._files.close()
        await self._packages.close()
