"""Resolves a project of Poetry, as `poetry lock` does: for all machines, and all Pythons of the project."""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence

from poetry.core.constraints.version import Version, VersionConstraint
from poetry.core.packages.dependency import Dependency
from poetry.core.packages.package import Package
from poetry.core.packages.project_package import ProjectPackage

from outrider.operators.packages.manifests.poetry_requirements import PoetryRequirement
from outrider.operators.packages.pypi.details import PypiDetails
from outrider.operators.packages.pypi.poetry.duplicates import ClashError
from outrider.operators.packages.pypi.poetry.entries import entry_of
from outrider.operators.packages.pypi.poetry.graphs import Places, placed
from outrider.operators.packages.pypi.poetry.incompatibilities import Cause
from outrider.operators.packages.pypi.poetry.kinds import merged
from outrider.operators.packages.pypi.poetry.locked import Locked, locked_by
from outrider.operators.packages.pypi.poetry.pool import Pool
from outrider.operators.packages.pypi.poetry.project import PoetryManifest
from outrider.operators.packages.pypi.poetry.provider import Overrides, OverridesNeededError, Provider
from outrider.operators.packages.pypi.poetry.version_solver import NoSolutionError, VersionSolver
from outrider.operators.packages.pypi.sources import PypiSource
from outrider.operators.packages.resolving.outcomes import Impossible, Resolved, ResolvedPackage
from outrider.operators.packages.resolving.questions import Question
from outrider.operators.packages.resolving.searching import in_thread

_REMEDIES = 3
_REASONS = 20


def addresses_of(question: Question) -> dict[str, str]:
    """Return the addresses of the indexes of a project by what `resolve` knows them by; an empty one is of the settings.

    Raises:
        OutriderError: The project cannot be read.
    """
    return {one.key: one.url for one in PoetryManifest(PypiDetails.of(question).project).sources.listed}


async def resolve(indexes: Mapping[str, PypiSource], question: Question) -> Resolved | Impossible:
    """Choose versions.

    Args:
        indexes: Where packages come from.
        question: What is asked for, and what may be used for an answer.

    Raises:
        NotFoundError: Something that was asked for is in no index.
        OutriderError: What an index says, or that the project cannot be read.
    """
    return await _Resolver(indexes, question).resolve()


class _Resolver:
    def __init__(self, indexes: Mapping[str, PypiSource], question: Question) -> None:
        self._indexes, self._question = indexes, question

    async def resolve(self) -> Resolved | Impossible:
        manifest = self._manifest(self._question.packages)
        pool = self._pool(manifest)
        try:
            return await self._solved(manifest, pool)
        except ClashError as error:
            return Impossible(asked=[one.told for one in manifest.asked], reasons=[str(error)])
        except NoSolutionError as error:
            return await self._impossible(error, manifest.asked, pool)

    def _manifest(self, packages: Sequence[str]) -> PoetryManifest:
        return PoetryManifest(PypiDetails.of(self._question).project).with_texts(packages)

    def _pool(self, manifest: PoetryManifest) -> Pool:
        return Pool(manifest.package, manifest.sources, self._indexes, asyncio.get_running_loop())

    async def _solved(self, manifest: PoetryManifest, pool: Pool) -> Resolved:
        locked = locked_by(self._question)

        def solved(check: Callable[[], None]) -> Places:
            pool.refuse_unknown(_needed(manifest.package))
            return _Solving(manifest.package, pool, locked, check).solve()

        return await self._told(manifest, await in_thread(solved, self._question.check), pool)

    async def _told(self, manifest: PoetryManifest, places: Places, pool: Pool) -> Resolved:
        direct = {one.name for one in manifest.asked}
        needed_by: dict[str, set[str]] = {}
        for package in places:
            for need in package.requires:
                needed_by.setdefault(need.name, set()).add(package.name)
        packages = []
        for one in sorted(places, key=_order):
            told = ResolvedPackage(
                name=one.name,
                version=one.pretty_version,
                needed_by=sorted(needed_by.get(one.name, ())),
                direct=one.name in direct,
                entry=entry_of(one, places[one]),
            )
            if self._question.files:
                told.registry, told.files = await pool.files(one)
            packages.append(told)
        return Resolved(target=f"python {manifest.package.python_versions}", packages=packages)

    async def _impossible(self, error: NoSolutionError, asked: Sequence[PoetryRequirement], pool: Pool) -> Impossible:
        causes = [one.cause for one in error.incompatibility.reasons()]
        texts = list(dict.fromkeys(one.text for one in causes if isinstance(one, Cause) and one.text))
        involved = {term.dependency.name for one in error.incompatibility.reasons() for term in one.terms}
        notes = pool.left_out(sorted(involved))
        remedies: list[str] = []
        for number, one in enumerate(asked):
            if one.name in involved and one.anyhow != one.text and len(remedies) < _REMEDIES:
                remedies += await self._remedy(number, one)
        return Impossible(asked=[one.told for one in asked], reasons=texts[:_REASONS], remedies=remedies, notes=notes)

    async def _remedy(self, number: int, one: PoetryRequirement) -> list[str]:
        """Return what would do in place of one thing that is asked for; nothing where nothing would."""
        packages = list(self._question.packages)
        packages[number] = one.anyhow
        try:
            manifest = self._manifest(packages)
            answer = await self._solved(manifest, self._pool(manifest))
        except (ClashError, NoSolutionError):
            return []
        version = next((each.version for each in answer.packages if each.name == one.name), "")
        return [f"allow {one.name} {version}: you ask for {one.told}"] if version else []


class _Solving:
    """Solves for all machines at once, or for several kinds of them."""

    def __init__(
        self,
        root: ProjectPackage,
        pool: Pool,
        locked: Mapping[str, Sequence[Locked]],
        check: Callable[[], None],
    ) -> None:
        self._root, self._pool, self._locked, self._check = root, pool, locked, check
        self._pythons: VersionConstraint = root.python_constraint

    def solve(self) -> Places:
        """Return where packages are needed.

        Raises:
            NoSolutionError: What is asked for cannot be had at once.
        """
        places = self._solve({})
        for place in places.values():
            self._check()
            place.markers = {
                group: marker.reduce_by_python_constraint(self._pythons) for group, marker in place.markers.items()
            }
        return places

    def _solve(self, overrides: Overrides) -> Places:
        provider = Provider(self._pythons, self._pool, self._locked, overrides)
        try:
            packages = VersionSolver(self._root, provider, self._check).solve()
        except OverridesNeededError as error:
            kinds = [(one, self._solve(one)) for one in error.several]
            return merged(kinds, self._pythons, self._check)
        return placed(self._root, packages, self._check)


def _needed(root: ProjectPackage) -> Iterator[Dependency]:
    """Yield what a project needs on any Python that it is for."""
    return (one for one in root.all_requires if root.python_constraint.allows_any(one.python_constraint))


def _order(one: Package) -> tuple[str, Version, str, str]:
    """Return by what packages are sorted: `_lock_packages`, `poetry/packages/locker.py` of Poetry 2.5."""
    return one.name, one.version, one.source_url or "", one.source_reference or ""
