"""What has to be known of an artifact of other repositories that no list of versions tells: learned once, when somebody asks for it.

That is whether there is a version that is not listed, which files a snapshot has, and the licences in POMs where a policy asks for them.
"""

import asyncio
from collections.abc import Mapping, Sequence
from weakref import WeakValueDictionary

import msgspec

from outrider.core.errors import InvalidConfigError, NotFoundError, OutriderError
from outrider.operators.packages.maven.coordinates import SNAPSHOT, Project, is_usable
from outrider.operators.packages.maven.poms import Pom, read_pom
from outrider.operators.packages.maven.serving.documents import UNREAD
from outrider.operators.packages.maven.serving.kept import KeptArtifact, KeptSnapshot, read_kept, written
from outrider.operators.packages.maven.serving.layout import FilePlace, pom_name
from outrider.operators.packages.maven.serving.upstream import MavenFiles, MavenUpstream
from outrider.operators.packages.serving.downloading import Download
from outrider.operators.packages.serving.hub import Hub
from outrider.operators.packages.serving.tables import PackageState

# More are read when somebody asks again.
_MOST_READ = 300
_AT_A_TIME = 12
_DEEPEST = 50


class Learning:
    """Learns what has to be known.

    Args:
        hub: Has the artifacts.
        upstream: Knows more of them, where it is asked.
    """

    def __init__(self, hub: Hub, upstream: MavenUpstream) -> None:
        self._hub, self._upstream = hub, None if hub.settings.cache_only else upstream
        self._locks: WeakValueDictionary[tuple[str, str], asyncio.Lock] = WeakValueDictionary()
        self._reading = asyncio.Semaphore(_AT_A_TIME)

    async def file(self, name: str, version: str) -> None:
        """Have what must be known before a file of a version is served.

        Raises:
            OutriderError: What other repositories say: what was not judged is not served.
        """
        if not self._hub.is_private(name):
            await self._find(name, version)
            await self._read(name, [version])

    async def versions(self, name: str) -> None:
        """Have what must be known before the versions of an artifact are listed.

        Raises:
            OutriderError: What other repositories say.
        """
        state = await self._hub.package(name)
        if not state.hosted:
            await self._read(name, [*state.refused])

    async def snapshot(self, name: str, version: str) -> None:
        """Have what must be known before the files of a snapshot are listed.

        Raises:
            NotFoundError: No repository has it.
            OutriderError: What else other repositories say, where nothing is known of it.
        """
        async with self._alone(name, version):
            known = (await self._kept(name)).snapshots.get(version)
            due = known is None or self._hub.clock.now() - known.asked >= self._hub.settings.fresh
            if due and self._upstream is not None:
                try:
                    await self._add(name, snapshots={version: await self._upstream.snapshot(name, version)})
                except OutriderError:
                    # Old is better than nothing.
                    if known is None:
                        raise
        await self._read(name, [version])

    def _alone(self, *key: str) -> asyncio.Lock:
        """Return what has to be held so that nobody learns the same at the same time."""
        name, what = key
        return self._locks.setdefault((name, what), asyncio.Lock())

    async def _state(self, name: str) -> PackageState | None:
        """Return what is known of an artifact; None where no repository lists versions of it."""
        try:
            return await self._hub.package(name)
        except NotFoundError:
            return None

    async def _kept(self, name: str) -> KeptArtifact:
        state = await self._state(name)
        files = self._hub.sources(name, state) if state is not None and not state.hosted else None
        return files.kept if isinstance(files, MavenFiles) else KeptArtifact()

    async def _find(self, name: str, version: str) -> None:
        """Look for a version that no repository lists."""
        upstream = self._upstream
        if upstream is None or await self._is_known(name, version):
            return
        async with self._alone(name, f"{version}/"):
            if not await self._is_known(name, version) and await upstream.has(name, version):
                await self._add(name, further=[version])

    async def _is_known(self, name: str, version: str) -> bool:
        state = await self._state(name)
        if state is None:
            return False
        return version in state.summary.versions or f"{version}/" in self._hub.sources(name, state)

    async def _read(self, name: str, versions: Sequence[str]) -> None:
        """Read the licences of those versions that are refused for as long as these are not known."""
        if not await self._unread(name, versions):
            return
        async with self._alone(name, "licences"):
            unread = (await self._unread(name, versions))[-_MOST_READ:]
            licences = await asyncio.gather(*(self._licence_of_version(name, version) for version in unread))
            known = {version: one for version, one in zip(unread, licences, strict=True) if one is not None}
            if known:
                await self._add(name, licences=known)

    async def _unread(self, name: str, versions: Sequence[str]) -> list[str]:
        state = await self._state(name)
        return [one for one in versions if state is not None and state.refused.get(one) == UNREAD]

    async def _add(
        self,
        name: str,
        *,
        further: Sequence[str] = (),
        licences: Mapping[str, str] | None = None,
        snapshots: Mapping[str, KeptSnapshot] | None = None,
    ) -> None:
        def work(raw: bytes | None) -> bytes:
            kept = read_kept(raw)
            found = msgspec.structs.replace(
                kept, further=[*dict.fromkeys((*kept.further, *further))], licences={**kept.licences, **(licences or {})},
                snapshots={**kept.snapshots, **(snapshots or {})},
            )  # fmt: skip
            return written(found)

        await self._hub.amend(name, work)

    async def _licence_of_version(self, name: str, version: str) -> str | None:
        """Return the licence of a version; None where its POM is not here, and nobody is to be asked."""
        async with self._reading:
            group, _, artifact = name.partition(":")
            pom = await self._pom(Project(group, artifact, version))
            if pom is None:
                return None if self._upstream is None else ""
            return await self.licence(pom)

    async def licence(self, pom: Pom) -> str:
        """Return the licence that a POM names, or the nearest of its parents; empty where none does.

        Raises:
            OutriderError: What other repositories say.
        """
        following: Pom | None = pom
        for _ in range(_DEEPEST):
            if following is None or following.licences or following.parent is None:
                break
            parent = following.parent
            following = await self._pom(Project(parent.group, parent.artifact, parent.version))
        return " OR ".join(following.licences) if following is not None else ""

    async def _pom(self, project: Project) -> Pom | None:
        """Return a POM, whatever policy says of it; None where there is none that can be read."""
        if not is_usable(project):
            return None
        name, version = project.name, project.version
        try:
            place = FilePlace(name, version, pom_name(name, await self._dated(name, version)))
            if not self._hub.is_private(name):
                await self._find(name, version)
            found = await self._hub.file(name, place.key, judged=False)
            digest = await found.done() if isinstance(found, Download) else found.digest
            return read_pom(self._hub.store.blobs.read(digest) or b"")
        except (NotFoundError, InvalidConfigError):
            return None

    async def _dated(self, name: str, version: str) -> str:
        """Return the version in the names of files: of a snapshot the one with the newest time."""
        if not version.endswith(SNAPSHOT):
            return version
        if self._hub.is_private(name):
            start = f"{name.partition(':')[2]}-"
            releases = self._hub.store.tables.releases(self._hub.ecosystem, name)
            poms = [one.file for one in releases if one.version == version and one.file.endswith(".pom")]
            return max(poms, default="").rpartition("/")[2].removeprefix(start).removesuffix(".pom")
        known = (await self._kept(name)).snapshots.get(version)
        if known is None and self._upstream is not None:
            known = await self._upstream.snapshot(name, version)
        files = [] if known is None else [one for one in known.files if (one.extension, one.classifier) == ("pom", "")]
        return files[0].version if files else version
