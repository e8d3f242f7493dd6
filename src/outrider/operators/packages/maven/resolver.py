"""Resolves artifacts as Maven 3.8.7 does for a project whose dependencies are what is asked for, in the scope compile."""

import re
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from outrider.core.errors import InvalidConfigError, NotFoundError
from outrider.operators.packages.maven.choosing import Chooser, UnsolvableError
from outrider.operators.packages.maven.collecting import Collector, Node, Problem
from outrider.operators.packages.maven.coordinates import Artifact, ArtifactKey, Want
from outrider.operators.packages.maven.descriptors import Need, need_of
from outrider.operators.packages.maven.explaining import of_problems, of_ranges, way_to
from outrider.operators.packages.maven.holdings import Holdings
from outrider.operators.packages.maven.management import Management
from outrider.operators.packages.maven.ordering import choices, mark
from outrider.operators.packages.maven.poms import Dependency
from outrider.operators.packages.maven.reading import Reading
from outrider.operators.packages.maven.results import moved_by_ranges, needers, packages, winners
from outrider.operators.packages.maven.sources import MavenSource
from outrider.operators.packages.resolving.facts import newest
from outrider.operators.packages.resolving.naming import counted
from outrider.operators.packages.resolving.outcomes import Impossible, Resolved
from outrider.operators.packages.resolving.policies import Policy, refused
from outrider.operators.packages.versions.ecosystems import scheme_of
from outrider.operators.packages.versions.tables import VersionTable

_REMEDIES = 3
_LOGIN = re.compile(r"//[^/@]*@")


class Chosen(NamedTuple):
    """What was chosen.

    Attributes:
        nodes: Of each artifact one.
        root: Whoever asks, before it.
        by: Who needs each, as `needers` has it.
        moved: As `moved_by_ranges` has it.
    """

    nodes: list[Node]
    by: dict[int, list[str]]
    root: Node
    moved: dict[ArtifactKey, str]


class Failed(NamedTuple):
    """Why nothing was.

    Attributes:
        reasons: Sentences.
        notes: What was not considered.
        about: The artifacts of which another version might do.
    """

    reasons: list[str]
    notes: list[str]
    about: tuple[Artifact, ...]


class MavenResolver:
    """Resolves.

    Args:
        source: Has POMs and versions.
        reading: What is known of them.
        policy: What may be chosen.
    """

    def __init__(self, source: MavenSource, reading: Reading, policy: Policy) -> None:
        self._source, self._reading, self._policy = source, reading, policy

    async def resolve(self, wants: Sequence[Want]) -> Resolved | Impossible:
        """Choose versions for what is asked for.

        Raises:
            NotFoundError: No repository has all that was asked for.
            InvalidConfigError: What is asked for is not told apart.
            OutriderError: What a repository says.
        """
        _refuse_twins(wants)
        answer = await self._answer(wants)
        if isinstance(answer, Failed):
            remedies = await self._remedies(wants, answer)
            notes = [*answer.notes, *self._source.left_out]
            return Impossible(
                asked=[str(want) for want in wants], reasons=answer.reasons, remedies=remedies, notes=notes
            )
        places = await self.places(answer.nodes)
        return Resolved(target="maven", packages=packages(answer.nodes, answer.by, places))

    async def _answer(self, wants: Sequence[Want]) -> Chosen | Failed:
        """Return what is chosen, if it may be and is there; else why not."""
        return await self._checked(await self.graph(wants))

    async def of_project(self, needs: Sequence[Need], managed: Iterable[Need]) -> Chosen | Failed:
        """Return what is chosen for a project, if it may be and is there; else why not.

        Args:
            needs: Its dependencies of all scopes.
            managed: What it manages, the most important first.

        Raises:
            NotFoundError: No repository has a dependency.
            OutriderError: What a repository says.
        """
        return await self._checked(await self._of_needs(needs, Management(managed)))

    async def _checked(self, answer: Chosen | Failed) -> Chosen | Failed:
        if isinstance(answer, Failed):
            return answer
        return await self._refused(answer) or await self._absent(answer) or answer

    async def graph(self, wants: Sequence[Want]) -> Chosen | Failed:
        """Return what Maven would choose, before it looks whether the files are there.

        Raises:
            NotFoundError: No repository has a BOM, or any version of what is asked for without one.
            InvalidConfigError: A BOM cannot be used.
            OutriderError: What a repository says.
        """
        managed = await self._managed(wants)
        management = Management(need_of(one, "") for one in managed)
        needs = [await self._need(want, management, managed) for want in wants if not want.imported]
        return await self._of_needs(needs, management)

    async def _of_needs(self, needs: Sequence[Need], management: Management) -> Chosen | Failed:
        collector = await self._reading.settled(lambda check: _collected(self._reading, needs, management, check))
        if collector.problems:
            return self._lacking(collector.problems)
        answer = await self._reading.settled(lambda check: _chosen(collector.root, check))
        if isinstance(answer, UnsolvableError):
            names = [node.artifact for node in _of_group(collector.root, answer.group)]
            return self._failed(of_ranges(collector.root, answer.group), [one for one in names if one is not None])
        return answer

    async def _managed(self, wants: Sequence[Want]) -> list[Dependency]:
        """Return what the BOMs manage that are asked for, the first of them being the most important."""
        found: dict[object, Dependency] = {}
        for want in wants:
            if not want.imported:
                continue
            model = await self._reading.model(want.artifact.project)
            if model is None:
                raise _nowhere(want)
            if model.faults:
                raise InvalidConfigError(
                    f"maven {want.artifact.project} {model.faults[0].text}", found=str(want), expected="a BOM that can be used",
                    suggestions=["ask for another version of it"],
                )  # fmt: skip
            for one in model.managed:
                found.setdefault(one.key, one)
        return [*found.values()]

    async def _need(self, want: Want, management: Management, managed: Iterable[Dependency]) -> Need:
        """Return a wish as a resolver takes it: with the version that a BOM says, or the newest, where none is asked for."""
        artifact = want.artifact
        version = artifact.version or management.version(artifact.key)
        if not version:
            version = await self._newest(want)
        twin = next((need_of(one) for one in managed if need_of(one).artifact.key == artifact.key), None)
        exclusions = () if twin is None else twin.exclusions
        return Need(artifact._replace(version=version), exclusions=exclusions)

    async def _newest(self, want: Want) -> str:
        """Return the newest version: one that is no prerelease, where there is one that may be chosen."""
        name = want.artifact.name
        await self._source.load((), [name])
        table = VersionTable(scheme_of("maven"), self._source.versions[name].table.versions)
        usable = table.everything & ~refused(self._policy.refusals(name, table, ()))
        if not table.versions:
            raise _nowhere(want)
        return table.versions[newest(usable or table.everything, table.releases)]

    async def _refused(self, chosen: Chosen) -> Failed | None:
        """Return why what was chosen may not be; None where it may."""
        problems, notes = [], []
        for node in chosen.nodes:
            artifact = node.artifact
            if artifact is None or node.is_local:
                continue
            why = [one.why for one in self._reading.refusals(artifact.name, artifact.version) if one.versions]
            why += [await self._licence_refused(artifact)] if self._policy.asks_for_licences else []
            if any(why):
                problems.append(Problem(way_to(chosen.root, node), artifact, "may not be chosen"))
                notes += [f"{artifact.name}: {counted(1, one)}" for one in why if one]
        return self._failed(of_problems(problems), [one.need for one in problems], notes) if problems else None

    async def _licence_refused(self, artifact: Artifact) -> str:
        descriptor = self._reading.lookup.descriptor(artifact.project)
        licence = " OR ".join(descriptor.licences) if descriptor is not None else ""
        return self._policy.refuses_licence(artifact.name, artifact.version, licence)

    async def _absent(self, chosen: Chosen) -> Failed | None:
        """Return what no repository has; None where all is there.

        Raises:
            NotFoundError: It was asked for itself.
        """
        problems = []
        for node in chosen.nodes:
            if node.artifact is None or node.is_local or self._source.poms.get(node.artifact.project) is not None:
                continue
            if await self._source.place(node.artifact) is None:
                way = way_to(chosen.root, node)
                if not way:
                    raise _nowhere(Want(node.artifact))
                problems.append(Problem(way, node.artifact, "is in no repository"))
        return self._lacking(problems) if problems else None

    def _lacking(self, problems: Sequence[Problem]) -> Failed:
        """Return why nothing was chosen where something cannot be had, with the repositories in which it may be."""
        asked = {one.repository.id for one in self._source.holdings}
        notes = {}
        for artifact in [artifact for problem in problems for artifact in problem.way]:
            descriptor = self._reading.lookup.descriptor(artifact.project)
            for name, url in descriptor.repositories if descriptor is not None else ():
                if name not in asked:
                    notes[url] = (
                        f"the repository {name} at {_LOGIN.sub('//', url)}, which the POM of {artifact.shown} names"
                    )
        return self._failed(of_problems(problems), [one.need for one in problems], notes.values())

    def _failed(self, reasons: list[str], about: Sequence[Artifact], notes: Iterable[str] = ()) -> Failed:
        """Return why nothing was chosen, with what was not considered of the artifacts that it is about."""
        said = [*notes]
        for name in dict.fromkeys(one.name for one in about):
            versions = self._source.versions.get(name)
            if versions is None:
                continue
            if versions.left_out:
                said.append(f"{name}: versions in a form that cannot be read: {versions.left_out}")
            said += [f"{name}: {counted(one.versions.bit_count(), one.why)}" for one in self._reading.refusals(name)]
        return Failed(reasons, said, tuple(about))

    async def _remedies(self, wants: Sequence[Want], failed: Failed) -> list[str]:
        """Return changes of what is asked for, each of which would do."""
        found: list[str] = []
        for position, want in enumerate(wants):
            if want.artifact.version and not want.imported and len(found) < _REMEDIES:
                newer = Want(want.artifact._replace(version=await self._newest(want)))
                if newer != want and await self._would_do([*wants[:position], newer, *wants[position + 1 :]]):
                    found.append(f"allow {newer}: you ask for {want}")
        asked = {want.artifact.key for want in wants}
        for artifact in dict.fromkeys(one._replace(version="") for one in failed.about if one.key not in asked):
            if len(found) < _REMEDIES:
                found += await self._addition(wants, artifact)
        return found

    async def _addition(self, wants: Sequence[Want], artifact: Artifact) -> list[str]:
        """Return a further wish that would do: what is asked for itself is nearer than what anything needs."""
        await self._source.load((), [artifact.name])
        if not self._source.versions[artifact.name].table.versions:
            return []
        more = Want(artifact._replace(version=await self._newest(Want(artifact))))
        return [f"ask for {more} too"] if await self._would_do([*wants, more]) else []

    async def _would_do(self, wants: Sequence[Want]) -> bool:
        try:
            return isinstance(await self._answer(wants), Chosen)
        except NotFoundError:
            return False

    async def places(self, nodes: Iterable[Node]) -> dict[Artifact, tuple[Holdings, str]]:
        """Return of each artifact the repository that has it, and the version in the name of its file."""
        places = {}
        for node in nodes:
            if node.artifact is None or node.is_local:
                continue
            found = self._source.poms.get(node.artifact.project)
            holdings = found.holdings if found is not None else await self._source.place(node.artifact)
            if holdings is not None:
                places[node.artifact] = (holdings, await holdings.dated(node.artifact))
        return places


def _collected(reading: Reading, needs: Iterable[Need], management: Management, check: Callable[[], None]) -> Collector:
    collector = Collector(reading.lookup, management, check)
    collector.collect(needs)
    return collector


def _chosen(root: Node, check: Callable[[], None]) -> Chosen | UnsolvableError:
    mark(root)
    by, moved = needers(root), moved_by_ranges(root)
    ordered, circles = choices(root)
    try:
        Chooser(root, check).run(ordered, circles)
    except UnsolvableError as error:
        return error
    return Chosen(winners(root), by, root, moved)


def _of_group(root: Node, group: int) -> list[Node]:
    found, waiting = {}, [root]
    while waiting:
        node = waiting.pop()
        for child in node.children:
            if id(child) not in found:
                found[id(child)] = child
                waiting.append(child)
    return [node for node in found.values() if node.group == group]


def _refuse_twins(wants: Sequence[Want]) -> None:
    seen: dict[object, str] = {}
    for index, want in enumerate(wants):
        key = (want.artifact.key, want.imported)
        if key in seen:
            raise InvalidConfigError(
                f"packages[{index}]: {want.artifact.name} is asked for twice", path=f"packages[{index}]",
                found=f"{seen[key]} and {want}", expected="each artifact once", suggestions=["ask for one of them"],
            )  # fmt: skip
        seen[key] = str(want)


def _nowhere(want: Want) -> NotFoundError:
    return NotFoundError(
        f"maven {want}: no repository has it", found=str(want), suggestions=["check the name and the version"]
    )  # fmt: skip
