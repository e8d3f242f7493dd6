"""Resolves a project of Pipenv, as `pipenv lock` does: one category after the other, for one machine, and as pip chooses."""

from collections.abc import Iterable, Mapping, Sequence

from outrider.operators.packages.manifests.pipfile import ANY, DEFAULT, Pipfile, PipfileRequirement
from outrider.operators.packages.manifests.pipfile_sources import unsupported
from outrider.operators.packages.pypi.core_metadata import Need
from outrider.operators.packages.pypi.details import PypiDetails
from outrider.operators.packages.pypi.pages import normalised
from outrider.operators.packages.pypi.pipenv.candidates import Candidates
from outrider.operators.packages.pypi.pipenv.entries import Entries, lock_name, skipped_entry
from outrider.operators.packages.pypi.pipenv.graph import Chosen, chosen
from outrider.operators.packages.pypi.pipenv.markers import translated
from outrider.operators.packages.pypi.pipenv.preferences import Preferences
from outrider.operators.packages.pypi.pipenv.requirements import (
    Identifier,
    Origin,
    Requirement,
    read_origin,
    requirements_of,
)
from outrider.operators.packages.pypi.pipenv.resolution import ImpossibleError, Resolution
from outrider.operators.packages.pypi.resolver import PypiResolver
from outrider.operators.packages.pypi.sources import PypiSource
from outrider.operators.packages.pypi.targets import Target
from outrider.operators.packages.resolving.outcomes import Impossible, Resolved, ResolvedFile, ResolvedPackage
from outrider.operators.packages.resolving.questions import Question

_EQUAL = "=="


class PipenvResolver:
    """Resolves for one machine.

    Args:
        source: Where packages come from.
        target: For what.
        question: What may be used for an answer.
    """

    def __init__(self, source: PypiSource, target: Target, question: Question) -> None:
        self._source, self._target, self._question = source, target, question
        self._notes: list[str] = []

    async def resolve(self, pipfile: Pipfile) -> Resolved | Impossible:
        """Choose versions; each package stands in the category of the lock that it is in.

        Raises:
            NotFoundError: Something that was asked for is in no index.
            UnsupportedError: Pipenv would write something that it cannot read.
            OutriderError: What an index says.
        """
        packages: list[ResolvedPackage] = []
        usual: dict[str, ResolvedPackage] = {}
        for category in pipfile.categories:
            constraints = _constraints(usual.values()) if pipfile.constrains else {}
            found = await self._category(pipfile, category, constraints)
            if isinstance(found, Impossible):
                return found
            if category == DEFAULT:
                usual = {one.entry["name"]: one for one in found}
            elif pipfile.constrains:
                for one in found:
                    one.entry = usual[one.entry["name"]].entry if one.entry["name"] in usual else one.entry
            packages += found
        return Resolved(target=f"python {self._target.python}", packages=packages, notes=[*dict.fromkeys(self._notes)])

    async def _category(
        self, pipfile: Pipfile, category: str, constraints: Mapping[str, str]
    ) -> list[ResolvedPackage] | Impossible:
        asked = [one for one in pipfile.asked if one.category == category]
        here = {one.name: origin for one in asked if (origin := self._here(one)) is not None}
        # What this looks at, much at a time, need not be waited for after that; and it says why there is nothing, which pip cannot.
        why = await self._impossible(here.values(), constraints) if here else None
        try:
            packages = await self._chosen([*here.values()], constraints)
        except ImpossibleError:
            return why or _not_found(asked)
        entries = Entries(asked, _indexes(pipfile, category))
        entries.begin(packages)
        names = {normalised(one) for one in here}
        found: list[ResolvedPackage] = []
        needed: dict[str, Chosen] = {}
        # Pipenv tells by the name in the Pipfile what it has passed over, whatever else needs it.
        passed = {one.name: one for one in asked if one.name not in here}
        for one in packages:
            if (name := lock_name(one.origin.name)) in passed:
                needed[name] = one
            else:
                found.append(await self._package(one, entries, category, names))
        for name, each in passed.items():
            found += await self._passed(each, category, needed.get(name))
        self._notes += map(_unpinned, needed.values())
        return sorted(found, key=lambda one: (one.name, one.version))

    def _here(self, one: PipfileRequirement) -> Origin | None:
        """Return a requirement as pip is given it; None where it is not for this machine."""
        marker = translated(one.marker, one.variables)
        # Once pip knows that markers of the Pipfile hold, it takes them away.
        return read_origin(one.told) if not marker or self._target.holds(marker, "") else None

    async def _impossible(self, asked: Iterable[Origin], constraints: Mapping[str, str]) -> Impossible | None:
        """Return why there is nothing; None where there is something, though pip may not find it."""
        needs = [Need(one.need.name, one.need.extras, one.need.range) for one in asked]
        needs += [Need(name, (), text) for name, text in constraints.items()]
        answer = await PypiResolver(self._source, self._target, self._question).resolve(needs)
        return answer if isinstance(answer, Impossible) else None

    async def _chosen(self, asked: Sequence[Origin], constraints: Mapping[str, str]) -> list[Chosen]:
        order: dict[Identifier, int] = {}
        requirements: list[Requirement] = []
        for number, one in enumerate(asked):
            some = [*requirements_of(one)]
            order.setdefault(some[0].identifier, number)
            requirements += some
        # Those with extras come last, so that fewer versions of them are looked at.
        requirements.sort(key=lambda one: bool(one.identifier.extras))
        candidates = Candidates(self._source, self._target, constraints)
        resolution = Resolution(candidates, Preferences(order), self._question.check)
        pins, criteria = await resolution.resolve(requirements)
        return chosen(pins, criteria, candidates)

    async def _package(self, one: Chosen, entries: Entries, category: str, asked: set[str]) -> ResolvedPackage:
        project = self._source.projects[one.name]
        version, wheel = project.table.versions[one.bit], project.wheel(one.bit)
        assert wheel is not None
        file = wheel[0]
        files = await self._files(one.name, version)
        return ResolvedPackage(
            name=one.name, version=version, extras=one.extras, needed_by=one.needed_by, place=category, file=file.name, url=file.url,
            hashes=file.hashes, direct=one.name in asked, files=files, entry=entries.entry(one, version, file.python, files),
        )  # fmt: skip

    async def _passed(self, one: PipfileRequirement, category: str, needed: Chosen | None) -> list[ResolvedPackage]:
        """Return what is not for this machine, as it is locked; nothing where it has no version.

        Args:
            one: It.
            category: Of the lock.
            needed: What was chosen of it all the same, as something else needs it.
        """
        if not one.text:
            return []
        lock = PypiDetails.of(self._question).categories
        before = lock.get(category, {}).get(one.name, {}) if lock else one.said
        version = str(before.get("version", "")) if one.text == ANY else one.range
        if one.text != ANY and (not version.startswith(_EQUAL) or "," in version or "*" in version):
            raise unsupported(
                one.where,
                f"is not for this machine, and Pipenv would lock it as =={one.text}",
                f'"{ANY}" or "==VERSION"',
            )
        hashed = version.removeprefix(_EQUAL) if version.startswith(_EQUAL) else ""
        # Where both are the same words, they are one object to Pipenv, and that has the version that was chosen.
        if needed is not None and needed.origin.text == one.told:
            hashed = self._source.projects[needed.name].table.versions[needed.bit]
        files = await self._files(one.name, hashed) if hashed else []
        stays = before if one.marker and not self._target.holds(one.marker, "") else {}
        entry = skipped_entry(one, stays, version, files)
        version = version.removeprefix(_EQUAL) or ANY
        return [ResolvedPackage(name=normalised(one.name), version=version, place=category, direct=True, entry=entry)]

    async def _files(self, name: str, version: str) -> list[ResolvedFile]:
        if not self._question.files:
            return []
        await self._source.load([normalised(name)])
        return await self._source.files(normalised(name), version)


def _constraints(packages: Iterable[ResolvedPackage]) -> dict[str, str]:
    """Return the versions that other categories have to take, by normalised names; one may be there under several names."""
    found: dict[str, list[str]] = {}
    for one in packages:
        version = str(one.entry.get("version", ""))
        if version.startswith(_EQUAL):
            found.setdefault(one.name, []).append(version)
    return {name: ",".join(versions) for name, versions in found.items()}


def _indexes(pipfile: Pipfile, category: str) -> dict[str, str]:
    """Return the sources that a lock names, by the normalised names of packages."""
    own = [one for one in pipfile.asked if one.category == category]
    others = [one for one in pipfile.asked if one.category != category] if category != DEFAULT else []
    usual = pipfile.sources[0].name
    named = {normalised(one.name): one.index for one in reversed([*own, *others]) if one.index}
    return named | {normalised(one.name): usual for one in own if not one.said}


def _unpinned(one: Chosen) -> str:
    needed = " and ".join(one.needed_by)
    return f"{one.name} is locked as what is not for this machine, as the Pipfile has it, though {needed} needs it here"


def _not_found(asked: Sequence[PipfileRequirement]) -> Impossible:
    reason = (
        "There are versions that go together, but pip, which Pipenv asks, would not find them: it takes no prerelease where a release fits,"
        " even one that was taken back, and ends a search that takes too many steps."
    )
    return Impossible(asked=[one.told for one in asked], reasons=[reason])
