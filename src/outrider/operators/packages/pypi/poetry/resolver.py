"""Resolves a project of Poetry, as `poetry lock` does: for all machines, and all Pythons of the project."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence

from poetry.core.constraints.version import Version, VersionConstraint
from poetry.core.packages.project_package import ProjectPackage

from outrider.core.errors import NotFoundError
from outrider.operators.packages.manifests.poetry_requirements import PoetryRequirement
from outrider.operators.packages.pypi.details import PypiDetails
from outrider.operators.packages.pypi.poetry.duplicates import ClashError
from outrider.operators.packages.pypi.poetry.entries import entry_of
from outrider.operators.packages.pypi.poetry.graphs import Places, placed
from outrider.operators.packages.pypi.poetry.incompatibilities import Cause
from outrider.operators.packages.pypi.poetry.kinds import merged
from outrider.operators.packages.pypi.poetry.project import PoetryManifest, parsed_version
from outrider.operators.packages.pypi.poetry.provider import Overrides, OverridesNeededError, Provider
from outrider.operators.packages.pypi.poetry.releases import Releases
from outrider.operators.packages.pypi.poetry.version_solver import NoSolutionError, VersionSolver
from outrider.operators.packages.pypi.sources import PypiSource
from outrider.operators.packages.resolving.outcomes import Impossible, Resolved, ResolvedPackage
from outrider.operators.packages.resolving.questions import Question
from outrider.operators.packages.resolving.searching import in_thread

_REMEDIES = 3
_REASONS = 20


async def resolve(source: PypiSource, question: Question) -> Resolved | Impossible:
    """Choose versions.

    Args:
        source: Where packages come from.
        question: What is asked for, and what may be used for an answer.

    Raises:
        NotFoundError: Something that was asked for is in no index.
        OutriderError: What an index says, or that the project cannot be read.
    """
    return await _Resolver(source, question).resolve()


class _Resolver:
    def __init__(self, source: PypiSource, question: Question) -> None:
        self._source, self._question = source, question

    async def resolve(self) -> Resolved | Impossible:
        manifest = self._manifest(self._question.packages)
        await self._source.load(one.name for one in manifest.asked)
        for one in manifest.asked:
            if not self._source.projects[one.name].record.versions:
                raise NotFoundError(f"pypi {one.name}: there is none", found=one.name, suggestions=["check the name"])
        try:
            return await self._solved(manifest)
        except ClashError as error:
            return Impossible(asked=[one.told for one in manifest.asked], reasons=[str(error)])
        except NoSolutionError as error:
            return await self._impossible(error, manifest.asked)

    def _manifest(self, packages: Sequence[str]) -> PoetryManifest:
        return PoetryManifest(PypiDetails.of(self._question).project).with_texts(packages)

    async def _solved(self, manifest: PoetryManifest) -> Resolved:
        loop = asyncio.get_running_loop()
        locked = {name: _versions(them) for name, them in self._question.locked.items()}

        def solved(check: Callable[[], None]) -> Places:
            releases = Releases(manifest.package, self._source, loop)
            return _Solving(manifest.package, releases, locked, check).solve()

        return self._told(manifest, await in_thread(solved, self._question.check))

    def _told(self, manifest: PoetryManifest, places: Places) -> Resolved:
        direct = {one.name for one in manifest.asked}
        needed_by: dict[str, set[str]] = {}
        for package in places:
            for need in package.requires:
                needed_by.setdefault(need.name, set()).add(package.name)
        ordered = sorted(places, key=lambda one: (one.name, one.version))
        packages = [
            ResolvedPackage(
                name=one.name,
                version=one.pretty_version,
                needed_by=sorted(needed_by.get(one.name, ())),
                direct=one.name in direct,
                entry=entry_of(one, places[one]),
            )
            for one in ordered
        ]
        return Resolved(target=f"python {manifest.package.python_versions}", packages=packages)

    async def _impossible(self, error: NoSolutionError, asked: Sequence[PoetryRequirement]) -> Impossible:
        causes = [one.cause for one in error.incompatibility.reasons()]
        texts = list(dict.fromkeys(one.text for one in causes if isinstance(one, Cause) and one.text))
        involved = {term.dependency.name for one in error.incompatibility.reasons() for term in one.terms}
        notes = [
            f"{name}: {count} {why}"
            for name in sorted(involved & self._source.projects.keys())
            for why, count in sorted(self._source.projects[name].left_out.items())
        ]
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
            answer = await self._solved(self._manifest(packages))
        except (ClashError, NoSolutionError):
            return []
        version = next((each.version for each in answer.packages if each.name == one.name), "")
        return [f"allow {one.name} {version}: you ask for {one.told}"] if version else []


class _Solving:
    """Solves for all machines at once, or for several kinds of them."""

    def __init__(
        self,
        root: ProjectPackage,
        releases: Releases,
        locked: Mapping[str, Sequence[Version]],
        check: Callable[[], None],
    ) -> None:
        self._root, self._releases, self._locked, self._check = root, releases, locked, check
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
        provider = Provider(self._pythons, self._releases, self._locked, overrides)
        try:
            packages = VersionSolver(self._root, provider, self._check).solve()
        except OverridesNeededError as error:
            kinds = [(one, self._solve(one)) for one in error.several]
            return merged(kinds, self._pythons, self._check)
        return placed(self._root, packages, self._check)


def _versions(texts: Iterable[str]) -> list[Version]:
    found = (parsed_version(one) for one in texts)
    return sorted((one for one in found if one is not None), reverse=True)
