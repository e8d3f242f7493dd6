"""Python projects for a resolution: from what is kept on disk, else from the indexes."""

import asyncio
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from outrider.core.errors import NotFoundError, OutriderError, UnavailableError
from outrider.operators.packages.pypi.client import PypiClient
from outrider.operators.packages.pypi.core_metadata import Need
from outrider.operators.packages.pypi.projects import PypiProject, asks_for_prerelease, fit
from outrider.operators.packages.pypi.records import Explored, Files, PypiRecord, compiled
from outrider.operators.packages.pypi.store import PypiStore
from outrider.operators.packages.pypi.targets import Target
from outrider.operators.packages.registries.downloads import Document
from outrider.operators.packages.resolving.outcomes import ResolvedFile
from outrider.operators.packages.resolving.policies import ADMIT_ALL
from outrider.operators.packages.resolving.questions import Question

# What pip takes for fresh where an index does not say.
FRESH_SECONDS = 600.0
_AT_A_TIME = 32
# What is wrong with a wheel, and not with the index.
_OF_A_FILE = ("EXECUTION_FAILED", "NOT_FOUND")


class PypiSource:
    """Has projects, and the metadata of their releases.

    Args:
        client: Who is asked.
        store: What is kept.
        target: For what packages are meant.
        question: What may be used for an answer.

    Attributes:
        projects: Those that were loaded, by normalised name.
        amended: Returns needs as they count, where that is not as they are said.
        mentioned: What else is asked for of whatever is needed.
        local: What is known of projects that lie here.
        places: By name, where those of them lie that are meant where `indexes` names the place; all others are meant everywhere.
        fetched: Names of those that do not lie here after all, but at an address.
        indexes: By name, the address of the index that alone is asked for a project.
        preferred: Tells of a name and its versions which are tried first.
    """

    def __init__(self, client: PypiClient, store: PypiStore, target: Target, question: Question) -> None:
        self._client, self._store, self._target = client, store, target
        self._clock, self._offline, self._policy = question.clock, question.offline, question.policy
        self.amended: Callable[[Sequence[Need]], list[Need]] = list
        self.mentioned: Sequence[Need] = ()
        self.local: Mapping[str, PypiRecord] = {}
        self.places: Mapping[str, str] = {}
        self.fetched: Collection[str] = ()
        self.preferred = question.preferred
        self.indexes: Mapping[str, str] = {}
        self._targets: Mapping[str, Target] = {}
        # What is known of a project of one index is not that of another one.
        self._records: dict[str, PypiRecord] = {}
        self._limit = asyncio.Semaphore(_AT_A_TIME)
        self._files: dict[str, Files] = {}
        self._new_pages: set[str] = set()
        self._learned: set[str] = set()
        self.projects: dict[str, PypiProject] = {}

    def retarget(self, target: Target, indexes: Mapping[str, str], targets: Mapping[str, Target]) -> None:
        """Have the projects that are known for another target.

        Args:
            target: Which.
            indexes: By name, the address of the index that alone is asked for a project.
            targets: By name, the targets of projects that have another one.
        """
        self._target, self.indexes, self._targets = target, indexes, targets
        known = {name: self._records.get(self._key(name)) for name in self.projects}
        self.projects = {name: self._project(name, one) for name, one in known.items() if one is not None}

    def is_local(self, name: str) -> bool:
        """Return whether a project is one that lies here."""
        return name in self.local and (name not in self.places or self.indexes.get(name) == self.places[name])

    def without_wheels(self) -> list[str]:
        """Return the names of projects of which no version has a wheel."""
        records = self._records.items()
        return sorted({key.partition(" ")[0] for key, one in records if one.versions and not one.has_wheels})

    def has_wheels(self, name: str) -> bool:
        """Return whether any version of a project has a wheel; not where it was not loaded."""
        return name in self.projects and self.projects[name].record.has_wheels

    def _key(self, name: str) -> str:
        """Return what a project is kept as."""
        return f"{name} {self.indexes.get(name, '')}".rstrip()

    def _project(self, name: str, record: PypiRecord) -> PypiProject:
        self._records[self._key(name)] = record
        # What lies here is there already, whatever a policy says of what comes from elsewhere.
        policy = ADMIT_ALL if self.is_local(name) and name not in self.fetched else self._policy
        found = PypiProject(name, record, self._targets.get(name, self._target), policy, self.amended)
        # As with uv, what is said of a need counts as asked for itself.
        found.prereleases = any(one.name == name and asks_for_prerelease(one) for one in self.mentioned)
        return found

    async def load(self, names: Iterable[str]) -> None:
        """Have projects among `projects`; one that no index has is there without versions.

        Raises:
            UnavailableError: Nothing is kept of one, and nobody is to be asked.
            OutriderError: What an index says.
        """
        unknown = []
        for name in sorted(set(names) - self.projects.keys()):
            if self.is_local(name):
                self.projects[name] = self._project(name, self.local[name])
                continue
            record = self._store.record(self._key(name))
            if record is not None and (self._offline or self._clock.now() - record.fetched <= FRESH_SECONDS):
                self.projects[name] = self._project(name, record)
            else:
                unknown.append((name, record))
        await asyncio.gather(*(self._fetch(name, record) for name, record in unknown))

    async def _fetch(self, name: str, record: PypiRecord | None) -> None:
        if self._offline:
            raise UnavailableError(
                f"pypi {name}: nothing is kept of it, and nobody is to be asked", found="offline", expected="what an index says",
                suggestions=["ask without offline, once"],
            )  # fmt: skip
        known = (
            None
            if record is None
            else Document(content=None, url=record.index, etag=record.etag, modified=record.modified)
        )
        key = self._key(name)
        async with self._limit:
            try:
                page, document = await self._client.page(name, known, at=self.indexes.get(name, ""))
            except NotFoundError:
                self.projects[name] = self._project(name, PypiRecord())
                return
        if page is not None:
            record, self._files[key] = compiled(name, page, record.explored if record is not None else {})
            record.etag, record.modified, record.index = document.etag, document.modified, document.url
            self._new_pages.add(key)
        assert record is not None
        record.fetched = self._clock.now()
        self.projects[name] = self._project(name, record)
        self._learned.add(key)

    async def explore(self, project: PypiProject, bits: Iterable[int]) -> None:
        """Have the metadata of versions; those where it cannot be read count as broken.

        Raises:
            OutriderError: The index cannot be asked.
        """
        unknown = [bit for bit in bits if project.wheel(bit) is None]
        if unknown and not self._offline:
            await self._have_files(project)
            await asyncio.gather(*(self._explore(project, bit) for bit in unknown))
        for bit in bits:
            if wrong := self._wrong(project, bit):
                project.broken |= 1 << bit
                project.leave_out(wrong)
            else:
                project.explored |= 1 << bit

    def _wrong(self, project: PypiProject, bit: int) -> str:
        """Return why a version cannot be chosen after all; empty where it can."""
        if project.wheel(bit) is None:
            return "have no metadata that is kept" if self._offline else "have metadata that cannot be read"
        if not project.runs(bit):
            return f"have no wheel for Python {self._target.python}"
        return project.refused_licence(bit)

    async def _have_files(self, project: PypiProject) -> None:
        """Have the files of a project; where they were kept and are lost, its page is fetched anew."""
        name, key = project.name, self._key(project.name)
        if key not in self._files:
            self._files[key] = self._store.files(key)
        if not self._files[key] and project.record.versions:
            async with self._limit:
                page, _ = await self._client.page(name, at=self.indexes.get(name, ""))
            if page is not None:
                self._files[key] = compiled(name, page, {})[1]
                self._new_pages.add(key)
                self._learned.add(key)

    async def files(self, name: str, version: str) -> list[ResolvedFile]:
        """Return the files of a version of a project that was loaded; none where they are not kept, and nobody is to be asked.

        Raises:
            OutriderError: What the index says.
        """
        if not self._offline:
            await self._have_files(self.projects[name])
        key = self._key(name)
        found = self._files[key] if key in self._files else self._store.files(key)
        return [
            ResolvedFile(name=one.name, url=one.url, hashes=one.hashes, size=one.size, uploaded=one.uploaded)
            for one in sorted(found.get(version, ()), key=lambda one: one.name)
        ]

    async def _explore(self, project: PypiProject, bit: int) -> None:
        version, target = project.table.versions[bit], self._targets.get(project.name, self._target)
        wheels = [
            (rank, _before(file.name), at, file)
            for at, file in enumerate(self._files[self._key(project.name)].get(version, ()))
            if file.name.endswith(".whl") and (rank := fit(file, target)) is not None
        ]
        if not wheels:
            return
        wheel = min(wheels)[3]
        try:
            async with self._limit:
                metadata = await self._client.metadata(wheel)
        except OutriderError as error:
            if error.code not in _OF_A_FILE:
                raise
            return
        project.record.explored.setdefault(version, []).append(Explored(wheel, metadata))
        project.forget(bit)
        self._learned.add(self._key(project.name))

    def keep(self) -> None:
        """Write what was learned to disk.

        Raises:
            ExecutionFailedError: It cannot be written.
        """
        for key in sorted(self._learned):
            self._store.keep(key, self._records[key], self._files[key] if key in self._new_pages else None)
        self._learned.clear()
        self._new_pages.clear()


def _before(wheel: str) -> int:
    """Return the number of a wheel's build, negative so that the newest one comes first (PEP 427)."""
    parts = wheel.split("-")
    digits = re.match("[0-9]{1,18}", parts[2]) if len(parts) == 6 else None
    return -int(digits[0]) if digits else 0
